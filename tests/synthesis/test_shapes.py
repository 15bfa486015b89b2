"""Drawn mask shapes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_core.synthesis import shapes

numbers = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random(shapes.NUMBERS))


@pytest.mark.parametrize("shape", sorted(shapes.DRAWN))
@given(u=numbers, x=st.integers(0, 95), y=st.integers(0, 63))
@settings(max_examples=60, deadline=None)
def test_every_shape_marks_something_wherever_it_is_put(shape, u, x, y):
    centre = (x, y, 3) if shape == "feature" else (x, y)
    mask = shapes.DRAWN[shape](centre, (64, 96), u)
    assert mask.shape == (64, 96)
    assert mask.dtype == np.float32
    assert mask.min() >= 0
    assert mask.max() <= 1 + 1e-6
    assert (mask > 0.5).any()


@given(u=numbers)
@settings(max_examples=60, deadline=None)
def test_a_line_is_thin(u):
    mask = shapes.line((64, 64), (128, 128), u) > 0
    eroded = mask[:-4, :-4] & mask[4:, :-4] & mask[:-4, 4:] & mask[4:, 4:] & mask[2:-2, 2:-2]
    assert eroded.sum() < 0.25 * mask.sum()
    assert mask.mean() < 0.06


def test_a_patch_fades_and_a_box_does_not():
    u = np.full(shapes.NUMBERS, 0.8)
    patch, box = (shapes.DRAWN[name]((64, 64), (128, 128), u) for name in ("patch", "box"))
    assert ((patch > 0.1) & (patch < 0.9)).mean() > 0.02
    assert set(np.unique(box)) == {0.0, 1.0}


@given(u=numbers)
@settings(max_examples=60, deadline=None)
def test_a_feature_is_mostly_covered(u):
    y, x = np.mgrid[:128, :128]
    disc = np.hypot(x - 60, y - 70) <= 8
    mask = shapes.feature((60, 70, 8), (128, 128), u) > 0
    assert (mask & disc).sum() > 0.45 * disc.sum()
    assert mask.mean() < 0.12
