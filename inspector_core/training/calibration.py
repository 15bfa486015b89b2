"""From the scores of normal parts to thresholds, with what is and isn't known about them."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector_core.detectors.detection import Detection
from inspector_core.detectors.model_file import Calibration
from inspector_core.engines.engine import Engine
from inspector_core.inspection.statistics import conformal_threshold, false_reject_upper_bound

PIXEL_THRESHOLDS = (0.02, 0.95)
"""Limits of the pixel threshold: contours of the faintest noise, or none at all, would help nobody."""
STRANGEST = 8
"""Parts that are named, for a person to look at."""
AT_ONCE = 8
"""Images handed to the engine in one call."""


class NormalPart(NamedTuple):
    """A normal part's file name, its score, and the highest pixel of its anomaly map."""

    name: str
    score: float
    highest: float


def detect_all(
    engine: Engine, images: NDArray[np.uint8], tiles: int, on_image: Callable[[int], None] = lambda _: None
) -> list[Detection]:
    """Detections of uint8 images [N, S, S, 3], the tiles of each part one after another, telling now and then
    how many are done."""
    detections: list[Detection] = []
    for start in range(0, len(images), AT_ONCE):
        some = list(images[start : start + AT_ONCE])
        detections += engine.infer(some, tiles=[(start + k) % tiles for k in range(len(some))])
        on_image(len(detections))
    return detections


def normal_parts(names: Sequence[str], detections: Sequence[Detection]) -> list[NormalPart]:
    """Parts from the detections of their tiles, as many of each, one after another: the strangest counts."""
    count = len(detections) // len(names)
    parts = []
    for k, name in enumerate(names):
        tile = max(detections[k * count : (k + 1) * count], key=lambda one: one.score)
        parts.append(NormalPart(name, tile.score, float(tile.anomaly_map.max())))
    return parts


def calibrate(parts: Sequence[NormalPart], rate: float, shared: bool) -> Calibration:
    """Thresholds for a false-reject rate: the quantile of the scores that split conformal prediction takes.

    A part is rejected at or above the threshold, so that it stands one float above the quantile: the part
    that sets it would pass.

    Args:
        parts: each scored by evidence that does not know it (cross-validation).
        rate: requested false-reject rate, 0..1.
        shared: as in `Calibration`.
    """
    ordered = sorted(parts, key=lambda part: part.score)
    scores = [part.score for part in ordered]
    threshold = math.nextafter(conformal_threshold(scores, rate), math.inf)
    rejected = sum(score >= threshold for score in scores)
    highest = conformal_threshold([part.highest for part in parts], rate)
    return Calibration(
        scores=tuple(scores),
        requested_rate=rate,
        threshold=threshold,
        upper_bound=false_reject_upper_bound(len(scores), rejected, shared=shared),
        pixel_threshold=float(np.clip(highest, *PIXEL_THRESHOLDS)),
        shared=shared,
        strangest=tuple((part.name, part.score) for part in reversed(ordered[-STRANGEST:])),
    )
