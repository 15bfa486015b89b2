"""How large an image is, from the first bytes of its file: known before anything is decoded."""

import struct
from collections.abc import Callable

Buffer = bytes | memoryview
Size = tuple[int, int]
"""Width and height in pixels, as the file states them."""


def image_size(data: Buffer) -> Size | None:
    """Width and height of a PNG, JPEG, BMP, TIFF or WebP file; None where it is none of these, or damaged.

    Of a file with several pictures it is the size of the first, which is the one that is read.
    """
    head = bytes(data[:16])
    for magic, read in _READERS:
        if head.startswith(magic):
            try:
                return read(data)
            except (struct.error, IndexError, KeyError):
                return None
    return None


def _png(data: Buffer) -> Size:
    width, height = struct.unpack_from(">II", data, 16)  # IHDR is the first chunk
    return width, height


def _bmp(data: Buffer) -> Size:
    (header,) = struct.unpack_from("<I", data, 14)
    if header == 12:  # OS/2
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)  # a negative height counts from the top
    return abs(width), abs(height)


def _jpeg(data: Buffer) -> Size | None:
    """From the frame header (T.81, B.2.2), behind any number of other segments."""
    at = 2
    while True:
        if data[at] != 0xFF:
            return None
        while data[at] == 0xFF:  # a marker may be preceded by any number of fill bytes
            at += 1
        marker = data[at]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 4)
            return width, height
        if marker in (0xD9, 0xDA):  # the end, or pixels without a frame header
            return None
        alone = marker == 0x01 or 0xD0 <= marker <= 0xD7
        at += 1 if alone else 1 + struct.unpack_from(">H", data, at + 1)[0]


def _tiff(data: Buffer) -> Size:
    """From the tags of the first directory (TIFF 6.0, section 2)."""
    order = "<" if data[0] == ord("I") else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, directory)
    found: dict[int, int] = {}
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if tag in (256, 257):  # ImageWidth, ImageLength: SHORT or LONG
            (value,) = struct.unpack_from(order + {3: "H", 4: "I"}[kind], data, entry + 8)
            found.setdefault(tag, value)
    return found[256], found[257]


def _webp(data: Buffer) -> Size | None:
    """From the first chunk (RFC 9649, sections 2.5 to 2.7)."""
    if data[8:12] != b"WEBP":
        return None
    kind = bytes(data[12:16])
    if kind == b"VP8X":
        width, width_high, height, height_high = struct.unpack_from("<HBHB", data, 24)
        return 1 + width + (width_high << 16), 1 + height + (height_high << 16)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


_READERS: list[tuple[bytes, Callable[[Buffer], Size | None]]] = [
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8\xff", _jpeg),
    (b"BM", _bmp),
    (b"II*\0", _tiff),
    (b"MM\0*", _tiff),
    (b"RIFF", _webp),
]
