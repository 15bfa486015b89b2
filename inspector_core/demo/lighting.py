"""How the demo part's surface looks under a lamp: a fan of light on turning marks, soft shadow in pockets."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from inspector_core.demo.geometry import F32, Surface


@dataclass(frozen=True, slots=True)
class Light:
    """A lamp and a weaker fill light, in the part's own frame.

    `azimuth` points to the lamp, radians; `tilt` is the slope of a mirror that would throw its light into
    the camera; `nearness` is how much that slope changes over the image's side.
    """

    azimuth: float
    tilt: float
    nearness: float
    key: float
    fill: float
    ambient: float


def shade(s: Surface, light: Light, marks: F32) -> F32:
    """Linear light, float32 [H, W, 4]: red, green and blue times the fourth channel, the share of part.

    The highlight is Ward's anisotropic lobe (Ward 1992, Measuring and modeling anisotropic reflection) in
    the slopes of the half vector. `marks` is the turning-mark relief of the same pixels, about unit variance.
    """
    ux, uy = np.float32(np.cos(light.azimuth)), np.float32(np.sin(light.azimuth))
    relief = marks * s.marks
    lit = _lit(s, ux, uy)
    lamp = _lobe(s, light.tilt * ux - light.nearness * s.x, light.tilt * uy - light.nearness * s.y, relief)
    opposite = -0.8 * light.tilt
    fill = _lobe(s, opposite * ux - 0.3 * s.x + 0.1, opposite * uy - 0.3 * s.y, relief)
    facing = np.clip(0.5 - 0.45 * (s.slope_x * ux + s.slope_y * uy), 0.05, 1)
    total = s.occlusion * (light.ambient * (0.55 + facing) + light.fill * fill)
    total += lit * (light.key * lamp + 0.18 * facing)
    total *= 1 + 0.05 * relief
    total *= s.alpha
    colour = cv2.multiply(s.albedo, cv2.merge([total] * 3))
    return np.asarray(cv2.merge([*cv2.split(colour), s.alpha]), np.float32)


def _lobe(s: Surface, half_x: F32, half_y: F32, relief: F32) -> F32:
    dx, dy = half_x + s.slope_x, half_y + s.slope_y
    along = (dx * s.along_x + dy * s.along_y) * s.fine_along
    across = (dx * s.along_y - dy * s.along_x + 0.10 * relief) * s.fine_across
    along *= 1 + 0.10 * relief
    return np.exp(-(along * along + across * across))


def _lit(s: Surface, ux: np.float32, uy: np.float32) -> F32:
    """1 in the light, down to 0.3 where something higher stands towards the lamp."""
    pixels = 1.0 / max(float(s.x[0, 1] - s.x[0, 0]), 1e-6)
    reach = 0.016 * pixels
    shift = np.array([[1, 0, ux * reach], [0, 1, uy * reach]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    width, height = s.height.shape[1], s.height.shape[0]
    tower = cv2.warpAffine(s.height, shift, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    shadow = np.clip((tower - s.height) / 0.02, 0, 1)
    return 1 - 0.7 * cv2.blur(shadow, (3, 3))


@lru_cache(maxsize=4)
def _polar(size: int) -> tuple[F32, F32]:
    """For each pixel, where to look into a strip of turning marks (angle, radius)."""
    at = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
    x, y = np.meshgrid(at, at)
    angle = (np.arctan2(y, x) / (2 * np.pi) + 0.5) * STRIP_ANGLES
    return angle.astype(np.float32), (np.hypot(x, y) * size).astype(np.float32)


STRIP_ANGLES = 48


def turning_marks(rng: np.random.Generator, size: int) -> F32:
    """Rings as a lathe leaves them, long along the turn and a pixel or two across; float32 [size, size]."""
    rings = size * 3 // 4
    coarse = cv2.GaussianBlur(rng.standard_normal((rings, 1), np.float32), (1, 0), 0.1, sigmaY=size / 200)
    strip = 0.55 * rng.standard_normal((rings, STRIP_ANGLES), np.float32)
    strip += 0.7 * rng.standard_normal((rings, 1), np.float32)
    strip += (0.9 / max(float(coarse.std()), 1e-3)) * coarse.reshape(rings, 1)
    angle, radius = _polar(size)
    return np.asarray(
        cv2.remap(strip, angle, radius, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32
    )
