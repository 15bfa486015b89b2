"""The pictures of inspected parts, as PNG files in folders by date.

    archive/2026/03/31/14/145902-123456_s12_p345_fail_image.png            RGB, 8 bit
                                                     _map.png              grey, 8 bit: the raw map times 255
                                                     _reconstruction.png   RGB, 8 bit, in the image's shape,
                                                                           no finer than the detector saw

Times are UTC. The time, session and part in the name keep two parts from ever sharing a file. Writing has
its own thread and its own queue, bounded in bytes: the line never waits for it. What the queue has no room
for, and what the disk refuses, is counted; a full disk is a state that ends when a file can be written again.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from threading import Condition, Thread

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector_core.errors import ImageError
from inspector_core.images import read_rgb, write_png
from inspector_core.inspection.recipe import ArchivePolicy
from inspector_core.inspection.verdict import Inspection, PartImages, Verdict

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ArchivedPaths:
    """Where one part's pictures stand, relative to the workspace, with `/`; empty where there is none."""

    image: str = ""
    map: str = ""
    reconstruction: str = ""


def is_kept(inspection: Inspection, policy: ArchivePolicy) -> bool:
    """Whether the policy keeps this part's pictures; every verdict but PASS is a reject."""
    if inspection.verdict is not Verdict.PASS or policy.what == "all":
        return True
    return policy.what == "sample" and (inspection.part - 1) % policy.one_in == 0


def stem(inspection: Inspection, session_id: int) -> str:
    """Folder and beginning of the name of a part's pictures, relative to the workspace."""
    time = inspection.captured_at.astimezone(UTC)
    name = f"{time:%M%S-%f}_s{session_id}_p{inspection.part}_{inspection.verdict}"
    return f"archive/{time:%Y/%m/%d/%H}/{name}"


class ImageArchive:
    """Writes pictures in a thread of its own.

    Args:
        root: the workspace's folder.
        max_bytes: pictures that may wait, in bytes; one part is always let in.
        write: what writes one PNG file atomically and raises OSError.
    """

    def __init__(
        self,
        root: Path,
        *,
        max_bytes: int = 192 << 20,
        write: Callable[[Path, NDArray[np.uint8]], None] = write_png,
    ) -> None:
        self._root = root
        self._max_bytes = max_bytes
        self._write = write
        self._waiting: deque[tuple[str, PartImages, Callable[[ArchivedPaths], None]]] = deque()
        self._bytes = 0
        self._closing = False
        self._changed = Condition()
        self.dropped = 0
        self.failed = 0
        self.error = ""
        self._thread = Thread(target=self._run, name="archive", daemon=True)
        self._thread.start()

    def offer(
        self, stem: str, images: PartImages, written: Callable[[ArchivedPaths], None], *, spare: bool = False
    ) -> bool:
        """Queue one part's pictures; never waits. False, and counted as dropped, where there is no room.

        Args:
            stem: beginning of the files' path, as `stem` gives it.
            images: of the part; not copied, so nobody may write to them any more.
            written: called from the archive's thread once every file stands.
            spare: let in only while half of the room is free, so that samples never crowd out rejects.
        """
        size = _size(images)
        with self._changed:
            room = self._max_bytes // 2 if spare else self._max_bytes
            if self._closing or (self._waiting and self._bytes + size > room):
                self.dropped += 1
                return False
            self._waiting.append((stem, images, written))
            self._bytes += size
            self._changed.notify()
        return True

    def close(self) -> None:
        """Write what waits, then end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                stem, images, written = self._waiting[0]
            paths = self._store(stem, images)
            if paths is not None:
                written(paths)
            with self._changed:
                self._waiting.popleft()  # only now: what is being written takes room too
                self._bytes -= _size(images)

    def _store(self, stem: str, images: PartImages) -> ArchivedPaths | None:
        restored = images.reconstruction if images.compact is None else images.compact
        paths = {"image": f"{stem}_image.png"}
        try:
            self._write(self._root / paths["image"], images.image)
            if images.anomaly_map is not None:
                paths["map"] = f"{stem}_map.png"
                self._write(self._root / paths["map"], map_to_grey(images.anomaly_map))
            if restored is not None:
                paths["reconstruction"] = f"{stem}_reconstruction.png"
                self._write(self._root / paths["reconstruction"], restored)
        except Exception as error:
            self._refused(error, list(paths.values()))
            return None
        self.error = ""
        return ArchivedPaths(**paths)

    def _refused(self, error: Exception, paths: list[str]) -> None:
        self.failed += 1
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        said = f"pictures can't be written to {self._root / 'archive'} ({why})"
        if said != self.error:
            _log.error("%s", said, exc_info=error)
        self.error = said
        for path in paths:  # all pictures of a part, or none
            try:
                (self._root / path).unlink(missing_ok=True)
            except OSError:
                _log.warning("%s could not be taken back", path)


def map_to_grey(anomaly_map: NDArray[np.float32]) -> NDArray[np.uint8]:
    """float32 [H, W] 0..1 as uint8 grey [H, W]: the raw value times 255, rounded; NaN becomes 255."""
    grey = anomaly_map * np.float32(255.0)
    np.fmax(np.fmin(grey, 255.0, out=grey), 0.0, out=grey)  # of NaN and a number they take the number
    return np.asarray(np.rint(grey, out=grey), dtype=np.uint8)


def read_pictures(root: Path, inspection: Inspection) -> PartImages | None:
    """The archived pictures of one part; None where it has none or its image is gone.

    The map comes back as float32 [H, W] 0..1 within 1/510 of the raw one, the reconstruction with the
    image's size.
    """
    image = _picture(root, inspection.image_path)
    if image is None:
        return None
    grey = _picture(root, inspection.map_path)
    anomaly_map = None if grey is None else (grey[..., 0] / np.float32(255.0)).astype(np.float32)
    restored = _picture(root, inspection.reconstruction_path)
    if restored is not None and restored.shape != image.shape:
        size = (image.shape[1], image.shape[0])
        restored = np.asarray(cv2.resize(restored, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return PartImages(image, restored, anomaly_map)


def _picture(root: Path, path: str) -> NDArray[np.uint8] | None:
    try:
        return read_rgb(root / path) if path else None
    except ImageError:
        return None


def _size(images: PartImages) -> int:
    parts = (images.image, images.reconstruction, images.anomaly_map, images.compact)
    return sum(part.nbytes for part in parts if part is not None)
