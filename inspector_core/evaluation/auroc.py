"""Area under the receiver operating characteristic."""

import numpy as np

from inspector_core.evaluation.ranked_counts import RankedCounts


def auroc(counts: RankedCounts) -> float | None:
    """The chance that an anomalous sample scores above a normal one, a tie counting half; 0..1.

    Equal to the trapezoid under the ROC (Hanley and McNeil 1982). Integer sums, one division: exact to the
    last bit of the quotient, up to 4e9 samples of a kind. None where one of the kinds is absent.
    """
    if not counts.both_present:
        return None
    anomalous, normal = counts.anomalous, counts.normal
    below = normal.sum() - np.cumsum(normal)
    high, low = np.divmod(2 * below + normal, 1 << 31)  # in two halves, so that no sum leaves int64
    doubled_wins = (int((anomalous * high).sum()) << 31) + int((anomalous * low).sum())
    return doubled_wins / (2 * int(anomalous.sum()) * int(normal.sum()))


def auroc_error_bound(counts: RankedCounts) -> float:
    """How far `auroc` can be off where samples at one place are in truth of differing scores.

    Each pair of one place counts half and may in truth count 0 or 1.
    """
    if not counts.both_present:
        return 0.0
    tied = float((counts.anomalous.astype(np.float64) * counts.normal).sum())
    return tied / (2 * int(counts.anomalous.sum()) * int(counts.normal.sum()))
