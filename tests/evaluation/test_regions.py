"""Regions at the model's size: whole, none lost, none split."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_metrics import flooded_regions

from inspector_core.evaluation.regions import label_regions, region_weights, resize_regions


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_region_has_a_number_of_its_own(seed):
    mask = np.random.default_rng(seed).random((9, 11)) < 0.3
    labels = label_regions(mask)
    for region in flooded_regions(mask.tolist()):
        assert len({labels[y, x] for y, x in region}) == 1
    assert labels.max() == len(flooded_regions(mask.tolist()))
    assert ((labels > 0) == mask).all()


@pytest.mark.parametrize("shape", [(40, 60), (31, 17), (16, 16), (7, 5)])
@pytest.mark.parametrize("size", [8, 16, 20])
def test_resizing_takes_the_pixel_under_each_centre(shape, size):
    mask = np.zeros(shape, dtype=bool)
    mask[: shape[0] // 2, : shape[1] // 2] = True
    expected = cv2.resize(mask.astype(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST_EXACT) > 0
    assert ((resize_regions(label_regions(mask), size) > 0) == expected).all()


def test_a_line_that_falls_into_pieces_stays_one_region():
    mask = np.zeros((64, 64), dtype=bool)
    mask[np.arange(64), np.arange(64) * 3 // 4] = True
    small = resize_regions(label_regions(mask), 16)
    assert label_regions(small > 0).max() > 1
    assert region_weights(small)[1] == 1
    assert region_weights(small)[0].sum() == pytest.approx(1)


def test_a_region_between_the_centres_keeps_one_pixel():
    mask = np.zeros((64, 64), dtype=bool)
    mask[17, 33] = True  # centres lie at 2, 6, 10, …
    small = resize_regions(label_regions(mask), 16)
    assert np.argwhere(small).tolist() == [[4, 8]]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([4, 8, 13, 24]))
def test_no_region_is_lost_while_there_is_room_and_each_weighs_one(seed, size):
    rng = np.random.default_rng(seed)
    mask = np.zeros((24, 36), dtype=bool)
    for y, x in ((1, 1), (1, 30), (20, 1), (20, 30)):
        mask[y : y + rng.integers(1, 4), x : x + rng.integers(1, 4)] = True
    small = resize_regions(label_regions(mask), size)
    weights, count = region_weights(small)
    assert count == 4
    assert weights.sum() == pytest.approx(4)


def test_an_empty_mask_has_no_region():
    labels = label_regions(np.zeros((6, 6), dtype=bool))
    assert region_weights(resize_regions(labels, 3))[1] == 0
