"""What drawn products are made of. A kind is a function of a generator and a side in pixels."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector_core.synthesis import textures
from inspector_core.synthesis.textures import Field, Rng

Colour = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Material:
    """A square of surface.

    Attributes:
        albedo: float32 [S, S, 3], 0..1.
        relief: float32 [S, S], height in pixels of a 256-pixel picture.
        gloss: strength of the highlight.
    """

    albedo: Colour
    relief: Field
    gloss: float


def metal(rng: Rng, side: int) -> Material:
    """Brushed, ground or turned."""
    pick = textures.rings if rng.random() < 0.2 else textures.fibres
    marks = textures.stretch(pick(rng, (side, side)))
    base = rng.uniform(0.25, 0.8) * (1 + rng.uniform(0, 0.15) * _tint(rng))
    return _material(_blend(marks, base, rng.uniform(0.02, 0.2)), 0.4 * marks, rng.uniform(0.4, 1.2))


def casting(rng: Rng, side: int) -> Material:
    """Rough and grey, with clouds of oxide."""
    grain = textures.stretch(textures.grain(rng, (side, side)))
    clouds = textures.stretch(textures.clouds(rng, (side, side)))
    field = 0.6 * grain + 0.4 * clouds
    base = rng.uniform(0.15, 0.7) * (1 + 0.05 * _tint(rng))
    return _material(
        _blend(field, base, rng.uniform(0.05, 0.35)), rng.uniform(0.2, 1.2) * grain, rng.uniform(0, 0.4)
    )


def fabric(rng: Rng, side: int) -> Material:
    pick = (textures.weave, textures.chevrons, textures.stripes, textures.dots)[int(rng.integers(4))]
    threads = textures.stretch(pick(rng, (side, side)))
    fluff = textures.stretch(textures.grain(rng, (side, side)))
    field = 0.8 * threads + 0.2 * fluff
    colours = _between(field, rng.uniform(0.05, 0.9, 3), rng.uniform(0.05, 0.9, 3), rng.uniform(0.2, 1))
    return _material(colours, rng.uniform(0.3, 1.5) * threads, 0.0)


def wood(rng: Rng, side: int) -> Material:
    rings = textures.stretch(textures.rings(rng, (side, side)))
    pores = textures.stretch(textures.fibres(rng, (side, side)))
    field = 0.6 * rings + 0.4 * pores
    dark = np.array([0.30, 0.18, 0.09]) * rng.uniform(0.6, 1.6)
    light = dark * rng.uniform(1.3, 2.4) + 0.05
    return _material(_between(field, dark, light, 1.0), 0.2 * pores, rng.uniform(0, 0.4))


def plastic(rng: Rng, side: int) -> Material:
    """One colour, with a faint orange peel."""
    peel = textures.stretch(textures.clouds(rng, (side, side)))
    base = _any_colour(rng)
    return _material(
        _blend(peel, base, rng.uniform(0, 0.08)), rng.uniform(0, 1) * peel, rng.uniform(0.2, 1.3)
    )


def printed(rng: Rng, side: int) -> Material:
    """Lettering, bars and fields of colour on paper or foil."""
    ground, inks = _any_colour(rng), [_any_colour(rng) for _ in range(3)]
    albedo = np.empty((side, side, 3), np.float32)
    albedo[:] = ground
    for _ in range(int(rng.integers(3, 14))):
        ink = np.zeros((side, side), np.uint8)
        _stamp(ink, rng)
        cover = (ink.astype(np.float32) / 255)[..., None]
        albedo += cover * (inks[int(rng.integers(3))] - albedo)
    fibre = textures.stretch(textures.grain(rng, (side, side)))
    return _material(albedo * (1 + 0.04 * (fibre[..., None] - 0.5)), 0.1 * fibre, rng.uniform(0, 0.6))


def circuit(rng: Rng, side: int) -> Material:
    """Traces, pads, vias and chips on a board."""
    board = np.array([[0.05, 0.30, 0.12], [0.05, 0.12, 0.35], [0.06, 0.06, 0.06], [0.4, 0.05, 0.05]])[
        int(rng.integers(4))
    ]
    copper = board * rng.uniform(1.3, 2) + 0.04
    tin = np.full(3, rng.uniform(0.6, 0.85)) * (1 + 0.1 * _tint(rng))
    albedo = np.empty((side, side, 3), np.float32)
    albedo[:] = board
    relief = np.zeros((side, side), np.float32)
    pitch = max(4, side // int(rng.integers(24, 56)))
    for _ in range(int(rng.integers(15, 60))):
        _paint(albedo, relief, _trace(rng, side, pitch), copper, 0.3)
    for _ in range(int(rng.integers(3, 12))):
        chip, pads = _chip(rng, side, pitch)
        _paint(albedo, relief, pads, tin, 0.6)
        _paint(albedo, relief, chip, rng.uniform(0.03, 0.25) * np.ones(3), 1.5)
    for _ in range(int(rng.integers(0, 30))):
        via = np.zeros((side, side), np.uint8)
        centre = _snapped(rng, side, pitch)
        cv2.circle(via, centre, max(2, pitch // 3), 255, -1, cv2.LINE_AA)
        _paint(albedo, relief, via, tin, 0.4)
        hole = np.zeros_like(via)
        cv2.circle(hole, centre, max(1, pitch // 6), 255, -1, cv2.LINE_AA)
        _paint(albedo, relief, hole, np.full(3, 0.02), -0.6)
    return _material(albedo, relief, rng.uniform(0.1, 0.6))


def granular(rng: Rng, side: int) -> Material:
    """Grains, pills, seeds, terrazzo: cells of various tones."""
    pick = (textures.pebbles, textures.scales, textures.facets)[int(rng.integers(3))]
    cells = textures.stretch(pick(rng, (side, side)))
    tones = textures.stretch(textures.blotches(rng, (side, side)))
    field = 0.7 * cells + 0.3 * tones
    colours = _between(field, rng.uniform(0.02, 0.5, 3), rng.uniform(0.2, 0.95, 3), rng.uniform(0.3, 1))
    return _material(colours, rng.uniform(0.5, 2) * cells, rng.uniform(0, 0.5))


def leather(rng: Rng, side: int) -> Material:
    """Creased cells, as of leather or foam."""
    creases = textures.stretch(textures.scales(rng, (side, side)))
    base = _any_colour(rng) * 0.7
    return _material(
        _blend(creases, base, rng.uniform(0.1, 0.5)), rng.uniform(0.5, 1.5) * creases, rng.uniform(0, 0.5)
    )


def translucent(rng: Rng, side: int) -> Material:
    """Lit from behind: smooth glow, streaks, bubbles."""
    glow = textures.stretch(textures.clouds(rng, (side, side)))
    streaks = textures.stretch(textures.marble(rng, (side, side)))
    blurred = cv2.GaussianBlur(0.7 * glow + 0.3 * streaks, (0, 0), side / rng.uniform(60, 250))
    field = np.asarray(blurred, np.float32)
    base = rng.uniform(0.5, 0.95) * (1 + rng.uniform(0, 0.3) * _tint(rng))
    return _material(_blend(field, base, rng.uniform(0.05, 0.4)), 0.2 * glow, rng.uniform(0.3, 1.4))


KINDS: dict[str, Callable[[Rng, int], Material]] = {
    "metal": metal,
    "casting": casting,
    "fabric": fabric,
    "wood": wood,
    "plastic": plastic,
    "print": printed,
    "circuit": circuit,
    "granular": granular,
    "leather": leather,
    "translucent": translucent,
}


def _material(albedo: NDArray[np.floating], relief: NDArray[np.floating], gloss: float) -> Material:
    clipped = np.clip(albedo, 0.01, 0.98).astype(np.float32)
    return Material(clipped, np.asarray(relief, np.float32), float(gloss))


def _tint(rng: Rng) -> NDArray[np.float64]:
    return np.asarray(rng.uniform(-1, 1, 3))


def _any_colour(rng: Rng) -> NDArray[np.float64]:
    colour = rng.uniform(0.04, 0.95, 3)
    return np.asarray(colour if rng.random() < 0.6 else np.full(3, colour[0]))


def _blend(field: Field, base: NDArray[np.floating] | float, contrast: float) -> NDArray[np.floating]:
    return np.asarray(base * (1 + contrast * 2 * (field[..., None] - 0.5)))


def _between(
    field: Field, dark: NDArray[np.floating], light: NDArray[np.floating], contrast: float
) -> NDArray[np.floating]:
    level = 0.5 + contrast * (field[..., None] - 0.5)
    return np.asarray(dark + level * (light - dark))


def _paint(
    albedo: Colour, relief: Field, cover: NDArray[np.uint8], ink: NDArray[np.floating], height: float
) -> None:
    share = cover.astype(np.float32) / 255
    albedo += share[..., None] * (ink - albedo)
    relief += share * (height - relief)


def _stamp(ink: NDArray[np.uint8], rng: Rng) -> None:
    """One printed thing: a word, a bar code, a disc, a box or a rule."""
    side = len(ink)
    x, y = (int(v) for v in rng.uniform(0, 0.85, 2) * side)
    what, thick = int(rng.integers(5)), int(rng.integers(1, 4))
    if what == 0:
        letters = rng.choice(list("ABCDEFGHJKLMNPRSTUVWXYZ0123456789-./"), int(rng.integers(3, 12)))
        scale = float(rng.uniform(0.4, 2.2) * side / 512)
        cv2.putText(
            ink, "".join(letters), (x, y + 10), int(rng.integers(0, 5)), scale, 255, thick, cv2.LINE_AA
        )
    elif what == 1:
        height = int(rng.uniform(0.05, 0.15) * side)
        edges = x + np.cumsum(rng.integers(1, 5, 40)) * max(1, side // 384)
        for left, right in zip(edges[::2], edges[1::2], strict=True):
            cv2.rectangle(ink, (int(left), y), (int(right), y + height), 255, -1)
    elif what == 2:
        fill = -1 if rng.random() < 0.5 else thick
        cv2.circle(ink, (x, y), int(rng.uniform(0.01, 0.12) * side), 255, fill, cv2.LINE_AA)
    elif what == 3:
        width, height = (int(v) for v in rng.uniform(0.03, 0.35, 2) * side)
        fill = -1 if rng.random() < 0.5 else thick
        cv2.rectangle(ink, (x, y), (x + width, y + height), 255, fill, cv2.LINE_AA)
    else:
        end = (x + int(rng.normal(0, 0.4) * side), y)
        cv2.line(ink, (x, y), end if rng.random() < 0.5 else end[::-1], 255, thick, cv2.LINE_AA)


def _snapped(rng: Rng, side: int, pitch: int) -> tuple[int, int]:
    x, y = rng.integers(0, side // pitch, 2) * pitch
    return int(x), int(y)


def _trace(rng: Rng, side: int, pitch: int) -> NDArray[np.uint8]:
    """Tracks of a few bends, parallel ones at times."""
    drawn = np.zeros((side, side), np.uint8)
    at = np.array(_snapped(rng, side, pitch))
    points = [at]
    for _ in range(int(rng.integers(2, 6))):
        heading = np.array([(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (1, -1)][int(rng.integers(6))])
        at = at + heading * int(rng.integers(2, 10)) * pitch
        points.append(at)
    for lane in range(int(rng.integers(1, 5))):
        cv2.polylines(drawn, [np.array(points) + lane * pitch], False, 255, max(1, pitch // 4), cv2.LINE_AA)
    return drawn


def _chip(rng: Rng, side: int, pitch: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Body and pads of a component."""
    body, pads = np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint8)
    x, y = _snapped(rng, side, pitch)
    width, height = (int(v) * pitch for v in rng.integers(1, 8, 2))
    cv2.rectangle(body, (x, y), (x + width, y + height), 255, -1)
    leg = max(2, pitch // 2)
    for row in range(y, y + height + 1, pitch):
        cv2.rectangle(pads, (x - leg, row), (x + width + leg, row + max(1, pitch // 3)), 255, -1)
    return body, pads
