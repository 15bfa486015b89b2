"""What can be wrong with a demo part: each defect changes the surface in a small circle and nowhere else."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from inspector_core.demo.geometry import BORE, F32, FEATURES, FLAT, OUTER, STEEL, Surface

DEFECTS = ("scratch", "dent", "stain", "chip", "missing")


@dataclass(frozen=True, slots=True)
class Plan:
    """One defect, ready to be made on a surface.

    `edit(surface, gain)` changes a surface in place and returns where, float32 [H, W] 0..1; a larger gain
    makes the defect plainer. `without` names the feature that the part lacks, or "".
    """

    x: float
    y: float
    radius: float
    edit: Callable[[Surface, float], F32]
    without: str = ""


def plan(defect: str, rng: np.random.Generator) -> Plan:
    """Draw one defect's place, shape and strength.

    Raises:
        ValueError: `defect` is none of `DEFECTS`.
    """
    if defect not in _PLANS:
        raise ValueError(f"unknown defect {defect!r}, known are {', '.join(DEFECTS)}")
    return _PLANS[defect](rng)


def _scratch(rng: np.random.Generator) -> Plan:
    x, y = _place_on_face(rng, clear=0.0)
    length, heading = rng.uniform(0.12, 0.35), rng.uniform(0, 2 * np.pi)
    bend, wobble = rng.normal(0, 0.12), rng.normal(0, 0.010)
    half_width = rng.uniform(0.0034, 0.0064)
    brightness = rng.uniform(0.7, 1.2) if rng.random() < 0.55 else -rng.uniform(0.6, 0.85)
    t = np.linspace(-0.5, 0.5, 25)
    aside = length * bend * (4 * t * t - 0.5) + wobble * np.sin(9 * t + rng.uniform(0, 6))
    cos, sin = np.cos(heading), np.sin(heading)
    path = np.stack([x + length * t * cos - aside * sin, y + length * t * sin + aside * cos], axis=1)
    pressure = np.cos(np.pi * t) ** 0.5 * (1 + 0.25 * np.sin(17 * t + rng.uniform(0, 6)))

    def edit(s: Surface, gain: float) -> F32:
        pixel = float(s.x[0, 1] - s.x[0, 0])
        width = np.maximum(half_width * pressure, 0.42 * pixel)
        distance, side_x, side_y, reach = _to_path(s, path, width)
        core = np.clip((reach - distance) / pixel + 0.5, 0, 1)
        wall = 0.9 * core * np.clip(distance / (reach + 0.5 * pixel), 0, 1)
        s.slope_x += wall * side_x
        s.slope_y += wall * side_y
        s.albedo *= np.maximum(1 + core * brightness * gain, 0.06)[..., None]
        s.fine_along += core * (2.2 - s.fine_along)
        s.fine_across += core * (2.2 - s.fine_across)
        s.marks *= 1 - 0.8 * core
        return core

    centre = path.mean(axis=0)
    radius = float(np.hypot(*(path - centre).T).max()) + 0.01
    return Plan(float(centre[0]), float(centre[1]), radius, edit)


def _to_path(s: Surface, path: F32, width: F32) -> tuple[F32, F32, F32, F32]:
    """Distance to the nearest piece of a path, the direction to it, and the path's half width there."""
    distance = np.full_like(s.x, np.inf)
    side_x, side_y, reach = np.zeros_like(s.x), np.zeros_like(s.x), np.zeros_like(s.x)
    for (ax, ay), (bx, by), half in zip(path[:-1], path[1:], (width[:-1] + width[1:]) / 2, strict=True):
        dx, dy = np.float32(bx - ax), np.float32(by - ay)
        u, v = s.x - np.float32(ax), s.y - np.float32(ay)
        share = np.clip((u * dx + v * dy) / np.float32(dx * dx + dy * dy + 1e-12), 0, 1)
        u -= share * dx
        v -= share * dy
        away = np.hypot(u, v)
        nearer = away < distance
        distance[nearer] = away[nearer]
        scale = 1 / np.maximum(away[nearer], 1e-6)
        side_x[nearer], side_y[nearer], reach[nearer] = u[nearer] * scale, v[nearer] * scale, half
    return distance, side_x, side_y, reach


def _dent(rng: np.random.Generator) -> Plan:
    long, heading, steepness = rng.uniform(0.034, 0.066), rng.uniform(0, np.pi), rng.uniform(0.45, 0.90)
    short = long * rng.uniform(0.6, 1.0)
    x, y = _place_on_face(rng, clear=long)
    cos, sin = np.float32(np.cos(heading)), np.float32(np.sin(heading))

    def edit(s: Surface, gain: float) -> F32:
        u = ((s.x - x) * cos + (s.y - y) * sin) / np.float32(long)
        v = ((s.y - y) * cos - (s.x - x) * sin) / np.float32(short)
        bowl = np.clip(1 - u * u - v * v, 0, 1)
        # Depth (1 - d^2)^2 has its steepest slope, 1.54 depth / radius, at d = 1 / sqrt(3).
        fall = np.float32(4 / 1.54 * steepness * gain) * bowl
        along, across = fall * u, fall * v * np.float32(long / short)
        s.slope_x += along * cos - across * sin
        s.slope_y += along * sin + across * cos
        s.marks *= 1 - 0.5 * np.sqrt(bowl)
        s.fine_along += bowl * (4.0 - s.fine_along) * 0.6
        s.occlusion *= 1 - 0.25 * bowl
        return np.asarray(bowl > 0.04, np.float32)

    return Plan(x, y, long, edit)


_STAINS = {
    "oil": ((0.16, 0.115, 0.065), 1.15, 0.05),
    "rust": ((0.24, 0.105, 0.045), 0.45, 0.55),
    "coolant": ((0.22, 0.31, 0.33), 0.80, 0.15),
    "heat": ((0.20, 0.17, 0.33), 1.0, 0.05),
}
"""Colour, gloss against the clean surface's, and how mottled."""


def _stain(rng: np.random.Generator) -> Plan:
    x, y = _place_on_face(rng, clear=0.0)
    radius, aspect, heading = rng.uniform(0.035, 0.090), rng.uniform(0.55, 1.0), rng.uniform(0, np.pi)
    colour, gloss, mottled = _STAINS[str(rng.choice(list(_STAINS)))]
    opacity, softness, rim = rng.uniform(0.55, 0.95), rng.uniform(0.15, 0.5), rng.uniform(0, 0.5)
    waves = _waves(rng, 0.30, (2, 3, 4, 6))
    reach = 1.7 * radius
    drops = [
        (x + d * np.cos(a), y + d * np.sin(a), radius * share)
        for d, a, share in zip(
            radius * rng.uniform(1.0, 1.4, 3),
            rng.uniform(0, 2 * np.pi, 3),
            rng.uniform(0.08, 0.2, 3),
            strict=True,
        )
    ][: rng.integers(0, 4)]
    grain = rng.standard_normal((24, 24)).astype(np.float32)
    cos, sin = np.cos(heading), np.sin(heading)

    def edit(s: Surface, gain: float) -> F32:
        u = ((s.x - x) * cos + (s.y - y) * sin) / radius
        v = ((s.y - y) * cos - (s.x - x) * sin) / (radius * aspect)
        level = 1 - np.hypot(u, v) * _uneven(np.arctan2(v, u), waves)
        for drop_x, drop_y, drop_radius in drops:
            level = np.maximum(level, 0.6 - 0.6 * np.hypot(s.x - drop_x, s.y - drop_y) / drop_radius)
        density = np.clip(level / softness, 0, 1)
        density *= density * (3 - 2 * density)
        strength = density * (1 - mottled * np.clip(0.5 + 0.5 * _field(s, grain, x, y, reach), 0, 1))
        strength *= 1 - rim * np.clip(level - 0.25, 0, 1)
        strength = np.clip(strength * opacity * gain, 0, 0.95)
        s.albedo += strength[..., None] * (np.asarray(colour, np.float32) - s.albedo)
        s.fine_along *= 1 + strength * (gloss - 1)
        s.fine_across *= 1 + strength * (gloss - 1)
        s.marks *= 1 - 0.6 * strength
        return np.asarray(density)

    return Plan(x, y, reach, edit)


Waves = list[tuple[int, float, float]]


def _waves(rng: np.random.Generator, amplitude: float, orders: tuple[int, ...]) -> Waves:
    return [(k, float(rng.normal(0, amplitude / k)), float(rng.uniform(0, 2 * np.pi))) for k in orders]


def _uneven(angle: F32, waves: Waves) -> F32:
    """By what a shape's edge is nearer (above 1) or farther (below 1) than a circle's, in each direction."""
    edge = np.ones_like(angle)
    for order, amplitude, phase in waves:
        edge += np.float32(amplitude) * np.sin(order * angle + np.float32(phase))
    return np.clip(edge, 0.75, 1.8)


def _field(s: Surface, coarse: F32, x: float, y: float, reach: float) -> F32:
    """A grid of values spread smoothly over the square of half side `reach` around a point."""
    scale = (len(coarse) - 1) / (2 * reach)
    u, v = (s.x - x + reach) * scale, (s.y - y + reach) * scale
    at = (np.asarray(u, np.float32), np.asarray(v, np.float32))
    return np.asarray(cv2.remap(coarse, *at, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101), np.float32)


def _chip(rng: np.random.Generator) -> Plan:
    angle, at_bore = rng.uniform(0, 2 * np.pi), rng.random() < 0.2
    radius = rng.uniform(0.026, 0.038) if at_bore else rng.uniform(0.036, 0.064)
    edge = BORE if at_bore else min(OUTER, FLAT / max(np.sin(angle), 1e-6))
    x, y = float(edge * np.cos(angle)), float(edge * np.sin(angle))
    waves = _waves(rng, 0.28, (2, 3, 5, 7, 11))
    broken = rng.uniform(0.45, 0.85)
    rough = rng.standard_normal((26, 26)).astype(np.float32)
    rougher = rng.standard_normal((26, 26)).astype(np.float32)

    def edit(s: Surface, gain: float) -> F32:
        pixel = float(s.x[0, 1] - s.x[0, 0])
        u, v = s.x - np.float32(x), s.y - np.float32(y)
        depth = (radius - np.hypot(u, v) * _uneven(np.arctan2(v, u), waves)) / pixel
        hit = np.clip(depth + 0.5, 0, 1)
        lost = np.clip(depth - (1 - broken) * radius / pixel + 0.5, 0, 1)
        facet_x, facet_y = (_field(s, noise, x, y, radius * 1.3) for noise in (rough, rougher))
        r = np.maximum(np.hypot(u, v), np.float32(pixel))
        s.slope_x += hit * (0.55 * u / r + 0.30 * facet_x - s.slope_x)
        s.slope_y += hit * (0.55 * v / r + 0.30 * facet_y - s.slope_y)
        s.albedo += hit[..., None] * (0.85 * np.asarray(STEEL, np.float32) - s.albedo) * 0.5
        s.fine_along += hit * (2.6 - s.fine_along)
        s.fine_across += hit * (2.6 - s.fine_across)
        s.marks *= 1 - hit
        s.alpha *= 1 - lost
        return np.asarray(hit)

    return Plan(x, y, radius * 1.4, edit)


def _missing(rng: np.random.Generator) -> Plan:
    name = str(rng.choice(list(FEATURES)))
    x, y, radius = FEATURES[name]

    def edit(s: Surface, gain: float) -> F32:
        return np.asarray(np.hypot(s.x - x, s.y - y) < radius, np.float32)

    return Plan(x, y, radius, edit, without=name)


def _place_on_face(rng: np.random.Generator, clear: float) -> tuple[float, float]:
    """A point on the hub's or the flange's face, `clear` away from the holes, screws and the slot."""
    keep_off = [circle for name, circle in FEATURES.items() if name not in ("mark", "code")]
    while True:
        on_hub = rng.random() < 0.2
        r, angle = (
            rng.uniform(0.14, 0.175) if on_hub else rng.uniform(0.262, 0.375),
            rng.uniform(0, 2 * np.pi),
        )
        x, y = float(r * np.cos(angle)), float(r * np.sin(angle))
        if y < FLAT - 0.02 - clear and all(np.hypot(x - a, y - b) > c + clear for a, b, c in keep_off):
            return x, y


_PLANS: dict[str, Callable[[np.random.Generator], Plan]] = {
    "scratch": _scratch,
    "dent": _dent,
    "stain": _stain,
    "chip": _chip,
    "missing": _missing,
}
