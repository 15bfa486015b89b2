"""Where a part has its compact features (holes, screws, print): what can be missing from it.

Blobs as maxima of the scale-normalised difference of Gaussians over place and scale (Lindeberg 1998).
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

FEATURES = 24
"""Blobs kept of each image, the plainest first; of an image with fewer they come round again."""
SCALES = tuple(2 ** (k / 2) / 96 for k in range(7))
"""Standard deviations of the Gaussians, as shares of the shorter side."""


def feature_points(images: Tensor, foreground: Tensor) -> NDArray[np.int64]:
    """Blobs in the foreground of each image.

    Args:
        images: uint8 [N, C, H, W].
        foreground: bool [N, 1, H, W], none of them empty.

    Returns:
        int64 [N, FEATURES, 3]: x, y and radius in pixels.
    """
    points = np.zeros((len(images), FEATURES, 3), np.int64)
    for row, (image, mask) in enumerate(zip(images, foreground[:, 0].cpu().numpy(), strict=True)):
        grey = image.float().mean(0).cpu().numpy()
        found = _blobs(grey, mask)
        points[row] = found[np.arange(FEATURES) % len(found)]
    return points


def _blobs(grey: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The plainest maxima, at most FEATURES, at least one: [n, 3]."""
    sigmas = [min(grey.shape) * scale for scale in SCALES]
    smooth = np.stack([cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in sigmas])
    strength = np.abs(np.diff(smooth, axis=0)) * mask  # [scales - 1, H, W]
    around = np.stack([cv2.dilate(layer, np.ones((3, 3), np.uint8)) for layer in strength])
    higher = np.maximum(np.roll(around, 1, 0), np.roll(around, -1, 0))
    higher[0], higher[-1] = around[1], around[-2]
    peaks = np.flatnonzero((strength == around) & (strength >= higher) & mask)
    if not len(peaks):
        peaks = np.flatnonzero(mask)[:1]
    plainest = peaks[np.argsort(-strength.ravel()[peaks], kind="stable")[:FEATURES]]
    scale, y, x = np.unravel_index(plainest, strength.shape)
    radius = np.sqrt(2) * np.asarray(sigmas)[scale]
    return np.stack([x, y, np.maximum(np.round(radius), 1)], 1).astype(np.int64)
