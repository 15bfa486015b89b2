"""From held-out normal parts to thresholds, with what is and isn't known about them."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from inspector_core.detectors.detection import Detection
from inspector_core.detectors.model_file import Calibration
from inspector_core.engines.engine import Engine
from inspector_core.inspection.statistics import conformal_threshold, false_reject_upper_bound

PIXEL_THRESHOLDS = (0.02, 0.95)
"""Limits of the pixel threshold: contours of the faintest noise, or none at all, would help nobody."""

AT_ONCE = 8
"""Images handed to the engine in one call."""


def detect_all(
    engine: Engine, images: NDArray[np.uint8], on_image: Callable[[int], None] = lambda _: None
) -> list[Detection]:
    """Detections of uint8 images [N, S, S, 3], telling now and then how many are done."""
    detections: list[Detection] = []
    for start in range(0, len(images), AT_ONCE):
        detections += engine.infer(list(images[start : start + AT_ONCE]))
        on_image(len(detections))
    return detections


def whole_parts(tiles: Sequence[Detection], count: int) -> list[Detection]:
    """One Detection a part from those of its `count` tiles, one after another: the strangest tile's."""
    return [max(tiles[k : k + count], key=lambda tile: tile.score) for k in range(0, len(tiles), count)]


def calibrate(detections: Sequence[Detection], rate: float) -> Calibration:
    """Thresholds for a false-reject rate from held-out normal parts (split conformal, as a quantile).

    A part is rejected at or above the threshold, so that it stands one float above the quantile: the held-out
    part that sets it would pass.

    Args:
        detections: of normal parts that were not trained on, one a part.
        rate: requested false-reject rate, 0..1.
    """
    scores = sorted(d.score for d in detections)
    highest = sorted(float(d.anomaly_map.max()) for d in detections)
    threshold = math.nextafter(conformal_threshold(scores, rate), math.inf)
    rejected = sum(score >= threshold for score in scores)
    return Calibration(
        scores=tuple(scores),
        requested_rate=rate,
        threshold=threshold,
        upper_bound=false_reject_upper_bound(len(scores), rejected),
        pixel_threshold=float(np.clip(conformal_threshold(highest, rate), *PIXEL_THRESHOLDS)),
    )
