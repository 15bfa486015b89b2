"""Folders and videos played as a camera."""

import logging
import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from inspector_core.cameras import playback
from inspector_core.cameras.camera import EndOfStream
from inspector_core.cameras.playback import PlaybackCamera
from inspector_core.errors import CameraError
from inspector_core.images import read_rgb, write_png


def picture(value: int) -> np.ndarray:
    return np.full((8, 10, 3), value, np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, value in (("a/2.png", 2), ("b/1.png", 3), ("a/1.png", 1)):
        write_png(tmp_path / name, picture(value))
    return tmp_path


def play(camera: PlaybackCamera) -> list[tuple[str, int]]:
    camera.open()
    camera.start()
    seen = []
    try:
        while len(seen) < 100:
            frame = camera.fetch(5)
            assert frame is not None
            seen.append((frame.source, int(frame.image[0, 0, 0])))
    except EndOfStream:
        return seen
    raise AssertionError("it does not end")


def test_sub_folders_play_in_the_order_of_their_paths_and_then_end(folder: Path) -> None:
    (folder / ".hidden.png").write_bytes(b"nothing")
    write_png(folder / "ground_truth" / "a" / "2_mask.png", picture(255))
    camera = PlaybackCamera(folder, loop=False)
    assert play(camera) == [("a/1.png", 1), ("a/2.png", 2), ("b/1.png", 3)]
    assert camera.counters.delivered == 3
    assert camera.counters.unreadable == 0


def test_a_second_start_plays_from_the_beginning_with_running_frame_ids(folder: Path) -> None:
    camera = PlaybackCamera(folder, loop=False)
    first = play(camera)
    camera.stop()
    assert play(camera) == first
    camera.start()
    frame = camera.fetch(5)
    assert frame is not None
    assert frame.frame_id == 7
    assert frame.captured_at.utcoffset() is not None


def test_a_loop_begins_again(folder: Path) -> None:
    camera = PlaybackCamera(folder, loop=True)
    camera.start()
    frames = [camera.fetch(5) for _ in range(7)]
    assert [frame.source for frame in frames if frame] == ["a/1.png", "a/2.png", "b/1.png"] * 2 + ["a/1.png"]


def test_a_loop_reads_each_file_once_as_long_as_it_stays_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(path: Path) -> np.ndarray:
        read.append(path.name)
        return read_rgb(path)

    camera = PlaybackCamera(folder)
    camera.open()
    files = [path for path in sorted(folder.rglob("*.png")) if "ground_truth" not in path.parts]
    monkeypatch.setattr(playback, "read_rgb", counted)
    camera.start()
    first = [camera.fetch(1.0) for _ in files]
    assert len(read) == len(files)
    for frame in first:
        assert frame is not None
        with pytest.raises(ValueError, match="read-only"):
            frame.image[:] = 99
    again = [camera.fetch(1.0) for _ in files]
    assert len(read) == len(files)
    for one, other in zip(first, again, strict=True):
        assert one is not None
        assert other is not None
        assert one.image is other.image, "kept without a copy"
    write_png(files[0], picture(201)[:5])
    changed = camera.fetch(1.0)
    assert changed is not None
    assert changed.image.shape[0] == 5
    assert read[len(files) :] == [files[0].name]
    camera.close()


def test_a_loop_keeps_no_more_than_it_may(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback, "KEPT_BYTES", 2 * picture(1).nbytes)
    camera = PlaybackCamera(folder)
    camera.start()
    for _ in range(12):
        assert camera.fetch(1.0) is not None
    assert len(camera._kept) == 2
    camera.close()
    once = PlaybackCamera(folder, loop=False)
    once.start()
    assert once.fetch(1.0) is not None
    assert not once._kept
    once.close()


def test_unreadable_files_are_counted_logged_and_skipped(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "a" / "1b.png").write_bytes(b"not an image")
    (folder / "a" / "3.png").write_bytes(b"")
    camera = PlaybackCamera(folder, loop=False)
    with caplog.at_level(logging.WARNING):
        assert len(play(camera)) == 3
    assert camera.counters.unreadable == 2
    assert "1b.png" in caplog.text


def test_a_file_name_that_is_no_text_still_gives_a_source_that_can_be_stored(folder: Path) -> None:
    os.rename(folder / "b" / "1.png", os.fsencode(folder / "b") + b"/caf\xe9.png")
    sources = [name for name, _ in play(PlaybackCamera(folder, loop=False))]
    assert sources == ["a/1.png", "a/2.png", "b/caf?.png"]


def test_a_folder_in_which_nothing_is_readable_does_not_open(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(CameraError, match=r"no file in .* can be read"):
        PlaybackCamera(tmp_path).open()


def test_a_folder_that_is_emptied_while_it_plays_is_an_error_and_no_endless_search(folder: Path) -> None:
    camera = PlaybackCamera(folder, loop=True)
    camera.start()
    for path in folder.rglob("*.png"):
        path.unlink()
    with pytest.raises(CameraError, match=r"no file in .* can be read"):
        camera.fetch(5)


def test_a_rate_is_kept_and_a_timeout_before_the_next_frame_gives_none(folder: Path) -> None:
    camera = PlaybackCamera(folder, rate=10)
    camera.start()
    begin = time.monotonic()
    assert camera.fetch(5) is not None
    assert camera.fetch(0.01) is None
    for _ in range(5):
        assert camera.fetch(5) is not None
    assert time.monotonic() - begin >= 0.49


def test_a_slow_consumer_of_a_paced_playback_misses_nothing_and_gets_no_burst(folder: Path) -> None:
    camera = PlaybackCamera(folder, rate=20)
    camera.start()
    time.sleep(0.3)
    begin = time.monotonic()
    sources = [frame.source for frame in (camera.fetch(5) for _ in range(4)) if frame]
    assert sources == ["a/1.png", "a/2.png", "b/1.png", "a/1.png"]
    assert time.monotonic() - begin >= 0.09


def test_a_video_plays_all_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "line.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (32, 24))
    for value in (40, 120, 200):
        writer.write(np.full((24, 32, 3), value, np.uint8))
    writer.release()
    seen = play(PlaybackCamera(path, loop=False))
    assert [name for name, _ in seen] == ["line.avi"] * 3
    assert [value for _, value in seen] == pytest.approx([40, 120, 200], abs=3)


def test_one_image_file_is_a_source_too(folder: Path) -> None:
    assert play(PlaybackCamera(folder / "b" / "1.png", loop=False)) == [("1.png", 3)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty", None, "empty holds no images: put images there"),
        ("missing", b"", "missing does not exist: correct the path"),
        ("notes.txt", b"text", "notes.txt is neither an image nor a video"),
        ("broken.mp4", b"no video", "broken.mp4 can't be read: convert it"),
    ],
)
def test_a_source_that_cannot_be_played_is_named(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is None:
        (tmp_path / name).mkdir()
    elif content:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CameraError, match=message):
        PlaybackCamera(tmp_path / name).open()


def test_fetching_from_a_stopped_playback_is_an_error(folder: Path) -> None:
    with pytest.raises(CameraError, match="start it first"):
        PlaybackCamera(folder).fetch(1)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_not_positive_is_refused(folder: Path, rate: float) -> None:
    with pytest.raises(CameraError, match="not a positive number"):
        PlaybackCamera(folder, rate=rate)
