"""Mask shapes that Perlin noise does not give: hairlines, spots, smooth patches, boxes, whole features.

They are drawn one by one with OpenCV: a few lines and polygons cost less than any batched field.
Every shape takes its centre (x, y), the image size (H, W) and a row of uniform numbers, and returns
float32 [H, W], 0..1.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.float32]
Numbers = NDArray[np.float64]
NUMBERS = 48
"""How many uniform numbers in [0, 1) a shape may use."""


def line(centre: Sequence[int], size: tuple[int, int], u: Numbers) -> Mask:
    """A scratch or a crack: one to three thin strokes, straight to jagged, with at most one branch."""
    canvas = np.zeros(size, np.uint8)
    side = min(size)
    for stroke in range(1 + int(u[0] ** 2 * 2.99)):
        v = u[1 + 15 * stroke :][:15]
        length = side * (0.06 + 0.5 * v[0] ** 1.5)
        jag = 1.6 * v[1] ** 2
        turns = (v[3:14] - 0.5) * jag
        heading = 2 * np.pi * v[2] + np.cumsum(turns)
        steps = np.stack([np.cos(heading), np.sin(heading)], 1) * (length / len(turns))
        path = np.cumsum(steps, 0)
        path += np.asarray(centre) - path[len(path) // 2]
        # Sub-pixel corners keep short strokes from snapping to eight directions.
        corners = np.round(path * 16).astype(np.int32).reshape(-1, 1, 2)
        width = 1 + int(v[14] ** 2 * max(2.0, side / 64))
        cv2.polylines(canvas, [corners], False, 255, width, cv2.LINE_8, 4)
    return (canvas > 0).astype(np.float32)


def spots(centre: Sequence[int], size: tuple[int, int], u: Numbers) -> Mask:
    """One to six small ellipses, scattered about the centre."""
    canvas = np.zeros(size, np.uint8)
    side = min(size)
    for index in range(1 + int(u[0] ** 2 * 5.99)):
        v = u[1 + 6 * index :][:6]
        away = side * 0.25 * (v[:2] - 0.5) * (index > 0)
        radius = side * (0.008 + 0.06 * v[2] ** 1.5)
        axes = (max(1, round(radius)), max(1, round(radius * (0.4 + 0.6 * v[3]))))
        at = (int(centre[0] + away[0]), int(centre[1] + away[1]))
        cv2.ellipse(canvas, at, axes, 180 * v[4], 0, 360, 255, cv2.FILLED)
    return (canvas > 0).astype(np.float32)


def patch(centre: Sequence[int], size: tuple[int, int], u: Numbers) -> Mask:
    """A large lobed blob whose edge fades over a part of its radius (stains, uneven light)."""
    quarter = (max(8, size[0] // 4), max(8, size[1] // 4))
    side = min(quarter)
    radius = side * (0.08 + 0.24 * u[0])
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    lobes = (
        1
        + 0.5 * (u[1] - 0.5) * np.cos(2 * angle + 6.3 * u[2])
        + 0.4 * (u[3] - 0.5) * np.cos(3 * angle + 6.3 * u[4])
    )
    stretch = 0.45 + 0.55 * u[5]
    x, y = radius * lobes * np.cos(angle), radius * lobes * np.sin(angle) * stretch
    turn = np.pi * u[6]
    outline = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1)
    outline += np.asarray(centre) / 4
    canvas = np.zeros(quarter, np.float32)
    cv2.fillPoly(canvas, [np.round(outline).astype(np.int32)], (1.0,))
    soft = cv2.GaussianBlur(canvas, (0, 0), max(0.5, radius * stretch * (0.1 + 0.35 * u[7])))
    full = np.asarray(cv2.resize(soft, size[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    return full / max(float(full.max()), 1e-6)


def box(centre: Sequence[int], size: tuple[int, int], u: Numbers) -> Mask:
    """A turned rectangle: a piece as in CutPaste, or for two in five a thin scar."""
    side = min(size)
    if u[0] < 0.4:
        length, width = side * (0.08 + 0.2 * u[1]), side * (0.015 + 0.04 * u[2])
    else:
        length, width = side * (0.06 + 0.24 * u[1]), side * (0.06 + 0.24 * u[2])
    corners = cv2.boxPoints(((float(centre[0]), float(centre[1])), (length, width), float(180 * u[3])))
    canvas = np.zeros(size, np.uint8)
    cv2.fillConvexPoly(canvas, np.round(corners).astype(np.int32), 255)
    return (canvas > 0).astype(np.float32)


def feature(centre: Sequence[int], size: tuple[int, int], u: Numbers) -> Mask:
    """An ellipse over a feature at `centre` (x, y, radius), mostly all of it with a margin."""
    x, y, radius = centre
    reach = radius * (0.9 + 1.1 * u[0])
    at = (round(x + radius * 0.6 * (u[1] - 0.5)), round(y + radius * 0.6 * (u[2] - 0.5)))
    axes = (max(1, round(reach * (1 + 1.2 * u[3] ** 2))), max(1, round(reach)))
    canvas = np.zeros(size, np.uint8)
    cv2.ellipse(canvas, at, axes, 180 * u[4], 0, 360, 255, cv2.FILLED)
    return (canvas > 0).astype(np.float32)


def window(centre: Sequence[int], size: tuple[int, int], u: Numbers) -> Mask:
    """An ellipse of a sixth to three quarters of the side, that keeps Perlin noise to one place."""
    side = min(size)
    radius = side * (0.08 + 0.3 * u[0])
    axes = (round(radius), round(radius * (0.4 + 0.6 * u[1])))
    canvas = np.zeros(size, np.uint8)
    cv2.ellipse(canvas, (int(centre[0]), int(centre[1])), axes, 180 * u[2], 0, 360, 255, cv2.FILLED)
    return (canvas > 0).astype(np.float32)


DRAWN: dict[str, Callable[[Sequence[int], tuple[int, int], Numbers], Mask]] = {
    "perlin": window,
    "line": line,
    "spots": spots,
    "patch": patch,
    "box": box,
    "feature": feature,
}
