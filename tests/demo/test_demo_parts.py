"""The demo parts: repeatable, alike without their defect, with masks that tell the truth."""

import subprocess
import sys
from itertools import islice, pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_core.demo import DEFECTS, Split, draw_part, part_seed, stream
from inspector_core.demo.geometry import HOLES, part_surface

SIZES = (128, 256)
seeds = st.integers(0, 2**63)


def grown(mask, pixels):
    side = 2 * pixels + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


@settings(max_examples=8, deadline=None)
@given(seeds, st.sampled_from((None, *DEFECTS)), st.sampled_from(SIZES))
def test_the_same_arguments_give_the_same_bits(seed, defect, size):
    first, second = (draw_part(seed, defect, size) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.mask, second.mask)


def test_another_process_draws_the_same_bits():
    code = (
        "import zlib; from inspector_core.demo import draw_part;"
        "p = draw_part(77, 'stain', 128); print(zlib.crc32(p.image.tobytes() + p.mask.tobytes()))"
    )
    lines = [subprocess.check_output([sys.executable, "-c", code]) for _ in range(2)]
    assert lines[0] == lines[1]


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from(DEFECTS), st.sampled_from(SIZES))
def test_a_defect_changes_its_mask_and_not_a_bit_beyond_its_border(seed, defect, size):
    good, bad = draw_part(seed, None, size), draw_part(seed, defect, size)
    changed = np.abs(bad.image.astype(int) - good.image).max(axis=2)
    assert changed[~grown(bad.mask, 5)].max() == 0
    # What lies between mask and border is the lens's blur: little of the whole change.
    assert changed[grown(bad.mask, 1)].sum() >= 0.8 * changed.sum()


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from(DEFECTS), st.sampled_from(SIZES))
def test_every_defect_can_be_seen_and_is_no_larger_than_the_part(seed, defect, size):
    good, bad = draw_part(seed, None, size), draw_part(seed, defect, size)
    change = np.abs(bad.image.astype(int) - good.image).max(axis=2)[bad.mask]
    assert np.quantile(change, 0.95) >= 9
    assert 4 <= bad.mask.sum() <= 0.1 * size * size


def test_most_of_a_mask_differs_really():
    for defect in DEFECTS:
        shares = []
        for seed in range(6):
            good, bad = draw_part(seed, None, 256), draw_part(seed, defect, 256)
            shares.append((np.abs(bad.image.astype(int) - good.image).max(axis=2)[bad.mask] > 2).mean())
        assert np.median(shares) > 0.6, defect


@pytest.mark.parametrize("hole", HOLES)
def test_a_missing_hole_leaves_no_trace(hole):
    x, y = HOLES[hole]
    part = part_surface(256, (0.0, 0.0, 0.0), without=hole)
    around = np.hypot(part.x - x, part.y - y) < 0.044
    assert np.abs(part.slope_x[around]).max() < 0.02
    assert np.abs(part.slope_y[around]).max() < 0.02
    assert part.occlusion[around].min() > 0.99
    assert part.alpha[around].min() == 1


def test_good_parts_have_empty_masks_and_differ_from_each_other():
    parts = [draw_part(seed, None, 128) for seed in range(4)]
    assert not any(part.mask.any() or part.defect for part in parts)
    for a, b in pairwise(parts):
        assert np.abs(a.image.astype(int) - b.image).mean() > 2


def test_pictures_are_well_exposed():
    for seed in range(12):
        image = draw_part(seed, None, 128).image
        assert 60 < image.mean() < 160
        assert (image == 255).mean() < 0.02


def test_seeds_of_distinct_parts_are_distinct():
    drawn = [
        part_seed(seed, split, number)
        for seed in (0, 1, 2, 7)
        for split in Split
        for number in (0, 1, 1000, 2**32 - 1)
    ]
    assert len(set(drawn)) == len(drawn)


@settings(max_examples=100)
@given(st.integers(0, 2**40), st.sampled_from(Split), st.integers(0, 2**32 - 1))
def test_a_part_seed_tells_what_it_was_made_from(seed, split, number):
    own = part_seed(seed, split, number)
    assert own % 2**32 == number
    assert divmod(own >> 32, len(Split)) == (seed, split)


def test_the_stream_is_repeatable_and_holds_the_asked_share_of_defects():
    first, again = (list(islice(stream(3, 0.5, 64), 60)) for _ in range(2))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    bad = sum(bool(part.defect) for part in first)
    assert 15 <= bad <= 45
    assert all(part.mask.any() == bool(part.defect) for part in first)


def test_the_stream_can_be_taken_up_again():
    whole = list(islice(stream(1, 0.3, 64), 5))
    rest = next(stream(1, 0.3, 64, start=4))
    assert np.array_equal(whole[4].image, rest.image)


@pytest.mark.parametrize(
    "arguments", [(-1, None, 128), (0, "rot", 128), (0, None, 60), (0, None, 130)], ids=str
)
def test_arguments_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match=r"seed|unknown defect"):
        draw_part(*arguments)


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_a_defect_rate_out_of_range_is_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        next(stream(0, rate))
