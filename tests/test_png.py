"""What the archive writes is what any reader gives back."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inspector_core.png import encode_png

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda sides: st.sampled_from([sides, (*sides, 3)])
)


@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, shape)))
def test_a_reader_gives_every_pixel_back(image: np.ndarray) -> None:
    read = cv2.imdecode(np.frombuffer(encode_png(image), np.uint8), cv2.IMREAD_UNCHANGED)
    expected = image if image.ndim == 2 else image[..., ::-1]
    assert read.shape == expected.shape
    assert np.array_equal(read, expected)


def test_a_view_is_written_as_it_looks() -> None:
    large = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    view = large[5:50:3, 70:10:-2]
    read = cv2.imdecode(np.frombuffer(encode_png(view), np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(read[..., ::-1], view)


@pytest.mark.parametrize("value", [0, 7, 255])
def test_an_even_picture_is_small(value: int) -> None:
    assert len(encode_png(np.full((512, 512, 3), value, np.uint8))) < 12_000
