"""A family: one drawn product, of which every sample is another specimen in another light."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector_core.families.materials import KINDS, Material
from inspector_core.families.shapes import fill, leads, outline, pattern
from inspector_core.synthesis.textures import Field, Rng

CANVAS = 1.5
"""Side of a material against the picture's: each specimen is cut from another place."""
SHADOW = 5 / 256
"""Throw of a shadow, of the side."""


class Specimen(NamedTuple):
    """Attributes: image RGB uint8 [S, S, 3]; part bool [S, S], the whole image for a texture."""

    image: NDArray[np.uint8]
    part: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Layer:
    """Something of a part: where it is, of what, and how high.

    Attributes:
        cover: float32 [S, S], 0..1.
        bevel: softness of its edge in pixels of a 256-pixel picture.
        step: height over what is below, in the same unit.
    """

    cover: Field
    material: Material
    step: float
    bevel: float


@dataclass(frozen=True, slots=True)
class Camera:
    """What differs from specimen to specimen, and how it is pictured.

    Attributes:
        turn: largest rotation, degrees; 180 for parts that lie as they fall.
        shift: largest displacement, of the side.
        gain: standard deviation of the light's strength; `slope` that of its evenness.
        noise: standard deviation of the sensor's noise in grey values; `blur` of the lens in pixels.
    """

    turn: float
    shift: float
    gain: float
    slope: float
    noise: float
    blur: float
    light: float
    grey: bool


class Family:
    """The product number `seed`, at a picture's side of `size` pixels.

    Equal seeds and sizes give equal specimens on every machine with the same library versions.
    """

    def __init__(self, seed: int, size: int) -> None:
        rng = np.random.default_rng((seed, 1))
        self.seed, self.size = seed, size
        self.kind = list(KINDS)[seed % len(KINDS)]
        self.texture = bool(rng.random() < 0.35)
        self.camera = Camera(
            turn=float(rng.choice([0, 2, 5, 180], p=[0.4, 0.25, 0.2, 0.15])),
            shift=float(rng.choice([0.005, 0.02, 0.05])),
            gain=float(rng.choice([0.02, 0.08, 0.2])),
            slope=float(rng.choice([0, 0.1, 0.3])),
            noise=float(rng.uniform(0.5, 6)),
            blur=float(rng.choice([0, 0.5, 0.9])),
            light=float(rng.uniform(0, 2 * np.pi)),
            grey=bool(rng.random() < 0.35),
        )
        ground_kind = self.kind if self.texture else list(KINDS)[int(rng.integers(len(KINDS)))]
        self._ground = KINDS[ground_kind](rng, round(size * CANVAS))
        self._steady = not self.texture and bool(rng.random() < 0.35)
        self._quiet = rng.uniform(0.1, 1) if not self.texture else 1.0
        self._layers = [] if self.texture else self._draw_part(rng)

    def draw(self, sample: int) -> Specimen:
        """Specimen number `sample`."""
        rng = np.random.default_rng((self.seed, 2, sample))
        size, camera = self.size, self.camera
        turn = rng.uniform(-1, 1) * camera.turn
        turned = cv2.getRotationMatrix2D((size / 2, size / 2), turn, 1 + rng.normal(0, 0.004))
        pose = np.asarray(turned, np.float64)
        pose[:, 2] += rng.uniform(-1, 1, 2) * camera.shift * size
        albedo, height, gloss = self._lay_ground(rng)
        part = np.zeros((size, size), np.float32)
        for k, layer in enumerate(self._layers):
            cover = np.asarray(cv2.warpAffine(layer.cover, pose, (size, size)), np.float32)
            if k == 0:
                albedo = albedo * (1 - 0.45 * self._shadow(cover))[..., None]
            surface = _cut(layer.material, rng, size, pose)
            albedo = albedo + cover[..., None] * (surface.albedo - albedo)
            edge = cv2.GaussianBlur(cover, (0, 0), layer.bevel * size / 256)
            height = height * (1 - cover) + cover * surface.relief + layer.step * edge
            gloss = gloss + cover * (surface.gloss - gloss)
            part = np.maximum(part, cover)
        image = self._photograph(albedo, height, gloss, rng)
        return Specimen(image, np.ones_like(part, bool) if self.texture else part > 0.5)

    def _draw_part(self, rng: Rng) -> list[Layer]:
        """Bodies, what sits on them, and often lettering."""
        side = round(self.size * CANVAS)
        kinds = list(KINDS.values())
        main = KINDS[self.kind](rng, side)
        layers = []
        if rng.random() < 0.25:
            shape, places = leads(rng)
            metal = KINDS["metal"](rng, side)
            layers.append(Layer(fill(shape, places, self.size), metal, rng.uniform(1, 4), 1.0))
        for k in range(int(rng.integers(1, 4))):
            radius = rng.uniform(0.22, 0.42) * (1 if k == 0 else 0.7)
            xy = (0.5, 0.5) if k == 0 or rng.random() < 0.5 else tuple(rng.uniform(0.35, 0.65, 2))
            places = np.array([[*xy, radius, rng.uniform(0, np.pi)]])
            material = main if k == 0 else kinds[int(rng.integers(len(kinds)))](rng, side)
            cover = fill(outline(rng), places, self.size)
            layers.append(Layer(cover, material, rng.uniform(2, 20), rng.uniform(1, 5)))
        for _ in range(int(rng.integers(1, 6))):
            material = kinds[int(rng.integers(len(kinds)))](rng, side)
            cover = fill(outline(rng), pattern(rng), self.size)
            layers.append(Layer(cover, material, rng.uniform(-10, 10), rng.uniform(0.8, 2)))
        if rng.random() < 0.5:
            cover = _lettering(rng, self.size)
            layers.append(Layer(cover, KINDS["plastic"](rng, side), rng.uniform(-2, 2), 0.7))
        return layers

    def _lay_ground(self, rng: Rng) -> tuple[Field, Field, Field]:
        """What the part lies on, or the texture itself: albedo, height and gloss of each pixel."""
        size = self.size
        surface = _cut(self._ground, np.random.default_rng(self.seed) if self._steady else rng, size)
        mean = surface.albedo.mean((0, 1))
        albedo = mean + self._quiet * (surface.albedo - mean)
        gloss = np.full((size, size), surface.gloss * self._quiet, np.float32)
        return np.asarray(albedo), np.asarray(surface.relief * self._quiet), gloss

    def _shadow(self, cover: Field) -> Field:
        throw = SHADOW * self.size
        away = np.array(
            [[1, 0, throw * np.cos(self.camera.light)], [0, 1, throw * np.sin(self.camera.light)]]
        )
        thrown = cv2.warpAffine(cover, away, (self.size, self.size))
        return np.asarray(cv2.GaussianBlur(thrown, (0, 0), 0.8 * throw) * (1 - cover))

    def _photograph(self, albedo: Field, height: Field, gloss: Field, rng: Rng) -> NDArray[np.uint8]:
        """Light from one side with a highlight, a lens and a sensor."""
        size, camera = self.size, self.camera
        angle = camera.light + rng.normal(0, 0.05)
        across, down = (
            cv2.Sobel(height, cv2.CV_32F, dx, dy, ksize=3) / 8 * size / 256 for dx, dy in ((1, 0), (0, 1))
        )
        facing = np.tanh(-(across * np.cos(angle) + down * np.sin(angle)) * 0.6)
        shine = gloss * np.exp(-8 * (facing - 0.35) ** 2) * np.abs(facing)
        at = np.linspace(-0.5, 0.5, size, dtype=np.float32)
        tilt, drift = rng.uniform(0.5, 1) * camera.slope, rng.normal(0, 0.3) + angle
        even = 1 + tilt * (at[None] * np.cos(drift) + at[:, None] * np.sin(drift))
        light = albedo * (0.75 * (1 + 0.8 * facing))[..., None] + 0.35 * shine[..., None]
        light = light * (even * (1 + rng.normal(0, camera.gain)))[..., None]
        shown = 255 * np.clip(light, 0, None) ** 0.7
        if camera.grey:
            shown = np.repeat(shown.mean(axis=2, keepdims=True), 3, axis=2)
        if camera.blur:
            shown = cv2.GaussianBlur(shown, (0, 0), camera.blur * size / 256)
        shown = shown + rng.normal(0, camera.noise, (size, size, 1 if camera.grey else 3))
        return np.asarray(np.clip(np.rint(shown), 0, 255).astype(np.uint8))


def _cut(material: Material, rng: Rng, size: int, pose: NDArray[np.float64] | None = None) -> Material:
    """A piece of `size` pixels from another place of the material, turned with its part."""
    room = len(material.relief) - size
    left, top = (int(v) for v in rng.integers(0, room + 1, 2))
    window = (slice(top, top + size), slice(left, left + size))
    albedo, relief = material.albedo[window], material.relief[window]
    if pose is not None:
        albedo, relief = (
            np.asarray(cv2.warpAffine(m, pose, (size, size), borderMode=cv2.BORDER_REFLECT), np.float32)
            for m in (albedo, relief)
        )
    return Material(albedo, relief, material.gloss)


def _lettering(rng: Rng, size: int) -> Field:
    drawn = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        letters = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVX0123456789-"), int(rng.integers(3, 10))))
        at = (int(rng.uniform(0.2, 0.5) * size), int(rng.uniform(0.3, 0.75) * size))
        scale = float(rng.uniform(0.3, 0.8) * size / 256)
        cv2.putText(
            drawn, letters, at, int(rng.integers(0, 5)), scale, 255, int(rng.integers(1, 3)), cv2.LINE_AA
        )
    return np.asarray(drawn.astype(np.float32) / 255)
