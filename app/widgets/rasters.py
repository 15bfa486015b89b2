"""From NumPy arrays to what Qt paints. Every QImage made here owns its pixels."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

DIFFERENCE_GAIN = 3
"""The difference picture is brightened by this, the same for every part."""


def _heat_table() -> NDArray[np.uint32]:
    """256 premultiplied ARGB32 colours [256]: clear, then violet, red, yellow with growing cover."""
    stops = np.array([0.0, 0.2, 0.5, 0.75, 1.0])
    rgba = np.array(
        [[60, 0, 120, 0], [110, 20, 170, 90], [235, 50, 70, 215], [255, 150, 30, 245], [255, 250, 150, 255]]
    )
    at = np.linspace(0.0, 1.0, 256)
    table = np.stack([np.interp(at, stops, rgba[:, channel]) for channel in range(4)], axis=1)
    table[:, :3] *= table[:, 3:] / 255.0
    red, green, blue, alpha = table.round().astype(np.uint32).T
    return np.asarray((alpha << 24) | (red << 16) | (green << 8) | blue, dtype=np.uint32)


HEAT = _heat_table()


def to_qimage(image: NDArray[np.uint8]) -> QImage:
    """RGB uint8 [H, W, 3] or grey uint8 [H, W] as a QImage."""
    height, width = image.shape[:2]
    if image.ndim == 2:
        grey = np.ascontiguousarray(image)
        return QImage(grey.data, width, height, grey.strides[0], QImage.Format.Format_Grayscale8).copy()
    wide = cv2.cvtColor(image, cv2.COLOR_RGB2BGRA)  # Qt scales 32 bit pixels several times as fast as 24
    return QImage(wide.data, width, height, wide.strides[0], QImage.Format.Format_RGB32).copy()


def heat_image(anomaly_map: NDArray[np.float32], pixel_threshold: float) -> QImage:
    """An anomaly map [H, W] as a transparent overlay.

    The scale is fixed by the pixel threshold, which falls in the middle of the colours, and never by the
    part: a perfect part stays clear.
    """
    top = max(2.0 * pixel_threshold, 1e-6)
    if not np.isfinite(anomaly_map).all():
        anomaly_map = np.nan_to_num(anomaly_map, nan=top, posinf=top, neginf=0.0)
    level = np.asarray(cv2.convertScaleAbs(np.maximum(anomaly_map, 0.0), alpha=255.0 / top), np.uint8)
    pixels = HEAT.take(level)
    height, width = anomaly_map.shape
    kind = QImage.Format.Format_ARGB32_Premultiplied
    return QImage(pixels.data, width, height, pixels.strides[0], kind).copy()


def difference(image: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """|image - reconstruction| as RGB [H, W, 3], brightened by `DIFFERENCE_GAIN`."""
    return np.asarray(cv2.convertScaleAbs(cv2.absdiff(image, reconstruction), alpha=DIFFERENCE_GAIN))


def shrink(image: NDArray[Any], longest: int) -> NDArray[Any]:
    """`image` scaled down so that its longer side is at most `longest`; never scaled up."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1.0:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def outlines(mask: NDArray[np.bool_], least_area: int = 0) -> list[NDArray[np.float32]]:
    """Outer contours of the areas of `mask` of `least_area` pixels or more, each [N, 2] as x, y."""
    if not mask.any():
        return []
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keep = np.zeros(count, dtype=np.uint8)
    keep[1:] = stats[1:, cv2.CC_STAT_AREA] >= max(1, least_area)
    found, _ = cv2.findContours(keep[labels], cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [contour[:, 0, :].astype(np.float32) for contour in found]
