"""How well a run separates held-out normal parts from the same parts with synthetic anomalies."""

from collections.abc import Sequence

import torch
from torch import Tensor

from inspector_core.detectors.detection import Detection
from inspector_core.engines.engine import Engine
from inspector_core.evaluation.auroc import auroc
from inspector_core.evaluation.pixel_tally import PixelTally
from inspector_core.evaluation.ranked_counts import rank
from inspector_core.training.dataset import evenly

MOST = 100
"""Anomalous images scored; more would sharpen the figure little and take as long as training steps."""


def validate(
    engine: Engine, normal: Sequence[Detection], check: tuple[Tensor, Tensor], tiles: int = 1
) -> dict[str, float]:
    """Image and pixel AUROC on held-out parts; never on test images.

    Args:
        normal: detections of the held-out normal parts.
        check: images [N, 3, S, S], 0..1, of the same parts with synthetic anomalies, and their masks.
        tiles: of each part, one after another.
    """
    chosen = evenly(len(check[0]), MOST)
    images, masks = (part[chosen] for part in check)
    pixels = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    found = engine.infer(list(pixels), tiles=[int(row) % tiles for row in chosen])
    anomalous = [detection.score for detection in found]
    tally = PixelTally()
    for detection, mask in zip(found, masks, strict=True):
        tally.add(detection.anomaly_map, mask[0].cpu().numpy() > 0.5)
    for detection in normal:
        tally.add(detection.anomaly_map)
    figures = {
        "image_auroc": auroc(rank(anomalous, [detection.score for detection in normal])),
        "pixel_auroc": tally.auroc(),
    }
    return {name: value for name, value in figures.items() if value is not None}
