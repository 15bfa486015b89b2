"""What a line feels of a detector: good parts rejected, defects passed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from inspector_core.inspection.statistics import clopper_pearson


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` of `n` parts."""

    count: int
    n: int

    @property
    def value(self) -> float:
        """The share, 0..1."""
        return self.count / self.n

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Two-sided Clopper-Pearson interval of the true rate."""
        return clopper_pearson(self.n, self.count, confidence)


def overkill(good: ArrayLike, threshold: float | None) -> Rate | None:
    """Good parts that score at or above the threshold; None without parts or without a threshold."""
    scores = np.asarray(good, dtype=np.float64)
    if scores.size == 0 or threshold is None:
        return None
    return Rate(int((scores >= threshold).sum()), scores.size)


def escape(defective: ArrayLike, threshold: float | None) -> Rate | None:
    """Defective parts that score below the threshold; None without parts or without a threshold."""
    scores = np.asarray(defective, dtype=np.float64)
    if scores.size == 0 or threshold is None:
        return None
    return Rate(int((scores < threshold).sum()), scores.size)


def false_reject_at_zero_escape(good: ArrayLike, defective: ArrayLike) -> Rate | None:
    """Good parts rejected at the highest threshold that lets no defective part pass.

    That threshold is the lowest score of a defective part. None where either kind is absent.
    """
    scores = np.asarray(defective, dtype=np.float64)
    return overkill(good, float(scores.min())) if scores.size else None
