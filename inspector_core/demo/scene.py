"""What is around the demo part: the belt, its shadow, the lamp's unevenness, the lens and the sensor."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector_core.demo.geometry import F32, bare_surface, outline
from inspector_core.demo.lighting import Light


@dataclass(frozen=True, slots=True)
class Scene:
    """One part's circumstances; lengths are fractions of the image's side, angles radians."""

    shift: tuple[float, float]
    turn: float
    azimuth: float
    """Towards the lamp, in the image."""
    light: Light
    """The lamp as the turned part sees it."""
    turns: tuple[float, float, float]
    """Of the screws' sockets."""
    belt: tuple[float, float]
    """Which stretch of the belt lies below, 0..1."""
    belt_colour: tuple[float, float, float]
    exposure: tuple[float, float, float]
    gradient: tuple[float, float]
    vignetting: float
    defocus: float
    """Of the lens: standard deviation of its blur."""
    noise: float
    """Of the sensor: standard deviation in grey values of 255."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Scene":
        """Circumstances as they vary from part to part on one station."""
        turn = float(np.radians(np.clip(rng.normal(0, 2.0), -5, 5)))
        azimuth = float(np.radians(rng.uniform(-150, -110)))
        light = Light(
            azimuth=azimuth - turn,
            tilt=float(rng.uniform(0.24, 0.34)),
            nearness=float(rng.uniform(0.25, 0.45)),
            key=float(rng.uniform(1.15, 1.5)),
            fill=float(rng.uniform(0.25, 0.40)),
            ambient=float(rng.uniform(0.15, 0.20)),
        )
        warmth = float(rng.normal(0, 0.012))
        level = float(rng.uniform(0.92, 1.08))
        grey = float(rng.uniform(0.85, 1.15))
        shift_x, shift_y = (rng.uniform(-0.012, 0.012, 2)).tolist()
        gradient_x, gradient_y = rng.uniform(-0.15, 0.15, 2).tolist()
        belt_x, belt_y = rng.random(2).tolist()
        a, b, c = (np.pi / 18 * rng.integers(0, 6, 3)).tolist()
        return cls(
            shift=(shift_x, shift_y),
            turn=turn,
            azimuth=azimuth,
            light=light,
            turns=(a, b, c),
            belt=(belt_x, belt_y),
            belt_colour=(0.040 * grey, 0.050 * grey, 0.054 * grey),
            exposure=(1.9 * level * (1 + warmth), 1.9 * level, 1.9 * level * (1 - warmth)),
            gradient=(gradient_x, gradient_y),
            vignetting=float(rng.uniform(0.35, 0.6)),
            defocus=float(rng.uniform(0.0009, 0.0014)),
            noise=float(rng.uniform(1.2, 2.2)),
        )

    def pose(self, size: int, scale: float = 1.0, lift: float = 0.0) -> NDArray[np.float64]:
        """The 2 x 3 matrix that takes the part's pixels to the image's, both `scale` times smaller.

        `lift` moves it away from the lamp, as the part's shadow lies.
        """
        side = size * scale
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        centre = (side - 1) / 2
        x = self.shift[0] * side - lift * side * np.cos(self.azimuth)
        y = self.shift[1] * side - lift * side * np.sin(self.azimuth)
        return np.array(
            [
                [cos, -sin, centre * (1 - cos + sin) + x],
                [sin, cos, centre * (1 - sin - cos) + y],
            ]
        )


def tone(light: F32) -> F32:
    """Linear light to 0..1 as a camera shows it: a gamma of 2 and a shoulder in the highlights."""
    return np.asarray(np.sqrt(1 - np.exp(-np.maximum(light, 0))))


def photograph(layer: F32, scene: Scene, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The part's layer (float32 [H, W, 4], see `shade`) on the belt, through lens and sensor: RGB uint8."""
    placed = cv2.split(cv2.warpAffine(layer, scene.pose(size), (size, size), flags=cv2.INTER_LINEAR))
    ground = _ground(scene, size) * (1 - placed[3])
    at = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
    across = 1 + scene.gradient[0] * at - scene.vignetting * at * at
    down = scene.gradient[1] * at - scene.vignetting * at * at
    uneven = across[None, :] + down[:, None]
    sigma = max(scene.defocus * size, 0.35)
    grain = _grain(scene.noise, size, rng)
    channels = []
    for channel in range(3):
        light = ground * np.float32(scene.belt_colour[channel])
        light += placed[channel]
        light *= uneven
        light *= np.float32(scene.exposure[channel])
        shown = tone(np.asarray(cv2.GaussianBlur(light, (5, 5), sigma), np.float32)) * 255
        # The square root in `tone` has made shot noise even, so one deviation serves all grey values.
        shown += grain[channel]
        channels.append(np.clip(np.rint(shown, out=shown), 0, 255, out=shown).astype(np.uint8))
    return np.asarray(cv2.merge(channels), np.uint8)


def _grain(sigma: float, size: int, rng: np.random.Generator) -> list[F32]:
    """Sensor noise after the colour filter's interpolation: sharp in brightness, softer in colour."""
    half = (size + 1) // 2
    brightness = 0.8 * rng.standard_normal((size, size), np.float32)
    colours = [rng.standard_normal((half, half), np.float32) for _ in range(3)]
    return [np.float32(sigma) * (brightness + cv2.resize(c, (size, size))) for c in colours]


def _ground(scene: Scene, size: int) -> F32:
    """Brightness of the belt, about 1 in the light, with the part's shadow on it; float32 [H, W]."""
    belt = _belt(size)
    left, top = (int(share * (belt.shape[0] - size)) for share in scene.belt)
    quarter = size // 4
    shape = (quarter, quarter)
    filled, solid = _shades(size)
    far = cv2.warpAffine(filled, scene.pose(size, 0.25, 0.040), shape, flags=cv2.INTER_LINEAR)
    near = cv2.warpAffine(solid, scene.pose(size, 0.25, 0.010), shape, flags=cv2.INTER_LINEAR)
    far, near = (cv2.GaussianBlur(s, (0, 0), b * quarter) for s, b in ((far, 0.022), (near, 0.010)))
    shadow = 0.52 * far + 0.33 * near
    stretch = belt[top : top + size, left : left + size]
    return stretch * np.asarray(1 - cv2.resize(shadow, (size, size)), np.float32)


@lru_cache(maxsize=4)
def _shades(size: int) -> tuple[F32, F32]:
    """What throws the shadow, whatever the part's defects: the part with its holes filled, and as it is.

    Both are a quarter of the size: the blur that follows leaves no finer detail.
    """
    bare = bare_surface(size)
    filled = np.clip(outline(bare.x, bare.y) * size + 0.5, 0, 1)
    quarter = (size // 4, size // 4)
    small = [cv2.resize(a, quarter, interpolation=cv2.INTER_AREA) for a in (filled, bare.alpha)]
    return np.asarray(small[0]), np.asarray(small[1])


@lru_cache(maxsize=4)
def _belt(size: int) -> F32:
    """A stretch of woven belt, float32 [1.5 size, 1.5 size] about 1, with dust and wear."""
    rng = np.random.default_rng(11)
    side = size * 3 // 2
    at = np.arange(side, dtype=np.float32) / size
    x, y = np.meshgrid(at, at)
    threads = 58 * 2 * np.pi
    weave = np.sin(threads * x) * np.sin(threads * y) + 0.4 * np.sin(threads * 0.5 * (x + y))
    fine = cv2.GaussianBlur(rng.standard_normal((side, side), np.float32), (0, 0), 0.8)
    wear = cv2.resize(rng.standard_normal((14, 14), np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    dust = np.zeros((side, side), np.float32)
    for px, py, r in zip(*(rng.integers(0, side, (2, 160))), rng.uniform(0.3, 1.3, 160), strict=True):
        radius = max(1, round(float(r) * size / 512))
        cv2.circle(dust, (int(px), int(py)), radius, float(rng.uniform(0.2, 1.0)), -1, cv2.LINE_AA)
    bright = 1 + 0.16 * weave + 0.25 * fine + 0.10 * wear + 0.9 * cv2.GaussianBlur(dust, (0, 0), 0.7)
    return np.asarray(np.maximum(bright, 0.1), np.float32)
