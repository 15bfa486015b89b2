"""The whole GenTL path on the virtual producer that the genicam package ships."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import numpy as np
import psutil
import pytest

from inspector_core.cameras.camera import Feature
from inspector_core.cameras.frame import Frame
from inspector_core.cameras.frame_ring import SLOTS
from inspector_core.cameras.genicam import GenicamCamera
from inspector_core.errors import CameraError

Open = Callable[..., GenicamCamera]
WAIT_S = 30.0  # a machine under load is slow, never wrong


@pytest.fixture
def camera_of() -> Iterator[Open]:
    """Makes cameras, and fails the test whose camera leaves a process behind."""
    made: list[GenicamCamera] = []

    def make(*args: object, **settings: object) -> GenicamCamera:
        made.append(GenicamCamera(*args, **settings))
        return made[-1]

    yield make
    for camera in made:
        pid = camera.process_id
        camera.close()
        assert camera.process_id is None
        assert pid is None or not psutil.pid_exists(pid)


def take(camera: GenicamCamera, count: int) -> list[Frame]:
    frames = []
    for _ in range(count):
        frame = camera.fetch(WAIT_S)
        assert frame is not None
        frames.append(frame)
    return frames


def colours(frame: Frame) -> set[tuple[int, ...]]:
    return {tuple(colour) for colour in np.unique(frame.image.reshape(-1, 3), axis=0).tolist()}


def feature(camera: GenicamCamera, name: str) -> Feature:
    return next(each for each in camera.features() if each.name == name)


def test_two_hundred_frames_arrive_and_every_number_is_accounted_for(camera_of: Open) -> None:
    camera = camera_of("viky", "VikyTL_DEV_red", {"AcquisitionFrameRate": 200.0, "Width": 160, "Height": 100})
    handler = signal.getsignal(signal.SIGINT)
    before = datetime.now(UTC)
    camera.start()
    frames = take(camera, 200)
    first = frames[0].image.copy()
    assert [frame.image.shape for frame in frames] == [(100, 160, 3)] * 200
    assert {frame.camera_id for frame in frames} == {"VikyTL_DEV_red"}
    assert all(before <= frame.captured_at <= datetime.now(UTC) for frame in frames)
    # A red ball on white: red and blue are not swapped.
    assert colours(frames[0]) == {(255, 255, 255), (255, 0, 0)}
    lost = sum(frame.lost_before for frame in frames)
    assert frames[-1].frame_id == 200 + lost
    assert camera.counters.delivered == 200
    assert camera.counters.lost == lost
    # The frames are the application's own: 200 later ones have not changed the first.
    np.testing.assert_array_equal(frames[0].image, first)
    assert len({frame.image.ctypes.data for frame in frames}) == 200
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_slow_consumer_sees_its_gaps_counted_and_at_most_a_ring_of_old_frames(camera_of: Open) -> None:
    camera = camera_of(features={"AcquisitionFrameRate": 100.0, "Width": 100, "Height": 100})
    camera.start()
    frames = take(camera, 3)
    time.sleep(1.0)
    now = datetime.now(UTC)
    frames += take(camera, SLOTS + 12)
    lost = sum(frame.lost_before for frame in frames)
    assert lost > 20
    assert camera.counters.lost == lost
    assert frames[-1].frame_id - frames[0].frame_id + 1 + frames[0].lost_before == len(frames) + lost
    assert sum(frame.captured_at < now for frame in frames[3:]) <= SLOTS
    numbers = [frame.frame_id for frame in frames]
    assert numbers == sorted(set(numbers))


def test_frames_before_the_first_fetch_count_as_lost_too(camera_of: Open) -> None:
    camera = camera_of(features={"AcquisitionFrameRate": 100.0, "Width": 100, "Height": 100})
    camera.start()
    time.sleep(0.5)
    frames = take(camera, 20)
    assert frames[-1].frame_id == 20 + camera.counters.lost


def test_stopped_and_started_again_it_delivers_fresh_frames(camera_of: Open) -> None:
    camera = camera_of(device="2", features={"AcquisitionFrameRate": 50.0})
    camera.open()
    process = camera.process_id
    for _ in range(3):
        camera.start()
        begin = datetime.now(UTC)
        assert take(camera, 3)[-1].captured_at > begin
        camera.stop()
        with pytest.raises(CameraError, match="start it first"):
            camera.fetch(0.1)
    assert camera.id == "VikyTL_DEV_blue"
    assert camera.process_id == process
    assert camera.counters.delivered == 9
    camera.close()
    camera.start()
    assert take(camera, 1)[0].image.shape == (400, 400, 3)
    assert camera.counters.delivered == 1


def test_two_cameras_deliver_at_once_from_two_processes(camera_of: Open) -> None:
    red = camera_of("viky", "VikyTL_DEV_red", {"AcquisitionFrameRate": 50.0, "Height": 100})
    green = camera_of("viky", "VikyTL_DEV_green", {"Height": 100, "PixelFormat": "Mono8"})
    red.start()
    green.start()
    assert len({red.process_id, green.process_id, os.getpid()}) == 3
    for _ in range(20):
        a, b = take(red, 1)[0], take(green, 1)[0]
        assert (a.camera_id, b.camera_id) == ("VikyTL_DEV_red", "VikyTL_DEV_green")
        assert colours(b) == {(255, 255, 255), (0, 0, 0)}


def test_fetch_keeps_its_time_where_no_frame_comes(camera_of: Open) -> None:
    camera = camera_of(features={"AcquisitionFrameRate": 1.0})
    camera.start()
    take(camera, 1)
    begin = time.monotonic()
    assert camera.fetch(0.2) is None
    assert 0.19 < time.monotonic() - begin < 5
    assert camera.counters.lost == 0


def test_features_are_listed_with_ranges_and_without_tripping_over_unavailable_ones(camera_of: Open) -> None:
    camera = camera_of()
    camera.open()
    features = {each.name: each for each in camera.features()}
    width = features["Width"]
    assert (width.kind, width.value, width.increment) == ("integer", 400, 1)
    assert (width.minimum, width.maximum) == (100, 800)
    assert (width.category, width.writable) == ("ImageFormatControl", True)
    rate = features["AcquisitionFrameRate"]
    assert (rate.kind, rate.value, rate.maximum, rate.unit) == ("float", 20.0, 200.0, "Hz")
    assert features["PixelFormat"].choices == ("RGBa8", "Mono8")
    assert features["AcquisitionStart"].kind == "command"
    unavailable = features["Scan3dCoordinateScale"]
    assert (unavailable.value, unavailable.writable) == (None, False)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("AcquisitionFrameRate", 1000, "AcquisitionFrameRate can't be 1000: choose a value from 1 to 200"),
        ("AcquisitionFrameRate", "fast", "AcquisitionFrameRate can't be fast: choose a value from 1 to 200"),
        ("AcquisitionFrameRate", float("nan"), "can't be nan: choose a value from 1 to 200"),
        ("Width", 200.5, "Width can't be 200.5: choose a value from 100 to 800"),
        ("Width", True, "Width can't be True"),
        ("PixelFormat", "Mono12", "PixelFormat can't be Mono12: choose one of RGBa8, Mono8"),
        ("ChunkModeActive", 2, "ChunkModeActive can't be 2: choose true or false"),
        ("PayloadSize", 5, "PayloadSize can't be set to 5 now: stop the camera first"),
        ("Scan3dCoordinateScale", 1.0, "Scan3dCoordinateScale can't be set to 1.0 now"),
        ("ExposureTime", 100.0, "the camera has no feature ExposureTime"),
    ],
)
def test_a_feature_that_cannot_be_set_is_named_with_value_and_range(
    one_camera: GenicamCamera, name: str, value: float | str, message: str
) -> None:
    with pytest.raises(CameraError, match=message):
        one_camera.set_feature(name, value)


@pytest.fixture(scope="module")
def one_camera() -> Iterator[GenicamCamera]:
    camera = GenicamCamera()
    camera.open()
    yield camera
    camera.close()


def test_features_are_set_and_commands_executed(one_camera: GenicamCamera) -> None:
    for name, value, read in [("Width", 321, 321), ("ChunkModeActive", False, False), ("Height", 120.0, 120)]:
        one_camera.set_feature(name, value)
        assert feature(one_camera, name).value == read
    one_camera.set_feature("FancyBallOperation", True)
    one_camera.start()
    with pytest.raises(CameraError, match="Width can't be set while frames flow: stop the camera first"):
        one_camera.set_feature("Width", 100)
    one_camera.set_feature("AcquisitionFrameRate", 33)
    assert feature(one_camera, "AcquisitionFrameRate").value == 33
    assert take(one_camera, 1)[0].image.shape == (120, 321, 3)


def test_a_camera_in_use_is_said_to_be(one_camera: GenicamCamera) -> None:
    # viky refuses a second user only within one process, so this asks that process's driver itself.
    from inspector_core.cameras.genicam_device import Producer
    from inspector_core.cameras.producers import viky_path

    handler = signal.getsignal(signal.SIGINT)
    producer = Producer(viky_path())
    device = producer.open("VikyTL_DEV_red")
    try:
        with pytest.raises(CameraError, match="VikyTL_DEV_red is in use: close the other program"):
            producer.open("VikyTL_DEV_red")
    finally:
        device.close()
        producer.close()
        signal.signal(signal.SIGINT, handler)


@pytest.mark.parametrize(
    ("producer", "device", "features", "message"),
    [
        ("viky", "VikyTL_DEV_pink", {}, "VikyTL_DEV_pink is not there: .* VikyTL_DEV_red, VikyTL_DEV_green"),
        ("viky", "", {"Gain": 3}, "no feature Gain"),
        ("/missing.cti", "", {}, "/missing.cti does not exist"),
        (__file__, "", {}, "can't be loaded .*: install the camera maker's driver"),
        ("libc.so.6", "", {}, "is no GenTL producer"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence_with_a_remedy(
    camera_of: Open, producer: str, device: str, features: dict[str, int], message: str
) -> None:
    if producer == "libc.so.6":
        producer = next(m.path for m in psutil.Process().memory_maps() if "libc.so" in m.path)
    camera = camera_of(producer, device, features)
    with pytest.raises(CameraError, match=message) as caught:
        camera.open()
    assert "\n" not in str(caught.value)
    assert camera.process_id is None
