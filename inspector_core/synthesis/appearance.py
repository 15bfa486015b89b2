"""What an anomaly looks like: pure functions from normal images to the source A of Eq. 12.

Each takes `normal` float32 [B, C, H, W] in 0..1, the soft mask [B, 1, H, W], the material to draw on
and the draws, and returns float32 [B, C, H, W]; values outside 0..1 are clipped by the composite.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from inspector_core.synthesis.draws import Draws

CELLS = 8
"""Self-augmentation cuts an image into 8 x 8 cells (detectors.md 4, row 19)."""


@dataclass(frozen=True)
class Material:
    """What appearances are made of: uint8 [N, C, H, W] each, on the device; C is 1 for grey products."""

    normals: Tensor
    textures: Tensor


Appearance = Callable[[Tensor, Tensor, Material, Draws], Tensor]


def texture(normal: Tensor, soft: Tensor, material: Material, draws: Draws) -> Tensor:
    """A texture of the bank, moved, and for half the images with its contrast about the normal's tone."""
    count = len(normal)
    chosen = draws.integers(count, high=len(material.textures))
    source = displaced(material.textures[chosen].float().div_(255), draws)
    local = normal.mean((2, 3), keepdim=True) + (source - source.mean((2, 3), keepdim=True))
    return torch.where(draws.per_image(count, 0, 1) < 0.3, local, source)


def shuffled(normal: Tensor, soft: Tensor, material: Material, draws: Draws) -> Tensor:
    """Self-augmentation: photometric change, then the 8 x 8 cells in random order."""
    b, c, h, w = normal.shape
    cells = photometric(normal, soft, material, draws).reshape(b, c, CELLS, h // CELLS, CELLS, w // CELLS)
    cells = cells.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)  # [B, 64, C, h, w]
    order = draws.permutations(b, CELLS * CELLS)
    cells = cells[torch.arange(b, device=normal.device)[:, None], order]
    cells = cells.reshape(b, CELLS, CELLS, c, h // CELLS, w // CELLS)
    return cells.permute(0, 3, 1, 4, 2, 5).reshape(b, c, h, w)


def other(normal: Tensor, soft: Tensor, material: Material, draws: Draws) -> Tensor:
    """Another normal image, moved and perhaps mirrored."""
    chosen = draws.integers(len(normal), high=len(material.normals))
    return displaced(material.normals[chosen].float().div_(255), draws)


def photometric(normal: Tensor, soft: Tensor, material: Material, draws: Draws) -> Tensor:
    """The same pixels under other contrast, gain and offset; a third of the images solarised."""
    count = len(normal)
    mean = normal.mean((2, 3), keepdim=True)
    contrast = draws.per_image(count, -0.6, 2.2)
    changed = (normal - mean) * contrast + mean * draws.per_image(count, 0.5, 1.5)
    changed = changed + draws.per_image(count, -0.2, 0.2, channels=normal.shape[1])
    bend = draws.per_image(count, 0.3, 1.6)
    return torch.where(changed > bend, 2 * bend - changed, changed)


def tone(normal: Tensor, soft: Tensor, material: Material, draws: Draws) -> Tensor:
    """One flat tone, mostly dark, with some of the surface's grain left: holes, cracks, dirt, paint."""
    count = len(normal)
    level = draws.per_image(count, 0, 1)
    level = torch.where(draws.per_image(count, 0, 1) < 0.6, level * 0.3, level)
    tint = draws.per_image(count, -0.15, 0.15, channels=normal.shape[1]) * (
        draws.per_image(count, 0, 1) < 0.5
    )
    return level + tint + detail(normal) * draws.per_image(count, 0, 1)


def light(normal: Tensor, soft: Tensor, material: Material, draws: Draws) -> Tensor:
    """Locally darker (two thirds) or brighter, from hardly visible to strong; the surface stays."""
    count = len(normal)
    strength = draws.per_image(count, 0.25, 0.75).square() * draws.signs(count, positive=1 / 3)
    gain = draws.per_image(count, 0, 1)
    return normal * (1 + strength * gain) + strength * (1 - gain) * 0.6


def blur(normal: Tensor, soft: Tensor, material: Material, draws: Draws) -> Tensor:
    """The surface smeared: wear, grease, a film."""
    offset = draws.per_image(len(normal), -0.05, 0.05)
    return smooth(normal, max(2, min(normal.shape[2:]) // 32)) + offset


def warp(normal: Tensor, soft: Tensor, material: Material, draws: Draws) -> Tensor:
    """The image itself bent: a shift that varies over the image, at most an eighth of its size."""
    count, _, h, w = normal.shape
    shift = draws.per_image(count, 0.06, 0.25) * draws.uniform(count, 2, 1, 1, low=-1, high=1).sign()
    bend = draws.uniform(count, 2, 5, 5, low=-1, high=1)
    field = bend * 0.7 + draws.uniform(count, 2, 1, 1, low=-1, high=1)
    field = F.interpolate(field, (h, w), mode="bilinear", align_corners=True) * shift
    grid = torch.stack(torch.meshgrid(_axis(h, normal), _axis(w, normal), indexing="ij")[::-1], -1)
    moved = grid + field.permute(0, 2, 3, 1)
    return F.grid_sample(normal, moved, padding_mode="reflection", align_corners=False)


def moved(normal: Tensor, soft: Tensor, material: Material, draws: Draws) -> Tensor:
    """A piece from elsewhere in the same image (CutPaste), for half the images with another tone."""
    count = len(normal)
    jitter = draws.per_image(count, -0.12, 0.12) * (draws.per_image(count, 0, 1) < 0.5)
    return displaced(normal, draws) + jitter


def missing(normal: Tensor, soft: Tensor, material: Material, draws: Draws) -> Tensor:
    """What lies around the mask, drawn over it: a piece broken off or never mounted."""
    factor = max(2, min(normal.shape[2:]) // 16)
    outside = 1 - soft
    share = smooth(outside, factor)
    # Deep inside a large mask there is nothing around to go by: there the image's mean stands in.
    fill = normal.mean((2, 3), keepdim=True).lerp(
        smooth(normal * outside, factor) / share.clamp_min(0.02), (share * 5).clamp_max(1)
    )
    return fill + torch.roll(detail(normal), (normal.shape[2] // 2, 3), (2, 3)) * draws.per_image(
        len(normal), 0, 1
    )


def dent(normal: Tensor, soft: Tensor, material: Material, draws: Draws) -> Tensor:
    """The mask as a relief lit from one side: a bright and a dark flank."""
    count, _, h, w = normal.shape
    height = smooth(soft, max(2, min(h, w) // 64))
    angle = draws.per_image(count, 0, 2 * torch.pi)
    down, right = torch.gradient(height, dim=(2, 3))
    slope = down * angle.sin() + right * angle.cos()
    slope = slope / slope.abs().amax((2, 3), keepdim=True).clamp_min(1e-3)
    return normal + (slope + draws.per_image(count, -0.5, 0.2)) * draws.per_image(count, 0.1, 0.45)


def displaced(images: Tensor, draws: Draws) -> Tensor:
    """Each image rolled by up to its size on both axes, mirrored at random."""
    count, _, h, w = images.shape
    shifts = draws.uniform(count, 2, low=0.1, high=0.9).tolist()
    flips = draws.uniform(count, 2).tolist()
    turned = []
    for image, (dy, dx), flip in zip(images, shifts, flips, strict=True):
        axes = [axis + 1 for axis in range(2) if flip[axis] < 0.3]
        turned.append(torch.roll(image.flip(axes) if axes else image, (int(dy * h), int(dx * w)), (1, 2)))
    return torch.stack(turned)


def smooth(images: Tensor, factor: int) -> Tensor:
    """A cheap wide blur: mean over factor x factor blocks, then bilinear back to size."""
    coarse = F.avg_pool2d(images, factor, ceil_mode=True)
    return F.interpolate(coarse, images.shape[2:], mode="bilinear", align_corners=False)


def detail(images: Tensor) -> Tensor:
    """What a small blur takes away: grain, edges, sensor noise; mean about 0."""
    return images - smooth(images, max(2, min(images.shape[2:]) // 64))


def _axis(length: int, like: Tensor) -> Tensor:
    """Pixel centres in -1..1, as `grid_sample` counts them."""
    return (torch.arange(length, device=like.device, dtype=like.dtype) * 2 + 1) / length - 1


APPEARANCES: dict[str, Appearance] = {
    "texture": texture,
    "shuffled": shuffled,
    "other": other,
    "photometric": photometric,
    "tone": tone,
    "light": light,
    "blur": blur,
    "warp": warp,
    "moved": moved,
    "missing": missing,
    "dent": dent,
}

ALTERING = frozenset(["light", "blur", "warp", "moved", "missing", "dent"])
"""These change the surface itself and carry their own strength; a half-transparent one is a ghost."""
