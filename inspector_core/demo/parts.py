"""Demo parts without end: each is drawn from its number alone, good or with one defect and its exact mask."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector_core.demo.defects import DEFECTS, Plan, plan
from inspector_core.demo.geometry import F32, Surface, Window, part_surface, window_around
from inspector_core.demo.lighting import shade, turning_marks
from inspector_core.demo.scene import Scene, photograph, tone

VISIBLE = 5 / 255
"""A pixel belongs to the defect where it moves the picture by more than this, before noise."""

PLAIN = 55 / 255
"""A defect is drawn plainer until a tenth of its pixels differ by this much: a person must see it."""

SMALLEST = 64


@dataclass(frozen=True, slots=True)
class DemoPart:
    """One drawn part: RGB uint8 [H, W, 3], where it is defective (bool [H, W]), and the defect or ""."""

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    defect: str


class Split(IntEnum):
    """What a part is for; parts of different splits never share a seed."""

    TRAIN = 0
    TEST = 1
    STREAM = 2


def part_seed(seed: int, split: Split, number: int) -> int:
    """The seed of a split's part: distinct for distinct arguments, `number` in 0 .. 2^32 - 1."""
    if seed < 0 or not 0 <= number < 2**32:
        raise ValueError(f"seed {seed} and number {number} must not be negative, the number below 2^32")
    return ((seed * len(Split) + split) << 32) + number


def draw_part(seed: int, defect: str | None = None, size: int = 512) -> DemoPart:
    """Draw one part; the same arguments give the same bits, and without the defect the same part.

    Args:
        seed: not negative; decides pose, light, texture, noise, and where and how a defect is.
        defect: one of `DEFECTS`, None for a good part.
        size: side of the square image in pixels, a multiple of 4 and at least 64.

    Raises:
        ValueError: an argument is outside its range.
    """
    if seed < 0 or size < SMALLEST or size % 4:
        raise ValueError(f"seed {seed} must not be negative, size {size} a multiple of 4 from {SMALLEST} on")
    # Every step has a stream of its own, so that a defect changes no draw of the part beneath it.
    scene = Scene.draw(np.random.default_rng((seed, 0)))
    marks = turning_marks(np.random.default_rng((seed, 1)), size)
    surface = part_surface(size, scene.turns)
    layer = shade(surface, scene.light, marks)
    mask = np.zeros((size, size), np.bool_)
    if defect is not None:
        good = _Good(scene, marks, surface, layer)
        mask = _spoil(good, defect, np.random.default_rng((seed, 2)))
    image = photograph(layer, scene, size, np.random.default_rng((seed, 3)))
    return DemoPart(image, mask, defect or "")


def stream(seed: int = 0, defect_rate: float = 0.1, size: int = 512, start: int = 0) -> Iterator[DemoPart]:
    """Parts without end, a share of them with a defect; none is ever in a data set of `write_dataset`.

    Raises:
        ValueError: the rate is outside 0..1.
    """
    if not 0 <= defect_rate <= 1:
        raise ValueError(f"the defect rate {defect_rate} must lie in 0..1")
    number = start
    while True:
        own = part_seed(seed, Split.STREAM, number)
        rng = np.random.default_rng((own, 4))
        bad = rng.random() < defect_rate
        yield draw_part(own, str(rng.choice(DEFECTS)) if bad else None, size)
        number += 1


@dataclass(frozen=True, slots=True)
class _Good:
    """A good part on the way to its photograph."""

    scene: Scene
    marks: F32
    surface: Surface
    layer: F32


def _spoil(part: _Good, defect: str, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Put a defect into the part's layer; returns where the image shows it."""
    size = len(part.layer)
    for _ in range(20):
        planned = plan(defect, rng)
        window = window_around(planned.x, planned.y, planned.radius + 4 / size, size)
        left, top, right, bottom = window
        good = part.layer[top:bottom, left:right]
        for gain in (1.0, 1.4, 2.0, 2.8):
            bad, footprint = _make(part, planned, gain, window)
            change = _difference(good, bad, part.scene)
            if _is_plain(change, footprint):
                shape = _extent(change, footprint)
                # Blended in, so that not a bit differs beyond a pixel or two around the mask.
                weight = cv2.blur(cv2.dilate(shape, np.ones((3, 3), np.uint8)).astype(np.float32), (3, 3))
                good += weight[..., None] * (bad - good)
                whole = np.zeros((size, size), np.uint8)
                whole[top:bottom, left:right] = 255 * shape
                return np.asarray(cv2.warpAffine(whole, part.scene.pose(size), (size, size)) > 100)
    raise AssertionError(f"no visible {defect} in 20 attempts")


def _make(part: _Good, planned: Plan, gain: float, window: Window) -> tuple[F32, F32]:
    """A window's layer with the defect in it, and the defect's footprint there."""
    size = len(part.layer)
    reach = 4 + size // 40  # of light and shadow from outside the window
    left, top, right, bottom = window
    x0, y0, x1, y1 = (
        max(0, left - reach), max(0, top - reach), min(size, right + reach), min(size, bottom + reach)
    )  # fmt: skip
    without = planned.without
    whole = part_surface(size, part.scene.turns, without) if without else part.surface
    surface = whole.crop((x0, y0, x1, y1))
    footprint = planned.edit(surface, gain)
    layer = shade(surface, part.scene.light, part.marks[y0:y1, x0:x1])
    inner = np.s_[top - y0 : bottom - y0, left - x0 : right - x0]
    return layer[inner], footprint[inner]


def _difference(good: F32, bad: F32, scene: Scene) -> F32:
    """The largest change of any channel, 0..1 as the camera shows it; float32 [H, W]."""
    belt, exposure = (np.asarray(c, np.float32) for c in (scene.belt_colour, scene.exposure))
    shown = [tone((part[..., :3] + (1 - part[..., 3:]) * (0.6 * belt)) * exposure) for part in (good, bad)]
    return np.asarray(np.abs(shown[1] - shown[0]).max(axis=2), np.float32)


def _is_plain(change: F32, footprint: F32) -> bool:
    inside = change[footprint > 0.5]
    return inside.size >= 4 and float(np.quantile(inside, 0.9)) >= PLAIN


def _extent(change: F32, footprint: F32) -> NDArray[np.uint8]:
    """1 where the defect shows or is enclosed by where it shows, 0 elsewhere."""
    shows = ((change > VISIBLE) & (footprint > 0.02)).astype(np.uint8)
    closed = cv2.morphologyEx(shows, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(len(outline) for outline in outlines)
    kept = [outline for outline in outlines if len(outline) * 12 >= largest]
    return np.asarray(cv2.drawContours(np.zeros_like(closed), kept, -1, 1, cv2.FILLED), np.uint8)
