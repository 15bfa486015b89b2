"""The worst cases of a benchmark run as pictures."""

import heapq
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector_core.detectors.detection import Detection
from inspector_core.evaluation.dataset import TestPart
from inspector_core.images import RGB

HEIGHT = 192


@dataclass(frozen=True, slots=True)
class Picture:
    """A worst case: `jpeg` shows the image, the map over it and the reconstruction, side by side."""

    name: str
    defect: str
    score: float
    jpeg: bytes


class Gallery:
    """Keeps the good parts of the highest and the defective parts of the lowest scores, `count` of each.

    Pass it to `evaluate` as `watch`. It holds small JPEGs only, `2 * count` at most.
    """

    def __init__(self, count: int = 8) -> None:
        self._count = count
        self._good: list[tuple[float, str, Picture]] = []
        self._defective: list[tuple[float, str, Picture]] = []

    def __call__(self, part: TestPart, image: RGB, detection: Detection) -> None:
        kept = self._good if part.is_good else self._defective
        badness = detection.score if part.is_good else -detection.score
        if len(kept) == self._count and badness <= kept[0][0]:
            return
        jpeg = _side_by_side(image, detection)
        heapq.heappush(
            kept, (badness, str(part.path), Picture(part.path.name, part.defect, detection.score, jpeg))
        )
        if len(kept) > self._count:
            heapq.heappop(kept)

    @property
    def strangest_good(self) -> list[Picture]:
        """The highest score first."""
        return [picture for _, _, picture in sorted(self._good, key=lambda kept: -kept[0])]

    @property
    def plainest_defective(self) -> list[Picture]:
        """The lowest score first."""
        return [picture for _, _, picture in sorted(self._defective, key=lambda kept: -kept[0])]


def _side_by_side(image: RGB, detection: Detection) -> bytes:
    width = max(1, round(HEIGHT * image.shape[1] / image.shape[0]))
    restored = image if detection.reconstruction is None else detection.reconstruction
    small, map_, rebuilt = (
        cv2.resize(picture, (width, HEIGHT), interpolation=cv2.INTER_AREA)
        for picture in (image, detection.anomaly_map, restored)
    )
    strip = np.hstack([small, _overlay(small, map_), rebuilt]).astype(np.uint8)
    ok, encoded = cv2.imencode(".jpg", cv2.cvtColor(strip, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    if not ok:
        raise ValueError(f"a picture of {strip.shape} could not be encoded")
    return encoded.tobytes()


def _overlay(image: NDArray[Any], anomaly_map: NDArray[Any]) -> NDArray[np.float64]:
    """The image with the map in colour over it, the stronger the more opaque; raw, 0..1, not normalised."""
    strength = np.clip(anomaly_map.astype(np.float64), 0, 1)
    colours = cv2.applyColorMap((strength * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    opacity = 0.75 * np.sqrt(strength)[..., None]
    return np.asarray(image * (1 - opacity) + colours * opacity, dtype=np.float64)
