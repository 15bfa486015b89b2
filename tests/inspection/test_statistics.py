import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.inspection.statistics import (
    bound_in_words,
    clopper_pearson,
    conformal_threshold,
    false_reject_upper_bound,
    reaches_rate,
)


@pytest.mark.parametrize(("n", "percent"), [(20, 13.9), (50, 5.8), (100, 2.95), (300, 0.99)])
def test_the_bound_with_no_reject_is_the_published_figure(n, percent):
    assert 100 * false_reject_upper_bound(n) == pytest.approx(percent, abs=0.05)


@given(st.integers(1, 100_000), st.floats(0.5, 0.999))
def test_with_no_reject_the_bound_has_its_closed_form(n, confidence):
    assert false_reject_upper_bound(n, 0, confidence) == pytest.approx(
        1 - (1 - confidence) ** (1 / n), rel=1e-9
    )


@given(st.integers(2, 500), st.data())
def test_scores_that_lean_on_each_other_count_for_half(n, data):
    rejected = data.draw(st.integers(0, n))
    bound = false_reject_upper_bound(n, rejected, shared=True)
    assert bound == false_reject_upper_bound(n // 2, min(math.ceil(rejected / 2), n // 2))
    assert bound >= false_reject_upper_bound(n, rejected)


@given(st.integers(1, 60), st.data())
def test_at_the_bound_so_few_rejects_have_just_the_allowed_probability(n, data):
    rejected = data.draw(st.integers(0, n - 1))
    p = false_reject_upper_bound(n, rejected)
    tail = sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(rejected + 1))
    assert tail == pytest.approx(0.05, rel=1e-6)


def test_two_sided_interval_agrees_with_tables():
    # Clopper-Pearson 95 % for 10 of 100 and for 0 of 10, as statistical tables print them.
    assert clopper_pearson(100, 10) == pytest.approx((0.04900, 0.17622), abs=2e-5)
    assert clopper_pearson(10, 0) == pytest.approx((0.0, 0.30850), abs=2e-5)
    assert clopper_pearson(10, 10) == pytest.approx((0.69150, 1.0), abs=2e-5)


@given(st.integers(1, 500), st.data())
def test_the_interval_holds_the_observed_rate(n, data):
    successes = data.draw(st.integers(0, n))
    low, high = clopper_pearson(n, successes)
    assert 0 <= low <= successes / n <= high <= 1


@pytest.mark.parametrize(("n", "rejected"), [(10, 11), (10, -1)])
def test_impossible_counts_are_refused(n, rejected):
    with pytest.raises(ValueError, match="no bound"):
        false_reject_upper_bound(n, rejected)


def test_the_threshold_is_the_order_statistic():
    scores = list(range(99, 0, -1))  # 1..99, so that a score equals its rank
    assert conformal_threshold(scores, 0.10) == 90
    assert conformal_threshold(scores, 0.01) == 99
    assert reaches_rate(99, 0.01)


def test_too_few_parts_give_the_maximum_and_say_so():
    assert conformal_threshold([0.1, 0.5, 0.3], 0.01) == 0.5
    assert not reaches_rate(98, 0.01)
    assert "at least 99 parts are needed" in bound_in_words(20, 0.01)
    assert "13.9" in bound_in_words(20, 0.01)
    assert "needed" not in bound_in_words(100, 0.01)


def test_the_promised_rate_is_kept_on_average():
    generator = np.random.default_rng(7)
    exceeded = [
        generator.random() > conformal_threshold(generator.random(39).tolist(), 0.1) for _ in range(4000)
    ]
    assert np.mean(exceeded) == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("scores", [[], [0.1, math.nan], [math.inf]])
def test_unusable_scores_are_refused(scores):
    with pytest.raises(ValueError, match="finite"):
        conformal_threshold(scores, 0.1)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, math.nan])
def test_a_rate_outside_the_open_interval_is_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        conformal_threshold([0.1], rate)
