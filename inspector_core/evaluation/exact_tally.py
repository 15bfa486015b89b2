"""Pixel scores of a test set, each kept as it is: exact figures, and memory that grows with the pixels."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inspector_core.evaluation.auroc import auroc
from inspector_core.evaluation.average_precision import average_precision
from inspector_core.evaluation.pixel_figures import PixelFigures
from inspector_core.evaluation.pro import pro
from inspector_core.evaluation.ranked_counts import RankedCounts
from inspector_core.evaluation.regions import Labels, region_weights

Scores = NDArray[np.float32]
Shares = NDArray[np.float64]


@dataclass(slots=True)
class ExactTally:
    """The scores themselves: 4 bytes for a pixel outside the masks, 12 for one inside.

    Attributes:
        normal: float32 [N_i], the scores outside the masks of each image.
        anomalous: float32 [A_i], the scores inside.
        shares: float64 [A_i], 1 / area of the region that each of these belongs to.
    """

    normal: list[Scores] = field(default_factory=list)
    anomalous: list[Scores] = field(default_factory=list)
    shares: list[Shares] = field(default_factory=list)

    def add(self, anomaly_map: Scores, regions: NDArray[np.bool_] | Labels | None = None) -> None:
        """Add one image; `anomaly_map` is float32 [H, W], `regions` as in `PixelTally.add`."""
        if regions is None or not regions.any():
            self.normal.append(anomaly_map.ravel().copy())
            return
        inside = regions > 0
        self.normal.append(anomaly_map[~inside])
        self.anomalous.append(anomaly_map[inside])
        self.shares.append(region_weights(regions)[0])

    @property
    def pixels(self) -> int:
        return sum(scores.size for scores in (*self.normal, *self.anomalous))

    def __add__(self, other: "ExactTally") -> "ExactTally":
        return ExactTally(
            self.normal + other.normal, self.anomalous + other.anomalous, self.shares + other.shares
        )

    def measure(self) -> PixelFigures:
        """Pixel AUROC, AP and PRO, exact; None without masks."""
        if not self.anomalous or not self.pixels:
            return PixelFigures(None, None, None)
        counts, share = _ranked(
            np.concatenate(self.anomalous), np.concatenate(self.shares), np.concatenate(self.normal)
        )
        return PixelFigures(auroc(counts), average_precision(counts), pro(share, counts.normal))


def _ranked(anomalous: Scores, shares: Shares, normal: Scores) -> tuple[RankedCounts, Shares]:
    """The counts and the region shares of 2 K + 1 places, for the K distinct scores of anomalous pixels.

    In turn: the normal pixels above a score, and all pixels at it; the normal pixels below them all are last.
    """
    values, rank = np.unique(anomalous, return_inverse=True)  # ascending, (K,)
    normal.sort()
    at_least = normal.size - np.searchsorted(normal, values[::-1], side="left")
    above = normal.size - np.searchsorted(normal, values[::-1], side="right")
    places = 2 * len(values) + 1
    counts = RankedCounts(np.zeros(places, dtype=np.int64), np.zeros(places, dtype=np.int64))
    share = np.zeros(places, dtype=np.float64)
    counts.anomalous[1::2] = np.bincount(rank)[::-1]
    share[1::2] = np.bincount(rank, weights=shares)[::-1]
    counts.normal[1::2] = at_least - above
    counts.normal[0::2] = np.append(above, normal.size) - np.insert(at_least, 0, 0)
    return counts, share
