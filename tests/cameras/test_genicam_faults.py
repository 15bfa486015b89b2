"""What the application sees when the camera process dies, falls silent or can't come back."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from inspector_core.cameras import genicam
from inspector_core.cameras.frame import Frame
from inspector_core.cameras.genicam import GenicamCamera
from inspector_core.cameras.producers import viky_path
from inspector_core.errors import CameraError

WAIT_S = 60.0
FEATURES = {"AcquisitionFrameRate": 100.0, "Width": 120, "Height": 110}


@pytest.fixture
def camera() -> Iterator[GenicamCamera]:
    camera = GenicamCamera(features=FEATURES, silence_s=2.0)
    camera.start()
    yield camera
    camera.close()


def own_rings(pid: int) -> list[str]:
    return [path.name for path in Path("/dev/shm").glob(f"norma_{pid}_*")]


def fetch_until(camera: GenicamCamera, frames: int) -> tuple[list[Frame], list[CameraError]]:
    got: list[Frame] = []
    errors: list[CameraError] = []
    deadline = time.monotonic() + WAIT_S
    while len(got) < frames:
        assert time.monotonic() < deadline, (len(got), errors, camera.fault)
        try:
            frame = camera.fetch(0.2)
        except CameraError as error:
            errors.append(error)
        else:
            if frame is not None:
                got.append(frame)
    return got, errors


def test_a_killed_process_gives_one_error_and_then_frames_with_the_features_restored(
    camera: GenicamCamera,
) -> None:
    camera.set_feature("AcquisitionFrameRate", 60.0)
    camera.set_feature("FancyBallOperation", True)  # a command: nothing to restore
    assert list(camera.restored_features) == ["Width", "Height", "AcquisitionFrameRate"]
    fetch_until(camera, 5)
    for kills in (1, 2):
        pid = camera.process_id
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        got, errors = fetch_until(camera, 25)
        assert len(errors) == 1
        assert "signal 9" in errors[0].problem
        assert got[-1].image.shape == (110, 120, 3)
        assert camera.process_id != pid
        assert not psutil.pid_exists(pid)
        assert camera.counters.restarts == kills
        assert camera.fault == ""
    values = {feature.name: feature.value for feature in camera.features()}
    assert {name: values[name] for name in FEATURES} == FEATURES | {"AcquisitionFrameRate": 60.0}
    assert camera.counters.delivered == 55
    assert own_rings(os.getpid()) == []


def test_a_frame_that_cannot_be_converted_is_an_error_and_not_lost_as_well(
    camera: GenicamCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, _ = fetch_until(camera, 3)

    def refuse(*_: object) -> None:
        raise CameraError("a Mono8 image came with too few bytes", "check the camera's cable")

    with monkeypatch.context() as patch:
        patch.setattr(genicam, "to_rgb", refuse)
        for _ in range(2):
            with pytest.raises(CameraError, match="too few bytes"):
                fetch_forever(camera)
    frames += fetch_until(camera, 3)[0]
    lost = sum(frame.lost_before for frame in frames)
    assert frames[-1].frame_id == len(frames) + 2 + lost
    assert camera.counters.lost == lost


def test_a_silent_process_is_replaced(camera: GenicamCamera) -> None:
    fetch_until(camera, 2)
    pid = camera.process_id
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    got, errors = fetch_until(camera, 15)
    assert ["silent for 2 s" in error.problem for error in errors] == [True]
    assert got
    assert not psutil.pid_exists(pid)


def test_a_process_that_died_while_idle_is_told_at_start_and_replaced_at_the_next(
    camera: GenicamCamera,
) -> None:
    camera.stop()
    pid = camera.process_id
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(CameraError, match="is lost"):
        camera.features()
    with pytest.raises(CameraError, match="is lost"):
        camera.start()
    camera.start()
    assert fetch_until(camera, 2)[1] == []


def test_attempts_go_on_until_the_camera_is_back(tmp_path: Path) -> None:
    producer = tmp_path / "maker.cti"
    shutil.copy(viky_path(), producer)
    camera = GenicamCamera(str(producer), features=FEATURES)
    camera.start()
    fetch_until(camera, 2)
    try:
        producer.rename(tmp_path / "gone")
        assert camera.process_id is not None
        os.kill(camera.process_id, signal.SIGKILL)
        errors, deadline = 0, time.monotonic() + WAIT_S
        while not camera.fault or camera.process_id is not None:
            assert time.monotonic() < deadline
            try:
                camera.fetch(0.1)
            except CameraError:
                errors += 1
        assert errors == 1
        assert camera.fetch(0.1) is None
        assert "does not exist" in camera.fault
        with pytest.raises(CameraError, match="is not connected"):
            camera.set_feature("Width", 200)
        (tmp_path / "gone").rename(producer)
        got, later_errors = fetch_until(camera, 3)
        assert later_errors == []
        assert got[0].image.shape == (110, 120, 3)
        assert camera.counters.restarts == 1
    finally:
        camera.close()


def test_a_camera_can_be_stopped_and_closed_while_it_is_being_reconnected(camera: GenicamCamera) -> None:
    assert camera.process_id is not None
    os.kill(camera.process_id, signal.SIGKILL)
    with pytest.raises(CameraError):
        fetch_forever(camera)
    successor = camera.process_id
    camera.stop()
    assert successor is not None
    assert not psutil.pid_exists(successor)
    assert camera.fault == ""
    camera.start()
    assert fetch_until(camera, 2)[1] == []
    camera.close()
    assert own_rings(os.getpid()) == []


def fetch_forever(camera: GenicamCamera) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        camera.fetch(0.2)


def test_a_driver_that_hangs_with_the_interpreters_lock_ends_its_process_all_the_same() -> None:
    script = (
        "import ctypes; from inspector_core.cameras.genicam_process import guard;"
        "guard(1.0); ctypes.PyDLL(None).sleep(100)"
    )
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, timeout=WAIT_S)
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert time.monotonic() - begin < 50


PARENT = """
import sys
from inspector_core.cameras.genicam import GenicamCamera

def main():
    camera = GenicamCamera(features={"AcquisitionFrameRate": 50.0})
    camera.start()
    while True:
        frame = camera.fetch(1)
        print(camera.process_id, flush=True)

if __name__ == "__main__":
    main()
"""


def test_no_process_and_no_shared_memory_outlive_a_killed_application(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        descendants = psutil.Process(parent.pid).children(recursive=True)
        assert child in {process.pid for process in descendants}
        parent.kill()
    _, alive = psutil.wait_procs(descendants, timeout=WAIT_S)
    assert alive == []
    assert own_rings(parent.pid) == []
