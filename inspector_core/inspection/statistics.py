"""What a few unseen normal parts say about false rejects: a threshold, and how far it can be trusted."""

import math
from collections.abc import Sequence

import numpy as np

from inspector_core.detectors.model_file import Calibration

BISECTIONS = 100
"""Halvings of [0, 1]: more than the 53 bits of a float, so the result is as exact as the tail sum."""


def conformal_threshold(scores: Sequence[float], rate: float) -> float:
    """The threshold that a new normal part exceeds with probability at most `rate` (split conformal).

    That holds where the scores are of one model that knows none of the parts.

    It is the ceil((n+1)(1-rate))-th smallest of the `n` normal scores. Where `n` is too small for
    that rank to exist (`reaches_rate` is then False) it is their maximum, which promises 1/(n+1) only.

    Args:
        scores: raw scores of normal parts, in any order.
        rate: wanted false-reject rate, above 0 and below 1.

    Raises:
        ValueError: no scores, a score that is not finite, or a rate outside (0, 1).

    Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005), split conformal.
    """
    if not 0.0 < rate < 1.0:
        raise ValueError(f"the false-reject rate must lie between 0 and 1, not {rate}")
    ordered = sorted(float(score) for score in scores)
    if not ordered or not all(math.isfinite(score) for score in ordered):
        raise ValueError("a threshold needs at least one score, and only finite ones")
    return ordered[min(_rank(len(ordered), rate), len(ordered)) - 1]


def reaches_rate(n: int, rate: float) -> bool:
    """Whether `n` parts are enough for the conformal threshold of `rate` (n >= 1/rate - 1)."""
    return _rank(n, rate) <= n


def false_reject_upper_bound(
    n: int, rejected: int = 0, confidence: float = 0.95, shared: bool = False
) -> float:
    """The largest false-reject rate that `rejected` of `n` normal parts leave plausible (one-sided).

    With none rejected it is 13.9 % at n=20, 5.8 % at 50, 2.95 % at 100 and 0.99 % at 300. It says nothing
    about missed defects.

    Args:
        shared: the parts were scored by fits that know others of them, so that their scores lean on each
            other, and each counts for half. Nothing proves that; it was measured where none was rejected
            (docs/decisions/0013).

    Raises:
        ValueError: not 0 <= rejected <= n, or a confidence outside (0, 1).

    Source: Clopper and Pearson, Biometrika 26 (1934).
    """
    if not 0 <= rejected <= n or not 0.0 < confidence < 1.0:
        raise ValueError(f"no bound for {rejected} of {n} at confidence {confidence}")
    if shared:
        n, rejected = max(1, n // 2), min((rejected + 1) // 2, max(1, n // 2))
    if rejected == n:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if _at_most(rejected, n, middle) > 1.0 - confidence:
            low = middle
        else:
            high = middle
    return high


def clopper_pearson(n: int, successes: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided exact interval (low, high) for a proportion of `successes` in `n`.

    Raises:
        ValueError: as for `false_reject_upper_bound`.
    """
    one_sided = (1.0 + confidence) / 2
    low = 1.0 - false_reject_upper_bound(n, n - successes, one_sided)
    return low, false_reject_upper_bound(n, successes, one_sided)


def bound_in_words(n: int, requested_rate: float, rejected: int = 0, shared: bool = False) -> str:
    """The sentence that stands beside a threshold on the screen."""
    bound = false_reject_upper_bound(n, rejected, shared=shared)
    how = "each scored by what the others teach, and counted for half" if shared else "none was trained on"
    text = (
        f"{rejected} of {n} normal parts rejected ({how}): with 95 % confidence fewer than {bound:.2%} of "
        "normal parts will be; missed defects are not covered by this."
    )
    if reaches_rate(n, requested_rate):
        return text
    needed = math.ceil(1.0 / requested_rate - 1.0 - 1e-9)
    return (
        f"{text} For the requested {requested_rate:.2%} at least {needed} parts are needed, so the highest "
        "score of those at hand is the threshold."
    )


def calibration_in_words(calibration: Calibration, threshold: float, requested_rate: float) -> str:
    """What a model's normal parts say of a threshold, as `bound_in_words`."""
    rejected = sum(score >= threshold for score in calibration.scores)
    return bound_in_words(calibration.n, requested_rate, rejected, calibration.shared)


def _rank(n: int, rate: float) -> int:
    # The small step down keeps (n+1)(1-rate) from landing a rank too high where it is a whole number.
    return max(1, math.ceil((n + 1) * (1.0 - rate) - 1e-9))


def _at_most(k: int, n: int, p: float) -> float:
    """P(X <= k) for X ~ Binomial(n, p), 0 < p < 1; in logarithms, so that large n can't underflow."""
    i = np.arange(1, k + 1, dtype=np.float64)
    log_choose = np.concatenate(([0.0], np.cumsum(np.log((n - i + 1) / i))))  # (k+1,)
    i = np.arange(k + 1, dtype=np.float64)
    log_terms = log_choose + i * math.log(p) + (n - i) * math.log1p(-p)
    top = float(log_terms.max())
    return math.exp(top) * float(np.exp(log_terms - top).sum())
