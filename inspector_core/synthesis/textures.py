"""Procedural textures by seed, and textures from a user's folder (DTD may not be shipped).

A family is a function of a NumPy generator and a size that returns a field float32 [H, W], of any
range; `texture_bank` stretches it to 0..1 and colours it along a random palette.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inspector_core.errors import DataError, ImageError
from inspector_core.images import list_images, read_rgb

Field = NDArray[np.float32]
Rng = np.random.Generator
Size = tuple[int, int]


def texture_bank(count: int, size: Size, seed: int) -> Tensor:
    """`count` procedural textures, the families in turn: uint8 [count, 3, H, W] on the CPU."""
    rng = np.random.default_rng(seed)
    bank = [colour(stretch(FAMILIES[k % len(FAMILIES)](rng, size)), rng) for k in range(count)]
    return torch.from_numpy(np.stack(bank)).permute(0, 3, 1, 2).contiguous()


def load_textures(folder: Path, size: Size, limit: int = 256) -> Tensor:
    """The first `limit` images of a folder as uint8 [K, 3, H, W], resized.

    Raises:
        DataError: the folder is missing or holds no image that can be read.
    """
    if not folder.is_dir():
        raise DataError(f"The texture folder {folder} does not exist", "choose a folder of texture images")
    images = []
    for path in list_images(folder)[:limit]:
        try:
            image = read_rgb(path)
        except ImageError:
            continue
        images.append(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA))
    if not images:
        problem = f"The texture folder {folder} holds no readable image"
        raise DataError(problem, "add PNG or JPEG images to it")
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()


def stretch(field: Field) -> Field:
    """Bring the 1 % and 99 % quantiles to 0 and 1, and clip."""
    low, high = np.quantile(field, (0.01, 0.99))
    return _field(np.clip((field - low) / max(high - low, 1e-6), 0, 1))


def colour(field: Field, rng: Rng) -> NDArray[np.uint8]:
    """Map 0..1 to RGB [H, W, 3] along three random colours; four in ten come out grey."""
    stops = rng.uniform(0, 255, (3, 3))
    if rng.random() < 0.4:
        stops[:] = stops.mean(axis=1, keepdims=True)
    channels = [np.interp(field, (0, 0.5, 1), stops[:, c]) for c in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _field(values: NDArray[Any]) -> Field:
    return np.asarray(values, dtype=np.float32)


def _grid(size: Size, rng: Rng) -> tuple[Field, Field]:
    """Coordinates x, y in units of the shorter side, turned by a random angle."""
    side = min(size)
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32) / side
    angle = rng.uniform(0, np.pi)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return x * cos + y * sin, y * cos - x * sin


def _smooth_noise(size: Size, rng: Rng, cells: float, stretched: float = 1.0) -> Field:
    """Noise with about `cells` bumps along the shorter side (divided by `stretched` along x)."""
    step = min(size) / cells
    shape = (max(2, round(size[0] / step)) + 1, max(2, round(size[1] / step / stretched)) + 1)
    coarse = rng.standard_normal(shape, dtype=np.float32)
    return _field(cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC))


def _fractal(size: Size, rng: Rng, first: float, octaves: int = 4, gain: float = 0.55) -> Field:
    layers = [_smooth_noise(size, rng, first * 2**k) * gain**k for k in range(octaves)]
    return _field(np.sum(layers, axis=0))


def _cell_distances(size: Size, rng: Rng, count: int) -> tuple[Field, Field]:
    """Distances to the nearest and the second nearest of `count` random points."""
    points = rng.uniform(0, 1, (count, 2)).astype(np.float32) * np.asarray(size, np.float32)
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    first = np.full(size, np.inf, np.float32)
    second = first.copy()
    for py, px in points:
        d = np.hypot(y - py, x - px)
        second = np.minimum(second, np.maximum(first, d))
        first = np.minimum(first, d)
    return first, second


def clouds(rng: Rng, size: Size) -> Field:
    return _fractal(size, rng, rng.uniform(2, 10))


def grain(rng: Rng, size: Size) -> Field:
    noise = rng.standard_normal(size, dtype=np.float32)
    return _field(cv2.GaussianBlur(noise, (0, 0), float(rng.uniform(0.4, 2.5))))


def fibres(rng: Rng, size: Size) -> Field:
    """Noise drawn out along one direction: brushed metal, hair, wood."""
    noise = _smooth_noise(size, rng, rng.uniform(40, 100), stretched=float(rng.uniform(8, 25)))
    turn = cv2.getRotationMatrix2D((size[1] / 2, size[0] / 2), float(rng.uniform(0, 180)), 1.5)
    turned = cv2.warpAffine(noise, turn, size[::-1], borderMode=cv2.BORDER_REFLECT)
    return _field(turned)


def stripes(rng: Rng, size: Size) -> Field:
    x, _ = _grid(size, rng)
    bend = _smooth_noise(size, rng, 3) * rng.uniform(0, 0.05)
    wave = np.sin((x + bend) * rng.uniform(20, 150))
    return _field(np.tanh(wave * rng.uniform(0.5, 6)))


def marble(rng: Rng, size: Size) -> Field:
    x, _ = _grid(size, rng)
    return _field(np.sin(x * rng.uniform(5, 30) + _fractal(size, rng, 3) * rng.uniform(1, 4)))


def checks(rng: Rng, size: Size) -> Field:
    x, y = _grid(size, rng)
    cells = rng.uniform(4, 24)
    board = (np.floor(x * cells) + np.floor(y * cells * rng.uniform(0.5, 2))) % 2
    return _field(board + 0.1 * rng.standard_normal(size))


def weave(rng: Rng, size: Size) -> Field:
    x, y = _grid(size, rng)
    f = rng.uniform(20, 90)
    over = np.sign(np.sin(x * f) * np.sin(y * f))
    return _field(np.where(over > 0, np.abs(np.sin(x * f)), np.float32(0.8) * np.abs(np.sin(y * f))))


def dots(rng: Rng, size: Size) -> Field:
    x, y = _grid(size, rng)
    f = rng.uniform(15, 80)
    bend = _smooth_noise(size, rng, 4) * rng.uniform(0, 0.02)
    egg_box = np.sin((x + bend) * f) * np.sin((y - bend) * f)
    return _field(np.tanh((egg_box - rng.uniform(-0.3, 0.5)) * 5))


def pebbles(rng: Rng, size: Size) -> Field:
    first, _ = _cell_distances(size, rng, int(rng.integers(15, 90)))
    return -first


def scales(rng: Rng, size: Size) -> Field:
    """Cells with dark seams: cracked mud, leather, foam."""
    first, second = _cell_distances(size, rng, int(rng.integers(12, 80)))
    return _field(np.tanh((second - first) / (min(size) * rng.uniform(0.005, 0.05))))


def bricks(rng: Rng, size: Size) -> Field:
    x, y = _grid(size, rng)
    rows = rng.uniform(5, 16)
    row = np.floor(y * rows)
    u, v = (x * rows / 2 + row * 0.5) % 1, (y * rows) % 1
    tone = np.sin(row * 12.9 + np.floor(x * rows / 2 + row * 0.5) * 78.2)
    return _field(np.where((u < 0.07) | (v < 0.14), -1.5, tone))


def rings(rng: Rng, size: Size) -> Field:
    x, y = _grid(size, rng)
    cx, cy = rng.uniform(-0.3, 1.0, 2)
    radius = np.hypot(x - cx, (y - cy) * rng.uniform(0.3, 1)) + _smooth_noise(size, rng, 4) * 0.02
    return _field(np.sin(radius * rng.uniform(30, 150)))


def blotches(rng: Rng, size: Size) -> Field:
    """Noise cut at several levels: camouflage, rust, corrosion."""
    levels = rng.uniform(0.6, 1.5)
    return _field(np.round(_fractal(size, rng, rng.uniform(3, 8)) * levels) + 0.15 * grain(rng, size))


def scribble(rng: Rng, size: Size) -> Field:
    """Many thin crossing strokes: worn, scratched, tangled surfaces."""
    canvas = np.zeros(size, np.uint8)
    side = min(size)
    for _ in range(int(rng.integers(30, 150))):
        start = rng.uniform(0, 1, 2) * size[::-1]
        end = start + rng.normal(0, 0.35, 2) * side
        ends = [tuple(int(v) for v in p) for p in (start, end)]
        cv2.line(canvas, ends[0], ends[1], int(rng.integers(60, 256)), int(rng.integers(1, 3)), cv2.LINE_AA)
    return _field(canvas + 20 * _smooth_noise(size, rng, 6))


def chevrons(rng: Rng, size: Size) -> Field:
    x, y = _grid(size, rng)
    zigzag = np.abs((y * rng.uniform(4, 16)) % 1 - 0.5) * rng.uniform(0.05, 0.3)
    return _field(np.tanh(np.sin((x + zigzag) * rng.uniform(40, 140)) * 3))


def facets(rng: Rng, size: Size) -> Field:
    """Flat polygons of random tone: shattered, crystalline."""
    field = np.zeros(size, np.float32)
    side = min(size)
    for _ in range(int(rng.integers(40, 120))):
        centre = rng.uniform(0, 1, 2) * size[::-1]
        corners = centre + rng.normal(0, 0.1, (4, 2)) * side
        cv2.fillConvexPoly(field, cv2.convexHull(corners.astype(np.int32)), float(rng.random()))
    return field


FAMILIES: tuple[Callable[[Rng, Size], Field], ...] = (
    clouds, grain, fibres, stripes, marble, checks, weave, dots, pebbles, scales, bricks, rings, blotches,
    scribble, chevrons, facets,
)  # fmt: skip
