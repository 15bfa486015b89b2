"""What stored scores say about thresholds, against counts by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tuning import evidence
from app.tuning.evidence import (
    SERIES,
    best_bad,
    escape_words,
    judged,
    replay,
    replay_words,
    series_of,
    worst_good,
)
from app.tuning.scale import FLOOR, score_text, to_axis, to_score
from inspector_core.detectors.detection import Detection
from inspector_core.detectors.model_file import Calibration
from inspector_core.inspection.judge import judge
from inspector_core.inspection.recipe import Thresholds
from inspector_core.inspection.verdict import Verdict
from inspector_core.records import ScoreTable

OLD = Thresholds(fail=0.5, review=0.4)


def table(*rows: tuple[float, str, str]) -> ScoreTable:
    """Rows of score, recorded verdict and label, with ids from 1."""
    scores, verdicts, labels = zip(*rows, strict=True)
    return ScoreTable(
        np.arange(1, len(rows) + 1), np.array(scores), np.array(verdicts), np.array(labels, dtype=np.str_)
    )


MIXED = table(
    (0.1, "pass", ""), (0.3, "pass", "good"), (0.35, "pass", "true_defect"), (0.45, "review", ""),
    (0.5, "fail", "false_reject"), (0.6, "fail", ""), (0.9, "fail", "true_defect"),
)  # fmt: skip


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1) | st.none())
def test_replay_judges_as_the_line_does(score: float, fail: float, review: float | None):
    limits = Thresholds(fail=fail, review=None if review is None else min(review, fail))
    verdict = judge(
        Detection(score, np.zeros((4, 4), np.float32), np.zeros((4, 4, 3), np.uint8)), limits
    ).verdict
    kind = judged(np.array([score]), limits)[0]
    assert kind == {Verdict.PASS: 0, Verdict.REVIEW: 1, Verdict.FAIL: 2}[verdict]


def test_every_part_belongs_to_one_series():
    masks = series_of(MIXED)
    assert tuple(masks) == SERIES
    assert (np.sum(list(masks.values()), axis=0) == 1).all()
    assert [int(mask.sum()) for mask in masks.values()] == [2, 2, 2, 1]


def test_the_recorded_thresholds_change_nothing():
    result = replay(MIXED, OLD, OLD)
    assert len(result.changed) == 0
    assert result.before == result.after == (3, 1, 3)
    assert "None of the 7 parts today" in replay_words(result, "today")


def test_a_lower_threshold_names_the_parts_that_it_rejects():
    result = replay(MIXED, Thresholds(fail=0.3, review=None), OLD)
    assert result.changed.tolist() == [4, 3, 2]
    assert result.after == (1, 0, 6)
    words = replay_words(result, "today")
    assert "3 more NG (6 instead of 3)" in words
    assert "1 fewer REVIEW (0 instead of 1)" in words
    assert "1 labelled good and 1 labelled defective" in words


def test_a_part_held_for_its_small_area_stays_held():
    held = table((0.7, "review", ""), (0.45, "review", ""))
    small = Thresholds(fail=0.42, review=0.4, least_area=30)
    assert replay(held, small, OLD).changed.tolist() == [2]


def test_the_false_reject_bound_counts_parts_at_the_threshold():
    calibration = Calibration(
        scores=tuple(np.linspace(0.01, 0.2, 20)), requested_rate=0.01, threshold=0.3, upper_bound=0.139,
        pixel_threshold=0.5,
    )  # fmt: skip
    at_calibrated = evidence.false_reject_words(calibration, 0.3)
    assert "0 of 20 normal" in at_calibrated
    assert "13.91%" in at_calibrated
    assert "at least 99 parts" in at_calibrated
    lower = evidence.false_reject_words(calibration, 0.2)
    assert "1 of 20 normal" in lower
    assert "at least" not in lower
    assert "no calibration" in evidence.false_reject_words(None, 0.3)


def test_escapes_need_labelled_defects():
    assert "nothing is known about escapes" in escape_words(table((0.1, "pass", "")), OLD)
    words = escape_words(MIXED, OLD)
    assert "1 of 2 labelled defects would pass: 50.0 %" in words
    held = escape_words(MIXED, Thresholds(fail=0.5, review=0.35))
    assert "0 of 2" in held
    assert "1 more would be held for review" in held


def test_the_worst_good_and_the_best_bad_come_first():
    assert worst_good(MIXED, 2).tolist() == [5, 2]
    assert best_bad(MIXED, 1).tolist() == [3]
    unlabelled = table((0.2, "pass", ""), (0.6, "fail", ""), (0.5, "fail", ""))
    assert best_bad(unlabelled, 5).tolist() == [3, 2]


@given(st.floats(FLOOR, 1 - FLOOR))
def test_the_axis_gives_back_the_score(score: float):
    assert to_score(float(to_axis(score))) == pytest.approx(score, rel=1e-9)


def test_labels_tell_neighbouring_scores_apart():
    assert [score_text(score) for score in (0.001, 0.01, 0.5, 0.99, 0.999, 0.9999)] == [
        "0.001", "0.01", "0.5", "0.99", "0.999", "0.9999",
    ]  # fmt: skip
