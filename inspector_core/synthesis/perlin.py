"""Perlin noise and the masks cut from it, batched (DiffusionAD's anomaly shapes).

The noise of one image is written as two products of matrices. With u the lattice coordinate of a
row, f its fraction and w = fade(f), a row's two lattice lines weigh (1 - w, w), and their gradients
act over the distances (f, f - 1). If A holds these weights and D the weights times distances, then

    noise = D_y · G_y · A_xᵀ + A_y · G_x · D_xᵀ

with G the gradients at the lattice points. So images of differing scales share one batched product.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from inspector_core.synthesis.draws import Draws

MAX_EXPONENT = 5
"""Scales are 2^0 to 2^5 lattice cells along an axis (detectors.md 4, row 17)."""


def perlin_noise(count: int, size: tuple[int, int], draws: Draws, device: torch.device) -> Tensor:
    """Perlin noise float32 [count, H, W], about -1 to 1, each image with its own scale on each axis."""
    weights_y, distances_y = (t.to(device) for t in _lattice_matrices(size[0]))  # [E, H, P]
    weights_x, distances_x = (t.to(device) for t in _lattice_matrices(size[1]))  # [E, W, P]
    scale_y = draws.integers(count, high=MAX_EXPONENT + 1)
    scale_x = draws.integers(count, high=MAX_EXPONENT + 1)
    points = weights_y.shape[2]
    angle = draws.uniform(count, points, points, high=2 * math.pi)
    vertical = distances_y[scale_y] @ angle.sin() @ weights_x[scale_x].mT
    horizontal = weights_y[scale_y] @ angle.cos() @ distances_x[scale_x].mT
    return (vertical + horizontal) * math.sqrt(2)


def perlin_masks(
    count: int, size: tuple[int, int], draws: Draws, device: torch.device, *, threshold: float = 0.5
) -> Tensor:
    """Binary masks float32 [count, 1, H, W]: rotated Perlin noise above `threshold`; some are empty."""
    noise = perlin_noise(count, size, draws, device).unsqueeze(1)
    turn = draws.uniform(count, low=-math.pi / 2, high=math.pi / 2)
    return (rotate(noise, turn) > threshold).float()


def rotate(images: Tensor, radians: Tensor) -> Tensor:
    """Rotate each image [B, C, H, W] about its centre by `radians` [B]; what comes from outside is 0."""
    aspect = images.shape[3] / images.shape[2]
    cos, sin, zero = radians.cos(), radians.sin(), torch.zeros_like(radians)
    rows = [torch.stack([cos, -sin / aspect, zero], 1), torch.stack([sin * aspect, cos, zero], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


@lru_cache(maxsize=8)
def _lattice_matrices(length: int) -> tuple[Tensor, Tensor]:
    """A and D for every scale, on the CPU: [exponents, length, 2^MAX_EXPONENT + 1] each."""
    weights = torch.zeros(MAX_EXPONENT + 1, length, 2**MAX_EXPONENT + 1)
    distances = torch.zeros_like(weights)
    row = torch.arange(length)
    for exponent in range(MAX_EXPONENT + 1):
        u = row * (2**exponent / length)
        line = u.long()
        f = u - line
        fade = f**3 * (f * (6 * f - 15) + 10)
        weights[exponent, row, line], weights[exponent, row, line + 1] = 1 - fade, fade
        distances[exponent, row, line], distances[exponent, row, line + 1] = (1 - fade) * f, fade * (f - 1)
    return weights, distances
