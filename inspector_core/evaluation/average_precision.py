"""Average precision: the area under the precision-recall steps."""

import numpy as np

from inspector_core.evaluation.ranked_counts import RankedCounts


def average_precision(counts: RankedCounts) -> float | None:
    """Gain in recall times the precision reached, over all thresholds: sum (R_k - R_{k-1}) P_k; 0..1.

    No interpolation between points. Samples of equal score are taken together. None where one of the kinds
    is absent.
    """
    if not counts.both_present:
        return None
    gain = counts.anomalous / counts.anomalous.sum()
    true_positives = np.cumsum(counts.anomalous)
    called = true_positives + np.cumsum(counts.normal)
    return float((gain * (true_positives / np.maximum(called, 1))).sum())


def average_precision_error_bound(counts: RankedCounts) -> float:
    """How far `average_precision` can be off where samples at one place are in truth of differing scores.

    Within a place the precision at each anomalous sample lies between that of the first one with all normal
    samples of the place before it and that of the last one with none of them.
    """
    if not counts.both_present:
        return 0.0
    held = counts.anomalous > 0
    true_after = np.cumsum(counts.anomalous)[held]
    false_after = np.cumsum(counts.normal)[held]
    anomalous, normal = counts.anomalous[held], counts.normal[held]
    true_first = true_after - anomalous + 1
    best = true_after / (true_after + false_after - normal)
    worst = true_first / (true_first + false_after)
    return float((anomalous * (best - worst)).sum() / anomalous.sum())
