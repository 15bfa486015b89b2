"""AUROC, AP and the rates a line feels, against closed forms and slow counting."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slow_metrics import pairwise_auroc, stepwise_average_precision

from inspector_core.evaluation.auroc import auroc
from inspector_core.evaluation.average_precision import average_precision
from inspector_core.evaluation.line_metrics import Rate, escape, false_reject_at_zero_escape, overkill
from inspector_core.evaluation.ranked_counts import rank

few_scores = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.7, 1.0]), min_size=1, max_size=25)
many_scores = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=25)


@pytest.mark.parametrize(
    ("anomalous", "normal", "expected"),
    [
        ([2, 3], [0, 1], 1.0),
        ([0, 1], [2, 3], 0.0),
        ([5], [5], 0.5),
        ([1, 3], [0, 2], 0.75),
        ([0.5, 1.0], [0.5], 0.75),
    ],
)
def test_auroc_of_cases_counted_by_hand(anomalous, normal, expected):
    assert auroc(rank(anomalous, normal)) == expected


@given(few_scores | many_scores, few_scores | many_scores)
def test_auroc_equals_the_comparison_of_every_pair(anomalous, normal):
    assert auroc(rank(anomalous, normal)) == pytest.approx(pairwise_auroc(anomalous, normal), abs=1e-15)


@given(many_scores, many_scores)
def test_swapping_the_kinds_mirrors_auroc(anomalous, normal):
    assert auroc(rank(anomalous, normal)) + auroc(rank(normal, anomalous)) == pytest.approx(1, abs=1e-15)


def test_auroc_keeps_full_precision_where_one_pair_in_a_million_is_wrong():
    anomalous = [*np.linspace(2, 3, 999), 0.9995]
    normal = np.linspace(0, 1, 1000)
    assert auroc(rank(anomalous, normal)) == 1 - 1e-6


def test_auroc_of_two_gaussians_is_the_normal_distribution_of_half_root_two_of_their_distance():
    rng = np.random.default_rng(0)
    expected = 0.5 * (1 + math.erf(1.2 / 2))
    found = auroc(rank(rng.normal(1.2, 1, 200_000), rng.normal(0, 1, 200_000)))
    assert found == pytest.approx(expected, abs=0.003)


@pytest.mark.parametrize(
    ("anomalous", "normal", "expected"),
    [
        ([2, 3], [0, 1], 1.0),
        ([1], [1, 1, 1], 0.25),
        ([4, 2], [3, 1], (1 + 2 / 3) / 2),
        ([0], [1, 2, 3], 0.25),
    ],
)
def test_average_precision_of_cases_counted_by_hand(anomalous, normal, expected):
    assert average_precision(rank(anomalous, normal)) == pytest.approx(expected, abs=1e-15)


@given(few_scores | many_scores, few_scores | many_scores)
def test_average_precision_equals_one_threshold_after_the_other(anomalous, normal):
    slow = stepwise_average_precision(anomalous, normal)
    assert average_precision(rank(anomalous, normal)) == pytest.approx(slow, abs=1e-12)


@pytest.mark.parametrize("metric", [auroc, average_precision])
def test_a_ranking_metric_without_one_of_the_kinds_is_none(metric):
    assert metric(rank([], [1.0])) is None
    assert metric(rank([1.0], [])) is None


def test_a_part_at_the_threshold_is_rejected():
    assert overkill([0.1, 0.5, 0.9], 0.5) == Rate(2, 3)
    assert escape([0.1, 0.5, 0.9], 0.5) == Rate(1, 3)


def test_rates_without_parts_or_without_a_threshold_are_none():
    assert overkill([], 0.5) is None
    assert overkill([0.5], None) is None
    assert escape([], 0.5) is None
    assert escape([0.5], None) is None
    assert false_reject_at_zero_escape([], [0.5]) is None
    assert false_reject_at_zero_escape([0.5], []) is None


@given(few_scores, few_scores)
def test_no_threshold_without_escapes_rejects_fewer_good_parts(good, defective):
    thresholds = {*good, *defective, 2.0}
    safe = [t for t in thresholds if escape(defective, t).count == 0]
    fewest = min(sum(g >= t for g in good) for t in safe)
    assert false_reject_at_zero_escape(good, defective) == Rate(fewest, len(good))


def test_the_interval_of_none_in_n_is_the_closed_form():
    low, high = Rate(0, 60).interval()
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 60), abs=1e-9)


@given(st.integers(1, 60), st.data())
def test_the_interval_ends_where_the_binomial_tails_hold_a_fortieth(n, data):
    k = data.draw(st.integers(0, n))
    low, high = Rate(k, n).interval()

    def tail(p, counts):
        return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in counts)

    assert low <= k / n <= high
    assert k == 0 or tail(low, range(k, n + 1)) == pytest.approx(0.025, rel=1e-4)
    assert k == n or tail(high, range(k + 1)) == pytest.approx(0.025, rel=1e-4)
