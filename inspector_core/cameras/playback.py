"""A camera that plays a folder of images or a video file."""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from inspector_core.cameras.camera import CameraCounters, EndOfStream, Feature, FeatureValue
from inspector_core.cameras.frame import Frame
from inspector_core.errors import CameraError, ImageError
from inspector_core.images import IMAGE_SUFFIXES, RGB, read_rgb

VIDEO_SUFFIXES = frozenset({".avi", ".mp4", ".mkv", ".mov", ".m4v", ".webm", ".mpg", ".mpeg", ".wmv"})

KEPT_BYTES = 128 << 20
"""Pictures that a loop keeps, of the files that it comes to first: reading a PNG takes a core 5 ms."""

_log = logging.getLogger(__name__)


class PlaybackCamera:
    """Plays images in the order of their paths, or a video, always from the beginning after `start`.

    A folder is read with its sub-folders; hidden files and MVTec's `ground_truth` are passed over.
    A file that can't be read is logged, counted in `counters.unreadable` and skipped.

    Args:
        source: folder, image file or video file.
        rate: frames per second, or None for as fast as they are fetched. A slow consumer loses nothing:
            the next frame waits for it.
        loop: begin again at the end; otherwise the end raises EndOfStream.
        camera_id: stands in every frame.
    """

    def __init__(
        self, source: Path, *, rate: float | None = None, loop: bool = True, camera_id: str = "playback"
    ) -> None:
        if rate is not None and not 0 < rate < float("inf"):
            raise CameraError(f"the playback rate {rate} is not a positive number", "give frames per second")
        self._source = source
        self._period = 1 / rate if rate else 0.0
        self._loop = loop
        self._id = camera_id
        self._counters = CameraCounters()
        self._files: list[Path] = []
        self._pictures: Iterator[tuple[str, RGB]] | None = None
        self._kept: dict[Path, tuple[tuple[int, int], RGB]] = {}
        self._room = KEPT_BYTES
        self._due = 0.0
        self._frame_id = 0

    @property
    def id(self) -> str:
        return self._id

    @property
    def on_demand(self) -> bool:
        """Whether a frame is ready whenever one is fetched, so that the line sets the pace."""
        return not self._period

    @property
    def counters(self) -> CameraCounters:
        return self._counters

    def open(self) -> None:
        """Find the files. Raises CameraError where there are none, or none that can be read."""
        if not self._files:
            files = _find_files(self._source)
            if not any(map(_is_readable, files)):
                raise self._unreadable()
            self._files = files
            self._counters = CameraCounters()

    def start(self) -> None:
        self.open()
        self._pictures = self._play()
        self._due = time.monotonic()

    def fetch(self, timeout_s: float) -> Frame | None:
        """See `Camera.fetch`. Raises CameraError where a whole pass had no readable picture."""
        if self._pictures is None:
            raise CameraError(f"the playback of {self._source} is not running", "start it first")
        now = time.monotonic()
        if self._due > now:
            time.sleep(min(self._due - now, timeout_s))
            if self._due > now + timeout_s:
                return None
        try:
            name, image = next(self._pictures)
        except StopIteration:
            raise EndOfStream(f"{self._source} is played to its end") from None
        self._due = max(self._due + self._period, time.monotonic())
        self._frame_id += 1
        self._counters.delivered += 1
        return Frame(image, self._id, self._frame_id, datetime.now(UTC), source=name)

    def stop(self) -> None:
        self._pictures = None

    def close(self) -> None:
        self.stop()
        self._files = []
        self._kept.clear()
        self._room = KEPT_BYTES

    def features(self) -> list[Feature]:
        return []

    def set_feature(self, name: str, value: FeatureValue) -> None:
        raise CameraError(f"a playback has no feature {name} to set to {value}", "choose a GenICam camera")

    def _play(self) -> Iterator[tuple[str, RGB]]:
        while True:
            played = 0
            for path in self._files:
                for picture in self._pictures_of(path):
                    played += 1
                    yield picture
            if played == 0:
                raise self._unreadable()
            if not self._loop:
                return

    def _unreadable(self) -> CameraError:
        return CameraError(f"no file in {self._source} can be read as a picture", "replace the files")

    def _pictures_of(self, path: Path) -> Iterator[tuple[str, RGB]]:
        name = path.relative_to(self._source).as_posix() if path != self._source else path.name
        name = name.encode(errors="replace").decode()  # a name that is no UTF-8 could not be recorded
        if path.suffix.lower() in VIDEO_SUFFIXES:
            yield from _video_pictures(path, name)
            return
        try:
            image = self._read(path)
        except ImageError as error:
            self._counters.unreadable += 1
            _log.warning("skipped: %s", error)
            return
        yield name, image

    def _read(self, path: Path) -> RGB:
        """A picture, which nobody can write to where a loop keeps it. Raises ImageError."""
        try:
            state = path.stat()
        except OSError:
            return read_rgb(path)  # it says what is wrong
        stamp = (state.st_mtime_ns, state.st_size)
        if path in self._kept:
            before, kept = self._kept[path]
            if before == stamp:
                return kept
            self._room += kept.nbytes
            del self._kept[path]
        image = read_rgb(path)
        if self._loop and image.nbytes <= self._room:
            self._room -= image.nbytes
            image.flags.writeable = False
            self._kept[path] = stamp, image
        return image


def _find_files(source: Path) -> list[Path]:
    if source.is_file():
        if source.suffix.lower() not in IMAGE_SUFFIXES | VIDEO_SUFFIXES:
            raise CameraError(f"{source} is neither an image nor a video", "choose a folder or a video file")
        if source.suffix.lower() in VIDEO_SUFFIXES:
            _probe_video(source)
        return [source]
    if not source.is_dir():
        raise CameraError(f"the folder or video {source} does not exist", "correct the path")
    try:
        found = [
            path for path in source.rglob("*") if _is_picture(path.relative_to(source)) and path.is_file()
        ]
    except OSError as error:
        problem = f"the folder {source} can't be read ({error.strerror})"
        raise CameraError(problem, "correct its permissions") from error
    if not found:
        raise CameraError(f"the folder {source} holds no images", "put images there or choose another folder")
    return sorted(found, key=lambda path: path.relative_to(source).parts)


def _is_picture(path: Path) -> bool:
    hidden = any(part.startswith(".") or part == "ground_truth" for part in path.parts)
    return path.suffix.lower() in IMAGE_SUFFIXES and not hidden


def _is_readable(path: Path) -> bool:
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return True  # it was probed when it was found
    try:
        read_rgb(path)
    except ImageError:
        return False
    return True


def _probe_video(path: Path) -> None:
    if next(_video_pictures(path, path.name), None) is None:
        raise CameraError(f"the video {path} can't be read", "convert it to H.264 in an .mp4 file")


def _video_pictures(path: Path, name: str) -> Iterator[tuple[str, RGB]]:
    video = cv2.VideoCapture(str(path))
    try:
        while True:
            ok, bgr = video.read()
            if not ok:
                return
            yield name, np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    finally:
        video.release()
