"""Reading image files: every kind, and none that is too large, however little of it there is."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from inspector_core.errors import ImageError
from inspector_core.image_header import image_size
from inspector_core.images import read_mask, read_rgb

WIDTH, HEIGHT = 57, 31
LONG_EXIF = b"\xff\xe1" + struct.pack(">H", 60_002) + bytes(60_000)


def picture(suffix: str, options: tuple[int, ...] = (), channels: int = 3) -> bytes:
    """A small picture, not square, encoded as `suffix` says."""
    shape = (HEIGHT, WIDTH, channels) if channels > 1 else (HEIGHT, WIDTH)
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    ok, encoded = cv2.imencode(suffix, image, options)
    assert ok
    return encoded.tobytes()


def jpeg_behind_a_long_header(fill: bytes = b"") -> bytes:
    data = picture(".jpg")
    return data[:2] + LONG_EXIF + fill + data[2:]


def os2_bitmap() -> bytes:
    pixels = bytes(HEIGHT * (WIDTH * 3 + 1))  # lines are padded to four bytes
    head = struct.pack("<2sIHHI", b"BM", 26 + len(pixels), 0, 0, 26)
    return head + struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, 24) + pixels


def bitmap_from_the_top() -> bytes:
    data = bytearray(picture(".bmp"))
    struct.pack_into("<i", data, 22, -HEIGHT)
    return bytes(data)


def tiff(order: str, kind: str, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A grey TIFF of one strip; sizes are SHORT ("H") or LONG ("I")."""
    number = {"H": 3, "I": 4}
    strip = 8 + 2 + 9 * 12 + 4
    tags = [(256, kind, width), (257, kind, height), (258, "H", 8), (259, "H", 1), (262, "H", 1)]
    tags += [(273, "I", strip), (277, "H", 1), (278, "I", height), (279, "I", WIDTH * HEIGHT)]
    entries = b"".join(
        struct.pack(f"{order}HHI{k}", tag, number[k], 1, value).ljust(12, b"\0") for tag, k, value in tags
    )
    magic = b"II*\0" if order == "<" else b"MM\0*"
    directory = struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    return magic + struct.pack(f"{order}I", 8) + directory + bytes(range(1, 256)) * 7


SOUND = {
    "png": picture(".png"),
    "png with transparency": picture(".png", channels=4),
    "jpeg": picture(".jpg"),
    "jpeg, progressive": picture(".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
    "jpeg with restart markers": picture(".jpg", (cv2.IMWRITE_JPEG_RST_INTERVAL, 1)),
    "jpeg, grey": picture(".jpg", channels=1),
    "jpeg with a long header": jpeg_behind_a_long_header(),
    "jpeg with fill bytes": jpeg_behind_a_long_header(b"\xff\xff"),
    "bmp": picture(".bmp"),
    "bmp from the top": bitmap_from_the_top(),
    "bmp of OS/2": os2_bitmap(),
    "tiff": picture(".tif"),
    "tiff, little-endian": tiff("<", "H"),
    "tiff, big-endian": tiff(">", "H"),
    "tiff, big-endian, long": tiff(">", "I"),
    "webp, lossy": picture(".webp", (cv2.IMWRITE_WEBP_QUALITY, 80)),
    "webp, lossless": picture(".webp", (cv2.IMWRITE_WEBP_QUALITY, 101)),
    "webp with transparency": picture(".webp", (cv2.IMWRITE_WEBP_QUALITY, 80), channels=4),
}


@pytest.mark.parametrize("data", SOUND.values(), ids=SOUND)
def test_the_header_tells_the_size_that_decoding_finds(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(data)
    assert image_size(data) == (WIDTH, HEIGHT)
    assert read_rgb(tmp_path / "picture").shape == (HEIGHT, WIDTH, 3)
    assert read_mask(tmp_path / "picture").shape == (HEIGHT, WIDTH)


def huge_png() -> bytes:
    data = bytearray(picture(".png"))
    data[16:24] = struct.pack(">II", 10_000, 10_000)
    return bytes(data)


def huge_jpeg() -> bytes:
    data = bytearray(jpeg_behind_a_long_header())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 10_000, 10_000)
    return bytes(data)


def huge_bmp() -> bytes:
    data = bytearray(picture(".bmp"))
    data[18:26] = struct.pack("<ii", 10_000, -10_000)
    return bytes(data)


def huge_webp(kind: bytes) -> bytes:
    """The largest picture of each kind of WebP, as far as its header."""
    chunk = {
        b"VP8 ": b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", 16_383, 16_383),
        b"VP8L": b"\x2f" + struct.pack("<I", 0x0FFF_FFFF),
        b"VP8X": bytes(4) + (9_999).to_bytes(3, "little") * 2,
    }[kind].ljust(64, b"\0")
    return b"RIFF" + struct.pack("<I", 12 + len(chunk)) + b"WEBP" + kind + struct.pack("<I", 64) + chunk


HUGE = {
    "png": huge_png(),
    "jpeg": huge_jpeg(),
    "bmp": huge_bmp(),
    "tiff": tiff("<", "H", 10_000, 10_000),
    "tiff, big-endian": tiff(">", "I", 10_000, 10_000),
    "webp, lossy": huge_webp(b"VP8 "),
    "webp, lossless": huge_webp(b"VP8L"),
    "webp, extended": huge_webp(b"VP8X"),
}


@pytest.mark.parametrize("data", HUGE.values(), ids=HUGE)
def test_a_hundred_megapixels_are_refused_before_they_are_decoded(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vast.png").write_bytes(data)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(ImageError, match=r"vast\.png has \d+ megapixels, more than 64: crop it"):
        read_rgb(tmp_path / "vast.png")


def test_a_real_jpeg_of_a_hundred_megapixels_is_refused(tmp_path: Path) -> None:
    ok, encoded = cv2.imencode(".jpg", np.zeros((10_000, 10_000), np.uint8))
    assert ok
    (tmp_path / "vast.jpg").write_bytes(encoded.tobytes())
    with pytest.raises(ImageError, match="has 100 megapixels"):
        read_rgb(tmp_path / "vast.jpg")


@pytest.mark.parametrize("data", SOUND.values(), ids=SOUND)
def test_a_picture_cut_anywhere_is_a_damaged_image(data: bytes, tmp_path: Path) -> None:
    for length in (1, 3, 4, 9, 13, 17, 25, 29, 40, len(data) // 2, len(data) * 9 // 10):
        assert image_size(data[:length]) in (None, (WIDTH, HEIGHT))
        (tmp_path / "cut").write_bytes(data[:length])
        with pytest.raises(ImageError, match="is damaged or not an image: replace it"):
            read_rgb(tmp_path / "cut")


def test_kinds_that_are_not_offered_are_not_decoded(tmp_path: Path) -> None:
    (tmp_path / "pixels.png").write_bytes(picture(".ppm"))
    with pytest.raises(ImageError, match="not an image: replace it by a complete PNG, JPEG"):
        read_rgb(tmp_path / "pixels.png")
