"""The axis of raw scores: they crowd near 0 and 1, so it stretches both ends."""

import math

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike, NDArray

FLOOR = 1e-6
"""Scores nearer to 0 or 1 than this stand at the end of the axis."""

_DECADES = (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
_BETWEEN = (0.0002, 0.0005, 0.002, 0.005, 0.02, 0.05, 0.2, 0.3, 0.7, 0.8, 0.95, 0.98, 0.995, 0.998)
_GAP = 56.0
"""Least distance of two labels in pixels."""


def to_axis(score: ArrayLike) -> NDArray[np.float64]:
    """Where raw scores stand on the axis: log10(s / (1 - s)), 0.5 in the middle."""
    inside = np.clip(np.asarray(score, dtype=np.float64), FLOOR, 1.0 - FLOOR)
    return np.asarray(np.log10(inside) - np.log10(1.0 - inside))


def to_score(place: float) -> float:
    """The raw score at a place of the axis, the inverse of `to_axis`."""
    return 1.0 / (1.0 + math.pow(10.0, -min(max(place, -6.0), 6.0)))


class ScoreAxis(pg.AxisItem):  # type: ignore[misc]
    """Labels the axis with raw scores, as many as have room."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        if size <= 0 or not high > low:
            return []
        scores = [s for s in _DECADES + _BETWEEN if low <= float(to_axis(s)) <= high]
        if len(scores) < 3:
            scores = _round_scores(to_score(low), to_score(high), round(size / (2 * _GAP)))
        pixels = size / (high - low)
        taken: list[float] = []
        edge = 0.4 * _GAP / pixels  # a label nearer to the end would be cut
        for place in (float(to_axis(s)) for s in scores):
            if low + edge <= place <= high - edge and all(
                abs(place - other) * pixels >= _GAP for other in taken
            ):
                taken.append(place)
        return [(1.0, sorted(taken))]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [score_text(to_score(value)) for value in values]


class CountAxis(pg.AxisItem):  # type: ignore[misc]
    """Labels an axis of log10(1 + n) with n."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        counts = [0, 1, 10, 100, 1000, 10_000, 100_000]
        if high < 1.6:
            counts = [0, 1, 2, 5, 10, 20]
        return [(1.0, [math.log10(1 + n) for n in counts if low <= math.log10(1 + n) <= high])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [f"{round(10**value - 1):,}" for value in values]


def score_text(score: float) -> str:
    """A score short enough for a label, exact enough to tell it from its neighbours."""
    if score > 0.99:
        digits = min(6, math.ceil(-math.log10(max(1.0 - score, FLOOR)) - 1e-9) + 1)
        return f"{score:.{digits}f}".rstrip("0")
    if score < 1e-4:
        return f"{score:.2g}"
    return f"{score:.3g}"


def _round_scores(low: float, high: float, number: int) -> list[float]:
    """About `number` round scores between two."""
    step = (high - low) / max(number, 2)
    power = 10.0 ** math.floor(math.log10(step)) if step > 0 else 1.0
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step)
    first = math.ceil(low / step)
    return [round(n * step, 12) for n in range(first, math.floor(high / step) + 1)]
