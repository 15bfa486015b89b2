"""Pictures as PNG files (ISO/IEC 15948), as fast as a line rejects parts.

The compression is Intel's ISA-L, a third of zlib's time at the same size; what is around it is four chunks.
"""

import struct

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LEFT = 1
"""Filter type "Sub": each byte less the one of the pixel to its left."""
LEVEL = 1


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """A PNG file of grey uint8 [H, W] or RGB uint8 [H, W, 3], neither side 0; nothing is lost."""
    height, width = image.shape[:2]
    channels = 1 if image.ndim == 2 else 3
    flat = image.reshape(height, width * channels)
    rows = np.empty((height, 1 + width * channels), dtype=np.uint8)
    rows[:, 0] = LEFT
    rows[:, 1 : 1 + channels] = flat[:, :channels]
    np.subtract(flat[:, channels:], flat[:, :-channels], out=rows[:, 1 + channels :])  # modulo 256
    colour = 0 if channels == 1 else 2
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", isal_zlib.compress(rows.data, LEVEL)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = isal_zlib.crc32(data, isal_zlib.crc32(kind))
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
