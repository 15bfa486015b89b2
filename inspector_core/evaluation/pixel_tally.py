"""Pixel scores of a whole test set counted into fine bins: memory stays the same for any number of images."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inspector_core.evaluation.auroc import auroc, auroc_error_bound
from inspector_core.evaluation.average_precision import average_precision, average_precision_error_bound
from inspector_core.evaluation.exact_tally import ExactTally
from inspector_core.evaluation.pixel_figures import PixelFigures
from inspector_core.evaluation.pro import pro, pro_error_bound
from inspector_core.evaluation.ranked_counts import RankedCounts
from inspector_core.evaluation.regions import Labels, region_weights

UnitMap = NDArray[np.float32]
"""float32 [H, W], 0..1."""

Regions = NDArray[np.bool_] | Labels
"""A mask bool [H, W] whose connected regions are meant, or numbered regions int32 [H, W], 0 outside."""

_SHIFT = 11  # of the 23 bits of a float32's fraction, 12 stay
_FLOOR = int(np.float32(2.0**-64).view(np.int32))
_HALF = (int(np.float32(0.5).view(np.int32)) - _FLOOR) >> _SHIFT
BINS = 2 * _HALF + 1


def score_bin(scores: NDArray[np.float32]) -> NDArray[np.int32]:
    """The bin of each score of 0..1, rising with the score, 0 .. BINS - 1; same shape.

    The bits of a positive float32 rise with its value, so their upper part is a bin of constant relative
    width; above 0.5 the bits of 1 - score (exact there) are used, so that both ends of a saturating sigmoid
    are resolved. Two scores share a bin only where they differ by less than 1/4096 of their distance to the
    nearer end of 0..1, or both lie below 2^-64.
    """
    low = scores < 0.5
    folded = np.where(low, scores, np.float32(1) - scores).astype(np.float32, copy=False)
    place = (np.maximum(folded.view(np.int32), _FLOOR) - _FLOOR) >> _SHIFT
    return np.where(low, place, BINS - 1 - place).astype(np.int32, copy=False)


def _counts() -> NDArray[np.int64]:
    return np.zeros(BINS, dtype=np.int64)


def _shares() -> NDArray[np.float64]:
    return np.zeros(BINS, dtype=np.float64)


@dataclass(slots=True)
class PixelTally:
    """Counts for pixel AUROC, AP and PRO; about 12 MB, whatever is added.

    Attributes:
        anomalous, normal: int64 [BINS], pixels inside and outside the masks.
        region_share: float64 [BINS], the sum over regions of the share of the region that fell into the bin.
    """

    anomalous: NDArray[np.int64] = field(default_factory=_counts)
    normal: NDArray[np.int64] = field(default_factory=_counts)
    region_share: NDArray[np.float64] = field(default_factory=_shares)

    @classmethod
    def of(cls, exact: ExactTally) -> "PixelTally":
        """The same pixels, counted into bins."""
        tally = cls()
        for normal in exact.normal:
            tally.normal += np.bincount(score_bin(normal), minlength=BINS)
        for anomalous, shares in zip(exact.anomalous, exact.shares, strict=True):
            tally._add_inside(score_bin(anomalous), shares)
        return tally

    def add(self, anomaly_map: UnitMap, regions: Regions | None = None) -> None:
        """Add one image; `regions` of the map's shape, None for a good part.

        Raises:
            ValueError: a score is NaN or lies outside 0..1.
        """
        if not (anomaly_map.min() >= 0 and anomaly_map.max() <= 1):
            raise ValueError("an anomaly map must lie within 0..1")
        bins = score_bin(np.ascontiguousarray(anomaly_map, dtype=np.float32))
        if regions is None or not regions.any():
            self.normal += np.bincount(bins.ravel(), minlength=BINS)
            return
        inside = regions > 0
        self.normal += np.bincount(bins[~inside], minlength=BINS)
        self._add_inside(bins[inside], region_weights(regions)[0])

    def _add_inside(self, bins: NDArray[np.int32], shares: NDArray[np.float64]) -> None:
        self.anomalous += np.bincount(bins, minlength=BINS)
        self.region_share += np.bincount(bins, weights=shares, minlength=BINS)

    def __add__(self, other: "PixelTally") -> "PixelTally":
        return PixelTally(
            self.anomalous + other.anomalous,
            self.normal + other.normal,
            self.region_share + other.region_share,
        )

    def ranked(self) -> RankedCounts:
        """The pixels of both kinds, highest score first."""
        return RankedCounts(self.anomalous[::-1], self.normal[::-1])

    def auroc(self) -> float | None:
        """Pixel AUROC, None without masks."""
        return auroc(self.ranked())

    def average_precision(self) -> float | None:
        """Pixel AP, None without masks."""
        return average_precision(self.ranked())

    def pro(self) -> float | None:
        """PRO up to 30 % false-positive rate, None without masks."""
        return pro(self.region_share[::-1], self.normal[::-1])

    def error_bounds(self) -> tuple[float, float, float]:
        """How far AUROC, AP and PRO can be off, for these very counts, by scores that share a bin."""
        ranked = self.ranked()
        return (
            auroc_error_bound(ranked),
            average_precision_error_bound(ranked),
            pro_error_bound(self.region_share[::-1], self.normal[::-1]),
        )

    def measure(self) -> PixelFigures:
        """All figures, with their bounds."""
        return PixelFigures(self.auroc(), self.average_precision(), self.pro(), self.error_bounds())
