"""From a camera's raw bytes to RGB: GenICam pixel formats by their PFNC names."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector_core.errors import CameraError

Bytes = NDArray[np.uint8]
Unpack = Callable[[Bytes, int], Bytes]


@dataclass(frozen=True, slots=True)
class _PixelFormat:
    channels: int
    bits: int  # per channel as transported, padding included
    unpack: Unpack  # (bytes [R, B], samples per row) -> uint8 [R, samples]
    colour: int  # OpenCV conversion to RGB, or _AS_IT_IS


_AS_IT_IS = -1


def to_rgb(data: Bytes, width: int, height: int, pixel_format: str, stride: int = 0) -> Bytes:
    """Convert one raw image to a fresh RGB array; more than 8 bits keep their 8 most significant.

    Args:
        data: uint8 [bytes], at least `byte_count(...)`; what follows (chunks, padding) is ignored.
        width, height: pixels.
        pixel_format: name in the GenICam Pixel Format Naming Convention, e.g. `BayerRG8`.
        stride: bytes from line to line where lines are padded; 0 where pixels run on without a break
            (then a packed line may begin inside a byte, as PFNC has it).

    Returns:
        uint8 [height, width, 3], never a view on `data`.

    Raises:
        CameraError: the format is unknown, or `data` is too short for it.
    """
    known = _look_up(pixel_format)
    needed = byte_count(pixel_format, width, height, stride)
    if width < 1 or height < 1 or data.size < needed:
        raise CameraError(
            f"a {pixel_format} image of {width} x {height} pixels came with {data.size} bytes instead of "
            f"{needed}",
            "check the camera's cable and its packet size",
        )
    if stride:
        line = -(-width * known.channels * known.bits // 8)
        last_line = data[stride * (height - 1) : needed]
        rows = np.empty((height, line), np.uint8)
        rows[:-1] = data[: stride * (height - 1)].reshape(height - 1, stride)[:, :line]
        rows[-1] = last_line
        samples = known.unpack(rows, width * known.channels)
    else:
        samples = known.unpack(data[None, :needed], width * height * known.channels)
    image = samples.reshape((height, width, known.channels) if known.channels > 1 else (height, width))
    if known.colour == _AS_IT_IS:
        return image.copy()
    return np.asarray(cv2.cvtColor(image, known.colour), dtype=np.uint8)


def byte_count(pixel_format: str, width: int, height: int, stride: int = 0) -> int:
    """Bytes that an image takes. Raises CameraError for an unknown format."""
    known = _look_up(pixel_format)
    line_bits = width * known.channels * known.bits
    if stride:
        return stride * (height - 1) + -(-line_bits // 8)
    return -(-line_bits * height // 8)


def supported_formats() -> list[str]:
    """PFNC names that `to_rgb` understands."""
    return sorted(_FORMATS)


def _look_up(pixel_format: str) -> _PixelFormat:
    try:
        return _FORMATS[pixel_format]
    except KeyError:
        raise CameraError(
            f"the pixel format {pixel_format} is not supported",
            "set the camera's PixelFormat to Mono8, RGB8 or one of the 8-bit Bayer formats",
        ) from None


def _bytes(rows: Bytes, samples: int) -> Bytes:
    return rows[:, :samples]


def _words(bits: int) -> Unpack:
    """One sample in the low bits of each little-endian 16-bit word."""

    def unpack(rows: Bytes, samples: int) -> Bytes:
        words = np.ascontiguousarray(rows[:, : 2 * samples]).view("<u2")
        # Stray bits above the sample would wrap around in the cast.
        return np.asarray(np.minimum(words, (1 << bits) - 1) >> (bits - 8), dtype=np.uint8)

    return unpack


def _groups(rows: Bytes, size: int) -> NDArray[np.uint16]:
    """Cut [R, B] into groups [R, G, size], the last one filled up with zeros."""
    missing = -rows.shape[1] % size
    padded = np.pad(rows, ((0, 0), (0, missing))) if missing else rows
    return padded.reshape(rows.shape[0], -1, size).astype(np.uint16)


def _mono10p(rows: Bytes, samples: int) -> Bytes:
    """PFNC 10p: four samples in five bytes, least significant bits first."""
    b = _groups(rows, 5)
    values = np.stack([b[..., k] >> 2 * k | b[..., k + 1] << (8 - 2 * k) for k in range(4)], axis=-1)
    return ((values & 0x3FF) >> 2).astype(np.uint8).reshape(rows.shape[0], -1)[:, :samples]


def _mono12p(rows: Bytes, samples: int) -> Bytes:
    """PFNC 12p: two samples in three bytes, least significant bits first."""
    b = _groups(rows, 3)
    values = np.stack([b[..., 0] | b[..., 1] << 8, b[..., 1] >> 4 | b[..., 2] << 4], axis=-1)
    return ((values & 0xFFF) >> 4).astype(np.uint8).reshape(rows.shape[0], -1)[:, :samples]


def _gige_packed(rows: Bytes, samples: int) -> Bytes:
    """GigE Vision 10Packed and 12Packed: high byte, the low bits of both samples, high byte."""
    b = _groups(rows, 3)
    return b[..., ::2].astype(np.uint8).reshape(rows.shape[0], -1)[:, :samples]


def _table() -> dict[str, _PixelFormat]:
    depths: dict[str, tuple[int, Unpack]] = {
        "8": (8, _bytes),
        "10": (16, _words(10)),
        "12": (16, _words(12)),
        "14": (16, _words(14)),
        "16": (16, _words(16)),
        "10p": (10, _mono10p),
        "12p": (12, _mono12p),
        "10Packed": (12, _gige_packed),
        "12Packed": (12, _gige_packed),
    }
    # PFNC names the first two pixels of the first row, as OpenCV's four-letter names do.
    single = {
        "Mono": cv2.COLOR_GRAY2RGB,
        "BayerRG": cv2.COLOR_BayerRGGB2RGB,
        "BayerGB": cv2.COLOR_BayerGBRG2RGB,
        "BayerGR": cv2.COLOR_BayerGRBG2RGB,
        "BayerBG": cv2.COLOR_BayerBGGR2RGB,
    }
    table: dict[str, _PixelFormat] = {
        family + depth: _PixelFormat(1, bits, unpack, colour)
        for family, colour in single.items()
        for depth, (bits, unpack) in depths.items()
        if family == "Mono" or depth != "14"
    }
    return table | {
        "RGB8": _PixelFormat(3, 8, _bytes, _AS_IT_IS),
        "BGR8": _PixelFormat(3, 8, _bytes, cv2.COLOR_BGR2RGB),
        "RGBa8": _PixelFormat(4, 8, _bytes, cv2.COLOR_RGBA2RGB),
        "BGRa8": _PixelFormat(4, 8, _bytes, cv2.COLOR_BGRA2RGB),
    }


_FORMATS = _table()
