"""Good and bad counted at each distinct score: all that a ranking metric needs to know."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RankedCounts:
    """How many anomalous and normal samples stand at each score, highest score first, both int64 [K].

    Neighbouring scores of normal samples alone may share a place: no metric tells them apart.
    """

    anomalous: Counts
    normal: Counts

    @property
    def both_present(self) -> bool:
        return bool(self.anomalous.any() and self.normal.any())


def rank(anomalous: Sequence[float] | ArrayLike, normal: Sequence[float] | ArrayLike) -> RankedCounts:
    """Count the scores of both kinds exactly: equal scores, and only these, share a place."""
    a = np.asarray(anomalous, dtype=np.float64).ravel()
    n = np.asarray(normal, dtype=np.float64).ravel()
    values, place = np.unique(np.concatenate([a, n]), return_inverse=True)
    place = len(values) - 1 - place
    return RankedCounts(
        np.bincount(place[: len(a)], minlength=len(values)).astype(np.int64),
        np.bincount(place[len(a) :], minlength=len(values)).astype(np.int64),
    )
