"""What the stored scores say about a pair of thresholds. Numbers and sentences, no widgets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspector_core.detectors.model_file import Calibration
from inspector_core.inspection.recipe import Thresholds
from inspector_core.inspection.statistics import calibration_in_words, clopper_pearson
from inspector_core.inspection.verdict import Verdict
from inspector_core.records import ScoreTable

PASS, REVIEW, FAIL = 0, 1, 2
GOOD_LABELS = ("good", "false_reject")

DEFECT, REJECTED, GOOD, PASSED = (
    "Labelled defect",
    "Rejected, not labelled",
    "Labelled good",
    "Passed, not labelled",
)
SERIES = (DEFECT, REJECTED, GOOD, PASSED)
"""What is known of a part, the rarest first: the histogram stacks them in this order."""


def series_of(table: ScoreTable) -> dict[str, NDArray[np.bool_]]:
    """For each of `SERIES` which rows belong to it; every row belongs to one."""
    defect = table.label == "true_defect"
    good = np.isin(table.label, GOOD_LABELS)
    unknown = ~defect & ~good
    passed = table.verdict == str(Verdict.PASS)
    return {DEFECT: defect, REJECTED: unknown & ~passed, GOOD: good, PASSED: unknown & passed}


def judged(scores: NDArray[np.float64], thresholds: Thresholds) -> NDArray[np.int8]:
    """`PASS`, `REVIEW` or `FAIL` by the score alone; at the threshold is above it."""
    review = thresholds.fail if thresholds.review is None else thresholds.review
    return ((scores >= thresholds.fail).astype(np.int8) + (scores >= review)).astype(np.int8)


def recorded(table: ScoreTable) -> NDArray[np.int8]:
    """The verdicts of a table as `PASS`, `REVIEW` or `FAIL`."""
    numbers = np.zeros(len(table.id), dtype=np.int8)
    numbers[table.verdict == str(Verdict.REVIEW)] = REVIEW
    numbers[table.verdict == str(Verdict.FAIL)] = FAIL
    return numbers


@dataclass(frozen=True, slots=True)
class Replay:
    """A period judged again.

    Attributes:
        total: parts with a score.
        before, after: how many were, and would be, PASS, REVIEW and FAIL.
        changed: int64, row numbers of the parts with another verdict, the highest scores first.
        good, defects: how many of the changed are labelled so.
    """

    total: int
    before: tuple[int, int, int]
    after: tuple[int, int, int]
    changed: NDArray[np.int64]
    good: int
    defects: int


def replay(table: ScoreTable, thresholds: Thresholds, published: Thresholds) -> Replay:
    """Judge the stored scores by other thresholds, against what was recorded.

    A least area needs the maps and is not judged again: where one is set, a part that was held at REVIEW
    although its score reaches the published FAIL threshold counts as unchanged.
    """
    before, after = recorded(table), judged(table.score, thresholds)
    if thresholds.least_area > 0:
        held = (before == REVIEW) & (table.score >= published.fail)
        after = np.where(held & (after == FAIL), REVIEW, after).astype(np.int8)
    rows = np.flatnonzero(before != after)
    rows = rows[np.argsort(-table.score[rows], kind="stable")]
    labels = table.label[rows]
    return Replay(
        len(table.id), _counts(before), _counts(after), table.id[rows],
        int(np.isin(labels, GOOD_LABELS).sum()), int((labels == "true_defect").sum()),
    )  # fmt: skip


def replay_words(result: Replay, period: str) -> str:
    """The sentences on a replay."""
    if not result.total:
        return "No part of this period has a score."
    if not len(result.changed):
        return f"None of the {result.total:,} parts {period} would have got another verdict."
    kinds = [
        _change(result.before[kind], result.after[kind], word)
        for kind, word in ((FAIL, "NG"), (REVIEW, "REVIEW"))
    ]
    text = f"Of {result.total:,} parts {period} there would have been {' and '.join(kinds)}. "
    text += f"{_parts(len(result.changed))} would change"
    known = [
        f"{n} labelled {word}" for n, word in ((result.good, "good"), (result.defects, "defective")) if n
    ]
    return f"{text}, {' and '.join(known)}." if known else f"{text}."


def false_reject_words(calibration: Calibration | None, fail: float) -> str:
    """What the model's normal parts predict for a FAIL threshold, with the bound."""
    if calibration is None or not calibration.n:
        return "The model has no calibration, so false rejects can't be predicted. Train it again to get one."
    rate = calibration.requested_rate
    if fail != calibration.threshold:
        rate = max(
            rate, 1.0 / (calibration.n + 1)
        )  # a remark on the requested rate would not be about this one
    return calibration_in_words(calibration, fail, rate)


def labelled_good_words(table: ScoreTable, thresholds: Thresholds) -> str:
    """What the parts that people called good say; empty where there are none."""
    good = np.isin(table.label, GOOD_LABELS)
    number = int(good.sum())
    if not number:
        return ""
    rejected = int((judged(table.score[good], thresholds) == FAIL).sum())
    return f"{rejected:,} of {_parts(number)} labelled good would be NG."


def escape_words(table: ScoreTable, thresholds: Thresholds) -> str:
    """How many labelled defects would pass, with the 95 % interval."""
    defects = table.label == "true_defect"
    number = int(defects.sum())
    if not number:
        return (
            "No part of this period is labelled as a true defect, so nothing is known about escapes. "
            "Label rejects on the History page."
        )
    verdicts = judged(table.score[defects], thresholds)
    passed, held = int((verdicts == PASS).sum()), int((verdicts == REVIEW).sum())
    low, high = clopper_pearson(number, passed)
    text = (
        f"{passed} of {number} labelled defects would pass: {100 * passed / number:.1f} %, "
        f"95 % interval {100 * low:.1f} to {100 * high:.1f} %."
    )
    return f"{text} {held} more would be held for review." if held else text


def worst_good(table: ScoreTable, number: int) -> NDArray[np.int64]:
    """Row numbers of the highest scores among parts that are good: labelled so, or passed and unlabelled."""
    series = series_of(table)
    return _extreme(table, series[GOOD] | series[PASSED], number, highest=True)


def best_bad(table: ScoreTable, number: int) -> NDArray[np.int64]:
    """Row numbers of the lowest scores among labelled defects; where there are none, among NG parts."""
    series = series_of(table)
    bad = series[DEFECT] if series[DEFECT].any() else series[REJECTED] & (table.verdict == str(Verdict.FAIL))
    return _extreme(table, bad, number, highest=False)


def _extreme(table: ScoreTable, mask: NDArray[np.bool_], number: int, *, highest: bool) -> NDArray[np.int64]:
    rows = np.flatnonzero(mask)
    order = np.argsort(-table.score[rows] if highest else table.score[rows], kind="stable")
    return np.asarray(table.id[rows[order[:number]]])


def _counts(verdicts: NDArray[np.int8]) -> tuple[int, int, int]:
    found = np.bincount(verdicts, minlength=3)
    return int(found[PASS]), int(found[REVIEW]), int(found[FAIL])


def _change(before: int, after: int, word: str) -> str:
    if before == after:
        return f"as many {word} ({after:,})"
    sense = "more" if after > before else "fewer"
    return f"{abs(after - before):,} {sense} {word} ({after:,} instead of {before:,})"


def _parts(number: int) -> str:
    return "1 part" if number == 1 else f"{number:,} parts"
