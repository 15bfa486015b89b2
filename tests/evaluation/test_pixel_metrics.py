"""Pixel figures counted in bins, against exact ones and brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_metrics import brute_force_pro, flooded_regions

from inspector_core.evaluation.auroc import auroc
from inspector_core.evaluation.average_precision import average_precision
from inspector_core.evaluation.pixel_tally import BINS, PixelTally, score_bin
from inspector_core.evaluation.pro import pro, pro_error_bound
from inspector_core.evaluation.ranked_counts import rank
from inspector_core.evaluation.regions import region_weights

unit_floats = st.floats(0, 1, width=32)


@given(st.lists(unit_floats, min_size=2, max_size=40))
def test_bins_rise_with_the_score(scores):
    rising = np.sort(np.array(scores, dtype=np.float32))
    bins = score_bin(rising)
    assert (np.diff(bins) >= 0).all()
    assert bins.min() >= 0
    assert bins.max() < BINS


@given(unit_floats, unit_floats)
def test_only_scores_nearly_equal_share_a_bin(one, other):
    pair = np.array([one, other], dtype=np.float32)
    bins = score_bin(pair)
    to_the_end = float(np.minimum(pair, 1 - pair.astype(np.float64)).min())
    if bins[0] == bins[1]:
        assert abs(one - other) <= to_the_end / 4096 + 2.0**-64


def test_both_ends_and_the_middle_have_bins_of_their_own():
    half = np.float32(0.5)
    scores = [0, 2.0**-60, np.nextafter(half, np.float32(0)), half, np.nextafter(np.float32(1), half), 1]
    bins = score_bin(np.array(scores, dtype=np.float32))
    assert (np.diff(bins) > 0).all()
    assert bins[0] == 0
    assert bins[-1] == BINS - 1


def _random_case(seed: int, images: int = 3, size: int = 12, levels: int | None = None):
    """Maps that see the masks faintly; with `levels`, few scores and each in a bin of its own."""
    rng = np.random.default_rng(seed)
    masks = rng.random((images, size, size)) < rng.uniform(0.05, 0.5)
    logits = rng.normal(0, rng.uniform(0.5, 8), masks.shape) + masks * rng.uniform(0, 3)
    maps = (1 / (1 + np.exp(-logits))).astype(np.float32)
    if levels is not None:
        maps = (np.round(maps * levels) / levels).astype(np.float32)
    masks[0, 0, 0], masks[0, 0, 1] = True, False
    return maps, masks


def _tally(maps, masks) -> PixelTally:
    tally = PixelTally()
    for anomaly_map, mask in zip(maps, masks, strict=True):
        tally.add(anomaly_map, mask)
    return tally


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_streamed_figures_are_exact_where_every_score_has_its_own_bin(seed):
    maps, masks = _random_case(seed, levels=64)
    tally = _tally(maps, masks)
    exact = rank(maps[masks], maps[~masks])
    assert tally.auroc() == auroc(exact)
    assert tally.average_precision() == pytest.approx(average_precision(exact), abs=1e-12)
    assert tally.pro() == pytest.approx(brute_force_pro(maps.tolist(), masks.tolist(), 0.3), abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_streamed_figures_lie_within_their_stated_bounds_of_the_exact_ones(seed):
    maps, masks = _random_case(seed)
    tally = _tally(maps, masks)
    exact = rank(maps[masks], maps[~masks])
    slow_pro = brute_force_pro(maps.tolist(), masks.tolist(), 0.3)
    auroc_bound, ap_bound, pro_bound = tally.error_bounds()
    assert abs(tally.auroc() - auroc(exact)) <= auroc_bound + 1e-12
    assert abs(tally.average_precision() - average_precision(exact)) <= ap_bound + 1e-12
    assert abs(tally.pro() - slow_pro) <= pro_bound + 1e-12


def test_bounds_hold_where_many_scores_crowd_into_few_bins():
    rng = np.random.default_rng(1)
    maps = (0.3 + rng.random((2, 32, 32)) * 2e-4).astype(np.float32)
    masks = rng.random(maps.shape) < 0.2
    tally = _tally(maps, masks)
    exact = rank(maps[masks], maps[~masks])
    off = [
        abs(tally.auroc() - auroc(exact)),
        abs(tally.average_precision() - average_precision(exact)),
        abs(tally.pro() - brute_force_pro(maps.tolist(), masks.tolist(), 0.3)),
    ]
    bounds = tally.error_bounds()
    assert all(0 < o <= b for o, b in zip(off, bounds, strict=True))


def test_a_million_pixels_of_a_spread_out_map_are_within_a_few_hundred_thousandths():
    rng = np.random.default_rng(2)
    mask = np.zeros((1000, 1000), dtype=bool)
    mask[100:300, 200:500] = True
    anomaly_map = (1 / (1 + np.exp(4 - rng.normal(0, 2, mask.shape) - 3 * mask))).astype(np.float32)
    tally = _tally([anomaly_map], [mask])
    exact = rank(anomaly_map[mask], anomaly_map[~mask])
    assert tally.auroc() == pytest.approx(auroc(exact), abs=1e-6)
    assert tally.average_precision() == pytest.approx(average_precision(exact), abs=3e-5)
    assert max(tally.error_bounds()) < 1e-3


def test_images_added_apart_or_in_two_tallies_give_the_same_figures():
    maps, masks = _random_case(5, images=4)
    whole = _tally(maps, masks)
    joined = _tally(maps[:1], masks[:1]) + _tally(maps[1:], masks[1:])
    assert joined.auroc() == whole.auroc()
    assert joined.pro() == pytest.approx(whole.pro(), abs=1e-14)


def test_a_perfect_map_has_pro_one_and_an_inverted_map_zero():
    mask = np.zeros((20, 20), dtype=bool)
    mask[2:5, 2:5] = mask[10:18, 9:12] = True
    perfect, inverted = PixelTally(), PixelTally()
    perfect.add(mask.astype(np.float32), mask)
    inverted.add(1 - mask.astype(np.float32), mask)
    assert perfect.pro() == 1
    assert inverted.pro() == 0


def test_a_map_without_information_has_pro_half_the_limit():
    mask = np.zeros((20, 20), dtype=bool)
    mask[3:9, 3:9] = True
    flat = PixelTally()
    flat.add(np.full(mask.shape, 0.4, dtype=np.float32), mask)
    assert flat.pro() == pytest.approx(0.15, abs=1e-12)


def test_pro_interpolates_the_last_trapezoid_at_the_limit():
    # Points (0, 0), (0.2, 0.5), (0.6, 1), (1, 1): at 0.3 the overlap is 0.625.
    share = np.array([0.5, 0.5, 0.0])
    normal = np.array([2, 4, 4])
    expected = (0.2 * 0.25 + 0.1 * (0.5 + 0.625) / 2) / 0.3
    assert pro(share, normal) == pytest.approx(expected, abs=1e-15)
    assert pro(share, normal, limit=0.2) == pytest.approx(0.25, abs=1e-15)
    assert pro(share, normal, limit=1.0) == pytest.approx(0.05 + 0.4 * 0.75 + 0.4, abs=1e-15)
    assert pro_error_bound(share, normal) == pytest.approx((0.2 * 0.5 / 2 + 0.1 * 0.5) / 0.3, abs=1e-15)


def test_a_small_region_counts_as_much_as_a_large_one():
    mask = np.zeros((40, 40), dtype=bool)
    mask[0:20, 0:20] = True
    mask[30, 30] = True
    found_large = PixelTally()
    found_large.add(
        np.where(np.add.outer(np.arange(40), np.arange(40)) < 39, mask, 0).astype(np.float32), mask
    )
    # One of two regions is found at no false positive; the other stays at the floor with all else.
    assert found_large.pro() == pytest.approx(0.5 + 0.5 * 0.15, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_regions_weigh_one_each_and_touch_across_corners(seed):
    mask = np.random.default_rng(seed).random((9, 11)) < 0.3
    weights, count = region_weights(mask)
    slow = {pixel: 1 / len(r) for r in flooded_regions(mask.tolist()) for pixel in r}
    assert weights.tolist() == [slow[y, x] for y, x in np.argwhere(mask).tolist()]
    assert count == len(flooded_regions(mask.tolist()))


def test_without_masks_or_without_normal_pixels_the_figures_are_none():
    good, all_inside = PixelTally(), PixelTally()
    good.add(np.zeros((4, 4), dtype=np.float32))
    all_inside.add(np.zeros((4, 4), dtype=np.float32), np.ones((4, 4), dtype=bool))
    for tally in (good, all_inside, PixelTally()):
        assert (tally.auroc(), tally.average_precision(), tally.pro()) == (None, None, None)
        assert tally.error_bounds() == (0, 0, 0)


@pytest.mark.parametrize("wrong", [np.nan, -0.1, 1.1, np.inf])
def test_a_score_that_is_no_share_is_refused(wrong):
    anomaly_map = np.full((4, 4), 0.5, dtype=np.float32)
    anomaly_map[1, 1] = wrong
    with pytest.raises(ValueError, match=r"within 0\.\.1"):
        PixelTally().add(anomaly_map)
