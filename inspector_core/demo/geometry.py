"""The demo part's shape: a turned steel flange with a bronze bushing, as maps of slope, colour and gloss.

Lengths are fractions of the image's side, with the part's centre at the origin, x to the right and y down;
heights are in the same unit, towards the camera. Nothing here is random.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.floating[Any]]
Window = tuple[int, int, int, int]
"""left, top, right, bottom in pixels of the part's own frame, right and bottom excluded."""

OUTER, FLAT = 0.41, 0.385
HUB, BUSHING, BORE = 0.200, 0.122, 0.085
BOLT_CIRCLE = 0.312
COUNTERBORE, HEAD = 0.048, 0.039
COUNTERSINK, HOLE = 0.038, 0.022

STEEL, BRONZE, OXIDE = (0.60, 0.61, 0.63), (0.78, 0.52, 0.25), (0.055, 0.056, 0.062)


def _on_circle(radius: float, degrees: float) -> tuple[float, float]:
    return radius * float(np.cos(np.radians(degrees))), radius * float(np.sin(np.radians(degrees)))


SCREWS = {f"screw {i + 1}": _on_circle(BOLT_CIRCLE, angle) for i, angle in enumerate((0, 120, 240))}
HOLES = {f"hole {i + 1}": _on_circle(BOLT_CIRCLE, angle) for i, angle in enumerate((60, 180, 300))}
MARK_ANGLE, CODE_ANGLE, SLOT_ANGLE = 270.0, 150.0, 30.0

FEATURES: dict[str, tuple[float, float, float]] = {
    **{name: (x, y, COUNTERBORE + 0.012) for name, (x, y) in SCREWS.items()},
    **{name: (x, y, COUNTERSINK + 0.020) for name, (x, y) in HOLES.items()},
    "mark": (*_on_circle(BOLT_CIRCLE, MARK_ANGLE), 0.115),
    "code": (*_on_circle(BOLT_CIRCLE, CODE_ANGLE), 0.066),
    "slot": (*_on_circle(BOLT_CIRCLE, SLOT_ANGLE), 0.080),
}
"""What a part can lack, with the centre and the radius of a circle around it and its shade."""


@dataclass(slots=True)
class Surface:
    """What light meets, for each pixel of a window; float32 [H, W], albedo [H, W, 3].

    `slope_x`, `slope_y` are dz/dx and dz/dy; `fine_along` and `fine_across` are the inverse roughness along
    and across the turning marks, whose direction is (`along_x`, `along_y`); `alpha` is the share of the
    pixel that is part; `occlusion` is how much sky the pixel sees, 0..1; `marks` scales the turning marks.
    """

    x: F32
    y: F32
    height: F32
    slope_x: F32
    slope_y: F32
    along_x: F32
    along_y: F32
    fine_along: F32
    fine_across: F32
    occlusion: F32
    marks: F32
    alpha: F32
    albedo: F32

    def crop(self, window: Window) -> "Surface":
        """A copy of the pixels in `window`, counted from this surface's top left; coordinates are shared."""
        left, top, right, bottom = window
        maps = {f.name: getattr(self, f.name)[top:bottom, left:right] for f in fields(self)}
        return Surface(**{name: m if name in COORDINATES else m.copy() for name, m in maps.items()})


COORDINATES = frozenset({"x", "y", "along_x", "along_y"})
"""The maps of a surface that no feature changes."""


def window_around(x: float, y: float, radius: float, size: int) -> Window:
    """The pixels within `radius` of a point, cut at the frame's border."""
    low = [max(0, int(np.floor((c + 0.5 - radius) * size))) for c in (x, y)]
    high = [min(size, int(np.ceil((c + 0.5 + radius) * size)) + 1) for c in (x, y)]
    return low[0], low[1], high[0], high[1]


def part_surface(size: int, turns: tuple[float, float, float], without: str = "") -> Surface:
    """The whole part's surface in a frame of `size` x `size` pixels; the caller may write into it.

    Args:
        turns: by how many radians each screw's socket is turned.
        without: a key of `FEATURES` that this part lacks, or "".
    """
    part = bare_surface(size).crop((0, 0, size, size))
    for name, turn in zip(SCREWS, turns, strict=True):
        if name != without:
            _paste(part, *_tile(size, name, turn))
    if without and without not in SCREWS:
        _paste(part, *_tile(size, without, 0.0))
    return part


@lru_cache(maxsize=4)
def bare_surface(size: int) -> Surface:
    """The part without its screws; shared, so don't write into it."""
    return _draw(size, (0, 0, size, size))


@lru_cache(maxsize=128)
def _tile(size: int, feature: str, turn: float) -> tuple[Window, Surface]:
    """The surroundings of a screw that is there, or of another feature that is not."""
    x, y, radius = FEATURES[feature]
    inner = window_around(x, y, radius, size)
    outer = window_around(x, y, radius + 0.03, size)
    left, top = inner[0] - outer[0], inner[1] - outer[1]
    cut = (left, top, left + inner[2] - inner[0], top + inner[3] - inner[1])
    if feature in SCREWS:
        return inner, _draw(size, outer, screw=(feature, turn)).crop(cut)
    return inner, _draw(size, outer, without=feature).crop(cut)


def _paste(part: Surface, window: Window, tile: Surface) -> None:
    left, top, right, bottom = window
    for f in fields(Surface):
        if f.name not in COORDINATES:
            getattr(part, f.name)[top:bottom, left:right] = getattr(tile, f.name)


def _draw(size: int, window: Window, screw: tuple[str, float] | None = None, without: str = "") -> Surface:
    left, top, right, bottom = window
    fine = int(np.clip(1536 // size, 2, 4))  # drawn finer than asked: edges come out smooth
    xs = ((np.arange(left * fine, right * fine) + 0.5) / (size * fine) - 0.5).astype(np.float32)
    ys = ((np.arange(top * fine, bottom * fine) + 0.5) / (size * fine) - 0.5).astype(np.float32)
    x, y = np.meshgrid(xs, ys)
    drawing = _Drawing(x, y, pixel=1.0 / (size * fine))
    _turned_body(drawing)
    for name, centre in HOLES.items():
        if name != without:
            _countersunk_hole(drawing, *centre)
    for centre in SCREWS.values():
        _counterbore(drawing, *centre)
    if screw is not None:
        _screw(drawing, *SCREWS[screw[0]], screw[1])
    for name, engrave in _ENGRAVINGS.items():
        if name != without:
            engrave(drawing)
    return drawing.finish((right - left, bottom - top), size)


class _Drawing:
    """Maps under construction, at the fine resolution."""

    def __init__(self, x: F32, y: F32, pixel: float) -> None:
        self.x, self.y, self.pixel = x, y, pixel
        self.r = np.hypot(x, y)
        self.height = np.full_like(x, 0.05)
        self.alpha = np.ones_like(x)
        self.albedo = np.empty((*x.shape, 3), np.float32)
        self.albedo[:] = STEEL
        self.rough_along = np.full_like(x, 0.13)
        self.rough_across = np.full_like(x, 0.50)
        self.marks = np.ones_like(x)

    def inside(self, distance: F32, width: float = 0.0) -> F32:
        """0 outside, 1 from `width` inside on; without a width, one fine pixel wide."""
        level = distance / width if width else distance / self.pixel + 0.5
        return np.asarray(np.clip(level, 0, 1), np.float32)

    def paint(self, where: F32, colour: tuple[float, float, float], along: float, across: float) -> None:
        self.albedo += where[..., None] * (np.asarray(colour, np.float32) - self.albedo)
        self.rough_along += where * (along - self.rough_along)
        self.rough_across += where * (across - self.rough_across)

    def finish(self, shape: tuple[int, int], size: int) -> Surface:
        spread = max(0.012 / self.pixel, 0.5)
        around = cv2.GaussianBlur(self.height * self.alpha, (0, 0), spread, borderType=cv2.BORDER_REFLECT_101)
        occlusion = 1 - np.clip((around - self.height) / 0.022, 0, 0.75)
        smooth = cv2.GaussianBlur(self.height, (0, 0), max(0.0018, 0.8 / size) / self.pixel)
        slope_x = np.gradient(smooth, self.pixel, axis=1)
        slope_y = np.gradient(smooth, self.pixel, axis=0)
        r = np.maximum(self.r, 1e-4)
        steep = np.maximum(np.hypot(slope_x, slope_y) / 1.3, 1)
        soft = 0.7 / (self.pixel * size)  # finer slopes would shimmer at the asked size
        slope_x, slope_y = (cv2.GaussianBlur(slope / steep, (0, 0), soft) for slope in (slope_x, slope_y))
        maps = (
            self.x, self.y, self.height, slope_x, slope_y, -self.y / r, self.x / r,
            1 / self.rough_along, 1 / self.rough_across, occlusion, self.marks, self.alpha, self.albedo,
        )  # fmt: skip
        return Surface(
            *(np.asarray(cv2.resize(m, shape, interpolation=cv2.INTER_AREA), np.float32) for m in maps)
        )


def outline(x: F32, y: F32) -> F32:
    """Distance to the part's outer edge, positive on the part: a disc with a flat at the bottom."""
    return np.asarray(np.minimum(OUTER - np.hypot(x, y), FLAT - y))


def _turned_body(d: _Drawing) -> None:
    edge = outline(d.x, d.y)
    d.alpha *= d.inside(edge)
    d.height -= 0.014 * (1 - d.inside(edge, 0.014))
    d.height += 0.030 * d.inside(HUB - d.r, 0.014)
    d.height -= 0.012 * d.inside(0.008 - np.abs(d.r - 0.232), 0.006)
    d.height -= 0.003 * d.inside(0.0025 - np.abs(d.r - 0.366), 0.002)
    bushing = d.inside(BUSHING - d.r)
    d.paint(bushing, BRONZE, 0.15, 0.42)
    d.height -= 0.005 * d.inside(BUSHING - d.r, 0.003)
    d.height -= 0.011 * (1 - d.inside(d.r - BORE, 0.011))
    d.alpha *= d.inside(d.r - BORE)


def _countersunk_hole(d: _Drawing, x: float, y: float) -> None:
    r = np.hypot(d.x - x, d.y - y)
    cone = d.inside(COUNTERSINK - r)
    d.height -= 0.016 * d.inside(COUNTERSINK - r, COUNTERSINK - HOLE)
    d.paint(cone, (0.55, 0.56, 0.58), 0.25, 0.25)
    d.marks *= 1 - 0.8 * cone
    d.alpha *= d.inside(r - HOLE)


def _counterbore(d: _Drawing, x: float, y: float) -> None:
    r = np.hypot(d.x - x, d.y - y)
    pocket = d.inside(COUNTERBORE - r)
    d.height -= 0.026 * d.inside(COUNTERBORE - r, 0.005)
    d.paint(pocket, (0.42, 0.43, 0.45), 0.3, 0.3)
    thread = d.inside(0.026 - r)
    d.height -= 0.02 * d.inside(0.026 - r, 0.006)
    d.paint(thread, (0.10, 0.10, 0.11), 0.25, 0.25)
    d.paint(d.inside(0.019 - r), (0.012, 0.012, 0.014), 0.4, 0.4)
    d.marks *= 1 - 0.8 * pocket


def _screw(d: _Drawing, x: float, y: float, turn: float) -> None:
    u, v = d.x - x, d.y - y
    r = np.hypot(u, v)
    head = d.inside(HEAD - r)
    d.paint(d.inside(COUNTERBORE - 0.002 - r), (0.13, 0.13, 0.14), 0.4, 0.4)
    top = 0.05 - 0.026 + 0.022
    d.height += head * (top - d.height)
    d.height -= 0.007 * (1 - d.inside(HEAD - r, 0.007)) * head
    d.paint(head, OXIDE, 0.30, 0.30)
    ring = d.inside(0.003 - np.abs(r - 0.031)) * 0.5
    d.paint(ring, (0.10, 0.10, 0.11), 0.25, 0.25)
    angles = turn + np.arange(3) * (np.pi / 3)
    across = np.max([np.abs(u * np.cos(a) + v * np.sin(a)) for a in angles], axis=0)
    socket = d.inside(0.0175 - across)
    d.height -= 0.016 * d.inside(0.0175 - across, 0.004)
    d.paint(socket, (0.014, 0.014, 0.016), 0.35, 0.35)


def _local(d: _Drawing, degrees: float) -> tuple[F32, F32]:
    """Arc length along the bolt circle and height above it, around an angle."""
    angle = np.radians(degrees)
    turned = np.arctan2(d.y * np.cos(angle) - d.x * np.sin(angle), d.x * np.cos(angle) + d.y * np.sin(angle))
    return (turned * BOLT_CIRCLE).astype(np.float32), (d.r - BOLT_CIRCLE).astype(np.float32)


def _engrave(d: _Drawing, where: F32, depth: float, dark: float) -> None:
    d.height -= depth * where
    d.albedo *= 1 - dark * where[..., None]
    d.rough_along += where * (0.35 - d.rough_along)
    d.marks *= 1 - 0.7 * where


def _mark(d: _Drawing) -> None:
    along, up = _local(d, MARK_ANGLE)
    plate = _lettering()
    unit = plate.shape[1] / 0.21
    where = cv2.remap(
        plate, along * unit + plate.shape[1] / 2, plate.shape[0] / 2 - up * unit, cv2.INTER_LINEAR
    )
    _engrave(d, np.asarray(where, np.float32), 0.004, 0.55)


@cache
def _lettering() -> F32:
    plate = np.zeros((340, 900), np.uint8)
    for text, thick, baseline, scale in (("NORMA", 30, 175, 6.4), ("DN40 PN16", 11, 305, 3.3)):
        (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
        origin = ((plate.shape[1] - width) // 2, baseline)
        cv2.putText(plate, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(plate, (0, 0), 3).astype(np.float32) / 255)


def _code(d: _Drawing) -> None:
    """A square of peened dots, as stamped for a reader: two solid sides, two broken ones, data between."""
    along, up = _local(d, CODE_ANGLE)
    cells, pitch = 10, 0.0078
    dots = np.random.default_rng(40).random((cells, cells)) < 0.5
    dots[:, 0] = dots[-1, :] = True
    dots[0, :] = np.arange(cells) % 2 == 0
    dots[:, -1] = np.arange(cells) % 2 == 1
    column, row = along / pitch + cells / 2, cells / 2 - up / pitch
    i, j = np.floor(row).astype(int), np.floor(column).astype(int)
    valid = (i >= 0) & (i < cells) & (j >= 0) & (j < cells)
    on = valid & dots[np.clip(i, 0, cells - 1), np.clip(j, 0, cells - 1)]
    off_centre = np.hypot(column - j - 0.5, row - i - 0.5).astype(np.float32)
    _engrave(d, np.where(on, np.clip((0.46 - off_centre) / 0.2, 0, 1), 0).astype(np.float32), 0.003, 0.6)


def _slot(d: _Drawing) -> None:
    along, up = _local(d, SLOT_ANGLE)
    distance = 0.016 - np.hypot(np.maximum(np.abs(along) - 0.045, 0), up)
    pocket = d.inside(distance)
    d.height -= 0.014 * d.inside(distance, 0.005)
    d.paint(pocket, (0.40, 0.41, 0.43), 0.3, 0.3)
    d.marks *= 1 - 0.6 * pocket


_ENGRAVINGS: dict[str, Callable[[_Drawing], None]] = {"mark": _mark, "code": _code, "slot": _slot}
