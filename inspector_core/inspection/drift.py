"""Whether good parts still score as they did when the model was calibrated."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

WINDOW = 50
"""Parts of which one median is taken: enough that chance keeps it well within the central range."""
PATIENCE = 50
"""Medians in a row that must lie outside, so that a bad tray of parts is no drift."""
CENTRAL = 0.6
"""Share of the calibration's scores in their central range. On normally distributed scores, 50 of them in the
calibration, a shift by one standard deviation is found within 500 parts in 6 of 10 runs, by 1.3 in 9."""
FEWEST = 20
"""Calibration scores below which their range is too uncertain: in 2,000 parts without a drift one was told
in 4 % of 200 runs at 20 scores, in none at 50, but in 19 % at 10."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Where good parts score now, and where they scored at calibration.

    Attributes:
        median: of the newest `WINDOW` scores.
        low, high: the central range of the calibration's scores.
    """

    median: float
    low: float
    high: float

    @property
    def upwards(self) -> bool:
        """Towards false rejects; else towards scores too good to be true, where defects may be missed."""
        return self.median > self.high


def find_drift(passed: Sequence[float], calibration: Sequence[float]) -> Drift | None:
    """The drift of the scores of parts that passed; None where there is none, or too little to tell.

    A drift is found when each of the last `PATIENCE` medians over `WINDOW` parts lies on the same side of
    the range that holds the central `CENTRAL` of the calibration's scores. It looks at nothing else, so that
    one median inside that range ends it.

    Args:
        passed: raw scores, oldest first; only the last `WINDOW + PATIENCE - 1` are looked at.
        calibration: raw scores of normal parts, each by evidence without it, in any order.
    """
    needed = WINDOW + PATIENCE - 1
    if len(passed) < needed or len(calibration) < FEWEST:
        return None
    low, high = np.quantile(np.asarray(calibration, dtype=np.float64), [(1 - CENTRAL) / 2, (1 + CENTRAL) / 2])
    if not low < high:
        return None
    recent = np.asarray(passed[-needed:], dtype=np.float64)
    medians = np.median(sliding_window_view(recent, WINDOW), axis=1)  # (PATIENCE,)
    if (medians > high).all() or (medians < low).all():
        return Drift(float(medians[-1]), float(low), float(high))
    return None
