"""Every pixel format against a bit-by-bit encoder that is written from its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from inspector_core.cameras.pixel_formats import byte_count, supported_formats, to_rgb
from inspector_core.errors import CameraError

WORDS = {"Mono10": 10, "Mono12": 12, "Mono14": 14, "Mono16": 16}
LSB_PACKED = {"Mono10p": 10, "Mono12p": 12}
GIGE_PACKED = {"Mono10Packed": 10, "Mono12Packed": 12}


def encode_lsb_packed(values: list[int], bits: int) -> NDArray[np.uint8]:
    number = sum(value << bits * k for k, value in enumerate(values))
    return np.frombuffer(number.to_bytes(-(-len(values) * bits // 8), "little"), np.uint8)


def encode_gige_packed(values: list[int], bits: int) -> NDArray[np.uint8]:
    low = bits - 8
    out = bytearray()
    for k in range(0, len(values), 2):
        first, second = values[k], values[k + 1] if k + 1 < len(values) else None
        middle = first & ((1 << low) - 1)
        if second is not None:
            middle |= (second & ((1 << low) - 1)) << 4
        out += bytes([first >> low, middle])
        if second is not None:
            out.append(second >> low)
    return np.frombuffer(bytes(out), np.uint8)


def encode(pixel_format: str, values: list[int]) -> tuple[NDArray[np.uint8], int]:
    if pixel_format in WORDS:
        return np.array(values, "<u2").view(np.uint8), WORDS[pixel_format]
    if pixel_format in LSB_PACKED:
        return encode_lsb_packed(values, LSB_PACKED[pixel_format]), LSB_PACKED[pixel_format]
    return encode_gige_packed(values, GIGE_PACKED[pixel_format]), GIGE_PACKED[pixel_format]


@pytest.mark.parametrize("pixel_format", [*WORDS, *LSB_PACKED, *GIGE_PACKED])
def test_every_value_of_a_deep_grey_format_keeps_its_eight_highest_bits(pixel_format: str) -> None:
    bits = (WORDS | LSB_PACKED | GIGE_PACKED)[pixel_format]
    values = list(range(1 << bits))
    data, _ = encode(pixel_format, values)
    image = to_rgb(data, 64, len(values) // 64, pixel_format)
    expected = (np.arange(1 << bits) >> (bits - 8)).astype(np.uint8).reshape(-1, 64)
    for channel in range(3):
        np.testing.assert_array_equal(image[..., channel], expected)


@given(
    pixel_format=st.sampled_from([*WORDS, *LSB_PACKED, *GIGE_PACKED]),
    width=st.integers(1, 9),
    height=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_odd_sizes_unpack_to_the_last_pixel(pixel_format: str, width: int, height: int, seed: int) -> None:
    bits = (WORDS | LSB_PACKED | GIGE_PACKED)[pixel_format]
    values = np.random.default_rng(seed).integers(0, 1 << bits, width * height)
    data, _ = encode(pixel_format, values.tolist())
    assert data.size == byte_count(pixel_format, width, height)
    image = to_rgb(data, width, height, pixel_format)
    np.testing.assert_array_equal(image[..., 1].ravel(), values >> (bits - 8))


@given(pixel_format=st.sampled_from(["Mono8", *WORDS, *LSB_PACKED, *GIGE_PACKED]), padding=st.integers(1, 9))
def test_padding_at_the_end_of_lines_is_left_out(pixel_format: str, padding: int) -> None:
    width, height, random = 7, 4, np.random.default_rng(padding)
    bits = (WORDS | LSB_PACKED | GIGE_PACKED).get(pixel_format, 8)
    values = random.integers(0, 1 << bits, (height, width))
    lines = [
        values[row].astype(np.uint8) if bits == 8 else encode(pixel_format, values[row].tolist())[0]
        for row in range(height)
    ]
    stride = lines[0].size + padding
    data = np.concatenate([np.append(line, random.integers(0, 256, padding, np.uint8)) for line in lines])
    without_last_padding = data[: data.size - padding]
    image = to_rgb(without_last_padding, width, height, pixel_format, stride)
    np.testing.assert_array_equal(image[..., 0], values >> (bits - 8))


def test_the_eight_bit_colour_formats_put_each_channel_in_its_place() -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (3, 5, 4), np.uint8)
    rgb, bgr, bgra = rgba[..., :3], rgba[..., 2::-1], rgba[..., [2, 1, 0, 3]]
    for name, pixels in (("RGB8", rgb), ("BGR8", bgr), ("RGBa8", rgba), ("BGRa8", bgra)):
        np.testing.assert_array_equal(to_rgb(pixels.ravel(), 5, 3, name), rgb, err_msg=name)


@pytest.mark.parametrize("pattern", ["RG", "GB", "GR", "BG"])
@pytest.mark.parametrize("depth", ["8", "10", "12", "16", "10p", "12p", "10Packed", "12Packed"])
def test_a_bayer_mosaic_of_one_colour_gives_that_colour(pattern: str, depth: str) -> None:
    cells = {"RG": "RGGB", "GB": "GBRG", "GR": "GRBG", "BG": "BGGR"}[pattern]
    colour = {"R": 200, "G": 100, "B": 40}
    tile = np.array([colour[cell] for cell in cells]).reshape(2, 2)
    mosaic = np.tile(tile, (4, 6))  # [8, 12]
    if depth == "8":
        data = mosaic.astype(np.uint8).ravel()
    else:
        bits = int("".join(filter(str.isdigit, depth)))
        data, _ = encode("Mono" + depth, (mosaic << (bits - 8)).ravel().tolist())
    image = to_rgb(data, 12, 8, f"Bayer{pattern}{depth}")
    np.testing.assert_array_equal(image, np.broadcast_to(list(colour.values()), (8, 12, 3)))


def test_words_with_stray_high_bits_saturate_instead_of_wrapping_round() -> None:
    image = to_rgb(np.array([0x0400, 0xFFFF, 0x03FF], "<u2").view(np.uint8), 3, 1, "Mono10")
    assert image[0, :, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("pixel_format", supported_formats())
def test_no_image_is_a_view_on_the_buffer_and_short_buffers_are_refused(pixel_format: str) -> None:
    data = np.full(byte_count(pixel_format, 6, 4), 77, np.uint8)
    image = to_rgb(data, 6, 4, pixel_format)
    assert image.shape == (4, 6, 3)
    assert image.dtype == np.uint8
    assert not np.shares_memory(image, data)
    assert image.flags.owndata or image.base is not data
    with pytest.raises(CameraError, match=pixel_format):
        to_rgb(data[:-1], 6, 4, pixel_format)


def test_an_unknown_format_is_named_with_a_remedy() -> None:
    with pytest.raises(CameraError, match="Coord3D_ABC32f is not supported: set the camera's PixelFormat"):
        to_rgb(np.zeros(12, np.uint8), 1, 1, "Coord3D_ABC32f")
