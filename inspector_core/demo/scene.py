"""What is around the demo part: the belt, its shadow, the lamp's unevenness, the lens and the sensor."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector_core.demo.geometry import F32, bare_surface
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
            key=float(rng.uniform(0.95, 1.25)),
            fill=float(rng.uniform(0.25, 0.40)),
            ambient=float(rng.uniform(0.20, 0.27)),
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
    return np.asarray(cv2.sqrt(1 - np.exp(-np.maximum(light, 0))), np.float32)


def photograph(layer: F32, scene: Scene, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The part's layer (float32 [H, W, 4], see `shade`) on the belt, through lens and sensor: RGB uint8."""
    placed = cv2.warpAffine(layer, scene.pose(size), (size, size), flags=cv2.INTER_LINEAR)
    ground = _ground(scene, size)
    ground *= 1 - placed[..., 3]
    light = ground[..., None] * np.asarray(scene.belt_colour, np.float32)
    light += placed[..., :3]
    at = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
    across = 1 + scene.gradient[0] * at - scene.vignetting * at * at
    down = scene.gradient[1] * at - scene.vignetting * at * at
    uneven = (across[None, :] + down[:, None]).astype(np.float32)
    light *= uneven[..., None] * np.asarray(scene.exposure, np.float32)
    sigma = max(scene.defocus * size, 0.35)
    light = cv2.GaussianBlur(light, (5, 5), sigma)
    image = tone(light)
    image *= 255
    # The square root in `tone` has made shot noise even, so one standard deviation serves all grey values.
    image += _grain(scene.noise, size, rng)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _grain(sigma: float, size: int, rng: np.random.Generator) -> F32:
    """Sensor noise after the colour filter's interpolation: sharp in brightness, softer in colour."""
    half = (size + 1) // 2
    colour = rng.standard_normal((half, half, 3), np.float32)
    grain = np.asarray(cv2.resize(colour, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)
    grain += 0.8 * rng.standard_normal((size, size, 1), np.float32)
    grain *= np.float32(sigma)
    return grain


def _ground(scene: Scene, size: int) -> F32:
    """Brightness of the belt, about 1 in the light, with the part's shadow on it; float32 [H, W]."""
    belt = _belt(size)
    left, top = (int(share * (belt.shape[0] - size)) for share in scene.belt)
    quarter = size // 4
    shape = (quarter, quarter)
    solid = _solid(size)
    far = cv2.warpAffine(solid, scene.pose(size, 0.25, 0.045), shape, flags=cv2.INTER_LINEAR)
    near = cv2.warpAffine(solid, scene.pose(size, 0.25, 0.012), shape, flags=cv2.INTER_LINEAR)
    shadow = 0.55 * cv2.GaussianBlur(far, (0, 0), 0.022 * quarter)
    shadow += 0.40 * cv2.GaussianBlur(near, (0, 0), 0.010 * quarter)
    return belt[top : top + size, left : left + size] * (1 - cv2.resize(shadow, (size, size)))


@lru_cache(maxsize=4)
def _solid(size: int) -> F32:
    """The part's outline at a quarter of the size: what throws the shadow, whatever the part's defects."""
    return np.asarray(
        cv2.resize(bare_surface(size).alpha, (size // 4, size // 4), interpolation=cv2.INTER_AREA)
    )


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
    dust = cv2.GaussianBlur(dust, (0, 0), 0.7)
    return np.maximum(1 + 0.16 * weave + 0.25 * fine + 0.10 * wear + 0.9 * dust, 0.1).astype(np.float32)
