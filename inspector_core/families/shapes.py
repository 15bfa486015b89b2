"""Outlines of drawn parts and of what they carry."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector_core.synthesis.textures import Field, Rng

FINE = 2
"""Outlines are drawn this many times finer, so that their edges come out smooth."""

Outline = NDArray[np.float64]
"""Corners [K, 2] about the origin, in units of the radius."""


def outline(rng: Rng) -> Outline:
    """A closed shape: disc, ellipse, rectangle, polygon, gear or blob."""
    angle = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    squeeze = rng.uniform(0.25, 1)
    what = int(rng.integers(6))
    if what == 0:
        radius = np.ones_like(angle)
    elif what == 1:
        return np.stack([np.cos(angle), squeeze * np.sin(angle)], 1)
    elif what == 2:
        return np.array([[-1, -squeeze], [1, -squeeze], [1, squeeze], [-1, squeeze]])
    elif what == 3:
        corners = np.arange(k := int(rng.integers(3, 9))) / k * 2 * np.pi
        return np.stack([np.cos(corners), np.sin(corners)], 1)
    elif what == 4:
        radius = 1 + 0.12 * np.tanh(4 * np.sin(angle * int(rng.integers(6, 28))))
    else:
        waves = [rng.normal(0, 0.12 / k) * np.cos(k * angle + rng.uniform(0, 6)) for k in range(1, 6)]
        radius = 1 + np.sum(waves, axis=0)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


def fill(shape: Outline, places: NDArray[np.float64], side: int) -> Field:
    """Cover 0..1, float32 [side, side], of a shape at places [K, 4]: x, y, radius (of the side), radians."""
    fine = side * FINE
    drawn = np.zeros((fine, fine), np.uint8)
    for x, y, radius, turn in places:
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        corners = (shape @ rotation * radius + (x, y)) * fine
        cv2.fillPoly(drawn, [corners.round().astype(np.int32)], 255, cv2.LINE_AA)
    small = cv2.resize(drawn, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small.astype(np.float32) / 255)


def pattern(rng: Rng) -> NDArray[np.float64]:
    """Where a feature sits: on a circle, in rows or here and there; [K, 4] as `fill` takes them."""
    count, radius, turn = int(rng.integers(1, 13)), rng.uniform(0.012, 0.07), rng.uniform(0, np.pi)
    what = int(rng.integers(3))
    if what == 0:
        angle = rng.uniform(0, 2 * np.pi) + np.arange(count) * 2 * np.pi / count
        ring = rng.uniform(0.1, 0.36)
        xy = 0.5 + ring * np.stack([np.cos(angle), np.sin(angle)], 1)
        turns = angle
    elif what == 1:
        step = np.stack(np.divmod(np.arange(count), 4), 1)[:, ::-1] * rng.uniform(0.04, 0.1)
        xy, turns = rng.uniform(0.2, 0.7, 2) + step, np.full(count, turn)
    else:
        xy, turns = rng.uniform(0.15, 0.85, (count, 2)), np.full(count, turn)
    return np.column_stack([xy, np.full(count, radius), turns])


def leads(rng: Rng) -> tuple[Outline, NDArray[np.float64]]:
    """Thin parallel strips from the middle to one side, as a component's legs."""
    count, length = int(rng.integers(2, 7)), rng.uniform(0.2, 0.3)
    shape = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (1, rng.uniform(0.03, 0.1))
    turn = rng.choice([0.0, 0.5, 1.0, 1.5]) * np.pi
    across = (np.arange(count) - (count - 1) / 2) * rng.uniform(0.06, 0.12)
    along = np.full(count, 0.2)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    xy = np.stack([along, across], 1) @ rotation + 0.5
    return shape, np.column_stack([xy, np.full(count, length), np.full(count, turn)])
