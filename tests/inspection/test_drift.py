"""A drift of the normal scores is told when it lasts, and never without one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.inspection.drift import FEWEST, PATIENCE, WINDOW, find_drift

NEEDED = WINDOW + PATIENCE - 1
CALIBRATION = np.linspace(0.0, 1.0, 101).tolist()
"""Their central range is 0.2 to 0.8."""


@pytest.mark.parametrize(("score", "upwards"), [(0.95, True), (0.05, False)])
def test_scores_that_stay_outside_the_central_range_are_a_drift(score: float, upwards: bool) -> None:
    drift = find_drift([0.5] * 500 + [score] * NEEDED, CALIBRATION)
    assert drift is not None
    assert (drift.median, drift.upwards) == (score, upwards)
    assert (drift.low, drift.high) == pytest.approx((0.2, 0.8))


@pytest.mark.parametrize("score", [0.2001, 0.5, 0.7999])
def test_scores_inside_the_central_range_are_none(score: float) -> None:
    assert find_drift([score] * NEEDED, CALIBRATION) is None


def test_a_drift_is_told_when_the_median_has_been_outside_for_fifty_parts() -> None:
    # The 26th high part of 50 moves the median out; it must stay there for PATIENCE medians.
    first = WINDOW // 2 + 1 + PATIENCE - 1
    before = [0.5] * NEEDED
    assert find_drift(before + [0.95] * (first - 1), CALIBRATION) is None
    assert find_drift(before + [0.95] * first, CALIBRATION) is not None


def test_a_bad_tray_is_no_drift_and_a_drift_that_ends_is_forgotten() -> None:
    assert find_drift([0.5] * NEEDED + [0.95] * 60 + [0.5] * 10, CALIBRATION) is None
    assert find_drift([0.95] * NEEDED + [0.5] * (WINDOW // 2 + 1), CALIBRATION) is None


def test_swinging_from_one_side_to_the_other_is_no_drift() -> None:
    assert find_drift([0.95] * 60 + [0.05] * (NEEDED - 60), CALIBRATION) is None


def test_a_few_wild_scores_do_not_move_it() -> None:
    scores = [0.5] * NEEDED
    scores[::3] = [1e6] * len(scores[::3])
    assert find_drift(scores, CALIBRATION) is None


def test_too_few_parts_or_too_few_calibration_scores_tell_nothing() -> None:
    assert find_drift([0.95] * (NEEDED - 1), CALIBRATION) is None
    assert find_drift([9.0] * NEEDED, CALIBRATION[: FEWEST - 1]) is None
    assert find_drift([9.0] * NEEDED, [0.5] * 50) is None
    assert find_drift([9.0] * NEEDED, []) is None


@given(st.integers(0, 2**32 - 1), st.floats(0.25, 8.0), st.floats(-5.0, 5.0))
def test_it_depends_on_neither_the_unit_nor_the_zero_of_the_scores(
    seed: int, scale: float, offset: float
) -> None:
    rng = np.random.default_rng(seed)
    calibration, passed = rng.normal(size=60), rng.normal(rng.uniform(-3, 3), 1.0, NEEDED)
    plain = find_drift(passed.tolist(), calibration.tolist())
    moved = find_drift((passed * scale + offset).tolist(), (calibration * scale + offset).tolist())
    assert (plain is None) == (moved is None)
    if plain is not None and moved is not None:
        assert moved.median == pytest.approx(plain.median * scale + offset)
        assert moved.upwards == plain.upwards


def test_parts_that_score_as_at_calibration_raise_no_false_alarm() -> None:
    """A thousand stations with 100 calibration parts each; parts above the threshold did not pass."""
    rng = np.random.default_rng(7)
    calibrations = np.exp(rng.normal(size=(1000, 100)))
    scores = np.exp(rng.normal(size=(1000, NEEDED + 20)))
    thresholds = np.quantile(calibrations, 0.97, axis=1)
    passed = [row[row < limit].tolist() for row, limit in zip(scores, thresholds, strict=True)]
    assert sum(len(row) >= NEEDED for row in passed) > 990
    alarms = [find_drift(row, known) for row, known in zip(passed, calibrations.tolist(), strict=True)]
    assert alarms == [None] * 1000
