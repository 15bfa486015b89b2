"""Reading and writing image files, with limits and with errors that name the file."""

import os
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector_core.errors import ImageError
from inspector_core.image_header import image_size
from inspector_core.png import encode_png

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
MAX_PIXELS = 64_000_000
"""Larger images are refused: no industrial area camera in use here exceeds it."""

RGB = NDArray[np.uint8]


def list_images(folder: Path) -> list[Path]:
    """Image files directly in `folder`, by name; the suffix decides, the content is not read."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())


def read_rgb(path: Path) -> RGB:
    """Read an image file as RGB uint8 [H, W, 3]; grey becomes three equal channels, 16 bit is scaled to 8.

    Raises:
        ImageError: the file is missing, truncated, no image, or above `MAX_PIXELS`.
    """
    raw = _read(path, cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(raw, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Read a mask file as bool [H, W]: any value above 0 is inside (detectors.md 4, row 23).

    Raises:
        ImageError: as for `read_rgb`.
    """
    return np.asarray(_read(path, cv2.IMREAD_GRAYSCALE) > 0)


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write uint8 [H, W] or RGB [H, W, 3] as PNG, all or nothing: a half-written file never bears the name.

    Raises:
        OSError: the folder can't be written or the disk is full.
    """
    write_bytes(path, encode_png(image))


def write_bytes(path: Path, *parts: bytes | memoryview) -> None:
    """Replace `path` by `parts`, one after the other, atomically (temporary file beside it, fsync, rename).

    Raises:
        OSError: the folder can't be written or the disk is full; the old file then still stands.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.chmod(temporary, 0o644)  # a temporary file is its owner's alone; what takes its name is not
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _read(path: Path, flags: int) -> NDArray[np.uint8]:
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        problem = f"{path} can't be read ({error.strerror or error})"
        raise ImageError(problem, "check the path and its permissions") from error
    if data.size == 0:
        raise ImageError(f"{path} is empty", "replace it by a complete image file")
    _refuse_huge(path, data)
    try:
        image = cv2.imdecode(data, flags)
    except cv2.error:
        image = None
    if image is None:
        raise _not_readable(path)
    return np.asarray(image, dtype=np.uint8)


def _refuse_huge(path: Path, data: NDArray[np.uint8]) -> None:
    """Decoding takes memory for every pixel that the header promises: the header is asked first."""
    size = image_size(data.data)
    if size is None:
        raise _not_readable(path)
    pixels = size[0] * size[1]
    if pixels > MAX_PIXELS:
        raise ImageError(
            f"{path} has {pixels / 1e6:.0f} megapixels, more than {MAX_PIXELS / 1e6:.0f}",
            "crop it or scale it down",
        )


def _not_readable(path: Path) -> ImageError:
    return ImageError(
        f"{path} is damaged or not an image", "replace it by a complete PNG, JPEG, BMP, TIFF or WebP file"
    )
