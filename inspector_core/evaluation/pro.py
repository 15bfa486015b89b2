"""Per-region overlap: how much of each defect is found, large and small ones counting alike."""

import numpy as np
from numpy.typing import NDArray

FPR_LIMIT = 0.3


def pro(
    region_share: NDArray[np.float64], normal: NDArray[np.int64], limit: float = FPR_LIMIT
) -> float | None:
    """Mean region overlap over the pixel false-positive rates from 0 to `limit`; 0..1.

    Trapezoids; the last one is cut at `limit` by linear interpolation (Bergmann et al., IJCV 2021;
    detectors.md 4, row 24: pixels of the region itself, holes not filled).

    Args:
        region_share: float64 [K], at each score, highest first, the sum over regions of the share of the
            region's pixels that have this score.
        normal: int64 [K], the pixels outside any region at each score.

    Returns:
        None where there is no region or no pixel outside.
    """
    curve = _curve(region_share, normal)
    if curve is None:
        return None
    fpr, overlap = _cut(*curve, limit)
    return float((np.diff(fpr) * (overlap[1:] + overlap[:-1])).sum() / (2 * limit))


def pro_error_bound(
    region_share: NDArray[np.float64], normal: NDArray[np.int64], limit: float = FPR_LIMIT
) -> float:
    """How far `pro` can be off where pixels at one place are in truth of differing scores.

    Between two points the true curve rises, so it stays in the rectangle they span; the trapezoid halves a
    whole rectangle, and lies anywhere in the one cut at `limit`.
    """
    curve = _curve(region_share, normal)
    if curve is None:
        return 0.0
    fpr, overlap = curve
    width = np.diff(np.minimum(fpr, limit))
    off = width * np.diff(overlap) * np.where(fpr[1:] > limit, 1.0, 0.5)
    return float(off.sum() / limit)


def _curve(
    region_share: NDArray[np.float64], normal: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """False-positive rate and mean overlap as the threshold falls, from (0, 0) to (1, 1), float64 [K + 1]."""
    if not (region_share.any() and normal.any()):
        return None
    false_positives = np.cumsum(normal, dtype=np.float64)
    overlaps = np.cumsum(region_share)
    zero = np.zeros(1)
    return (
        np.concatenate([zero, false_positives / false_positives[-1]]),
        np.concatenate([zero, overlaps / overlaps[-1]]),
    )


def _cut(
    fpr: NDArray[np.float64], overlap: NDArray[np.float64], limit: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The curve up to `limit`, with the interpolated point at `limit` as its last."""
    kept = int(np.searchsorted(fpr, limit, side="right"))
    end = overlap[-1]
    if kept < len(fpr):
        step = (limit - fpr[kept - 1]) / (fpr[kept] - fpr[kept - 1])
        end = overlap[kept - 1] + step * (overlap[kept] - overlap[kept - 1])
    return np.append(fpr[:kept], limit), np.append(overlap[:kept], end)
