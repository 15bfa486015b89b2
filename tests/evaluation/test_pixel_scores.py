"""Pixel figures from the scores themselves, against brute force; and the change to bins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_metrics import brute_force_pro, pairwise_auroc, stepwise_average_precision

from inspector_core.evaluation.auroc import auroc
from inspector_core.evaluation.exact_tally import ExactTally
from inspector_core.evaluation.pixel_figures import PixelFigures
from inspector_core.evaluation.pixel_scores import PixelScores
from inspector_core.evaluation.ranked_counts import RankedCounts


def _case(seed: int, images: int = 3, size: int = 8):
    """Maps that see their masks faintly; in one case of three, with few distinct scores."""
    rng = np.random.default_rng(seed)
    masks = rng.random((images, size, size)) < rng.uniform(0.05, 0.5)
    logits = rng.normal(0, rng.uniform(0.5, 8), masks.shape) + masks * rng.uniform(0, 3)
    maps = (1 / (1 + np.exp(-logits))).astype(np.float32)
    if seed % 3 == 0:
        maps = (np.round(maps * 9) / 9).astype(np.float32)
    masks[0, 0, 0], masks[0, 0, 1] = True, False
    return maps, masks


def _add(scores, maps, masks, kind="crack"):
    for anomaly_map, mask in zip(maps, masks, strict=True):
        scores.add(kind, anomaly_map, mask)
    return scores


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_figure_is_that_of_the_slow_count(seed):
    maps, masks = _case(seed)
    found = _add(PixelScores(), maps, masks).measure()
    inside, outside = maps[masks].tolist(), maps[~masks].tolist()
    assert found.auroc == pytest.approx(pairwise_auroc(inside, outside), abs=1e-14)
    assert found.average_precision == pytest.approx(stepwise_average_precision(inside, outside), abs=1e-12)
    assert found.pro == pytest.approx(brute_force_pro(maps.tolist(), masks.tolist(), 0.3), abs=1e-12)
    assert found.error_bounds == (0, 0, 0)


def test_scores_that_differ_by_their_last_bit_alone_are_told_apart():
    low = np.float32(0.3)
    high = np.nextafter(low, np.float32(1))
    mask = np.array([[True, False]])
    found = _add(PixelScores(), [np.array([[high, low]])], [mask]).measure()
    assert (found.auroc, found.average_precision, found.pro) == (1, 1, 1)


def test_kinds_are_measured_together_or_apart():
    maps, masks = _case(7, images=4)
    scores = _add(PixelScores(), maps[:2], masks[:2], "crack")
    _add(scores, maps[2:], masks[2:], "stain")
    scores.add("good", maps[0])
    assert scores.measure("crack") == _add(PixelScores(), maps[:2], masks[:2]).measure()
    assert scores.measure() == scores.measure("good", "crack", "stain")
    assert scores.measure("good") == PixelFigures(None, None, None)
    assert scores.measure("dent") == PixelFigures(None, None, None)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_beyond_the_room_figures_keep_within_their_stated_bounds(seed, images_held):
    maps, masks = _case(seed)
    exact = _add(PixelScores(), maps, masks).measure()
    scores = _add(PixelScores(exact_up_to=images_held * maps[0].size), maps, masks)
    binned = scores.measure()
    assert scores.exact == (images_held == 3)
    pairs = [
        (binned.auroc, exact.auroc),
        (binned.average_precision, exact.average_precision),
        (binned.pro, exact.pro),
    ]
    for (found, true), bound in zip(pairs, binned.error_bounds, strict=True):
        assert abs(found - true) <= bound + 1e-12


def test_what_was_held_and_what_came_later_are_counted_in_the_same_bins():
    maps, masks = _case(11, images=4)
    changed = _add(PixelScores(exact_up_to=2 * maps[0].size), maps, masks)
    from_the_start = _add(PixelScores(exact_up_to=0), maps, masks)
    assert changed.measure() == from_the_start.measure()


@pytest.mark.parametrize("wrong", [np.nan, -0.1, 1.1, np.inf])
def test_a_score_that_is_no_share_is_refused(wrong):
    anomaly_map = np.full((4, 4), 0.5, dtype=np.float32)
    anomaly_map[1, 1] = wrong
    with pytest.raises(ValueError, match=r"within 0\.\.1"):
        PixelScores().add("good", anomaly_map)


def test_without_normal_pixels_the_figures_are_none():
    tally = ExactTally()
    tally.add(np.zeros((4, 4), dtype=np.float32), np.ones((4, 4), dtype=bool))
    assert tally.measure() == PixelFigures(None, None, None)


def test_auroc_of_more_pairs_than_an_integer_of_64_bits_counts_is_still_exact():
    counts = RankedCounts(
        np.array([4_000_000_000, 0, 1], dtype=np.int64), np.array([0, 4_000_000_000, 0], dtype=np.int64)
    )
    assert auroc(counts) == 4_000_000_000 / 4_000_000_001
