"""A picture of what a detector makes of some images."""

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.images import write_png


@torch.no_grad()
def write_samples(path: Path, detector: DiffusionAD, images: Tensor) -> None:
    """Write a row for each image of [B, 3, S, S], 0..1: image, reconstruction, anomaly map; atomically.

    The detector is in training mode and stays so: its running batch-norm statistics lag behind the weights,
    so that the images' own serve here, and nothing is learned from them.
    """
    layers = [layer for layer in detector.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    output = detector.pass_networks(images)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    maps = output.logits.sigmoid()
    rows = [
        np.hstack([_pixels(image), _pixels(restored), _heat(heat)])
        for image, restored, heat in zip(images, output.reconstruction, maps, strict=True)
    ]
    write_png(path, np.vstack(rows))


def _pixels(image: Tensor) -> NDArray[np.uint8]:
    scaled = (image.clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(scaled.permute(1, 2, 0).cpu().numpy())


def _heat(anomaly_map: Tensor) -> NDArray[np.uint8]:
    grey = (anomaly_map[0] * 255).to(torch.uint8).cpu().numpy()
    return np.asarray(
        cv2.cvtColor(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB), np.uint8
    )
