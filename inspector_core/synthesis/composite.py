"""Normal images in, anomalous images and their labels out (Eq. 12 of DiffusionAD)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inspector_core.synthesis.appearance import ALTERING, APPEARANCES, CELLS, Material, smooth
from inspector_core.synthesis.config import Shape, Source, SynthesisConfig
from inspector_core.synthesis.draws import Draws
from inspector_core.synthesis.features import feature_points
from inspector_core.synthesis.perlin import perlin_masks
from inspector_core.synthesis.shapes import DRAWN, NUMBERS
from inspector_core.synthesis.textures import texture_bank

PERLIN_TRIES = 4
"""Empty Perlin masks are drawn anew, with new scales, this often; then a spot takes their place."""
CENTRES = 64
"""Foreground points kept of each normal image, to place drawn shapes on."""


class Synthesizer:
    """Makes anomalies of a fixed set of normal images, on their device.

    Args:
        normals: uint8 [N, 3, H, W]; H and W multiples of 8.
        foreground: bool [N, 1, H, W]; labels lie within it, and a faint rim of at most three pixels
            around them. An image with an empty foreground may have anomalies anywhere.
        config: shares, limits, opacity.
        textures: uint8 [K, 3, H, W] to use in place of the procedural ones.
    """

    def __init__(
        self, normals: Tensor, foreground: Tensor, config: SynthesisConfig, textures: Tensor | None = None
    ) -> None:
        if normals.dtype != torch.uint8 or normals.shape[2] % CELLS or normals.shape[3] % CELLS:
            raise ValueError(f"normals must be uint8 [N, 3, H, W] with H, W multiples of {CELLS}")
        self.config = config
        self.size: tuple[int, int] = (normals.shape[2], normals.shape[3])
        empty = ~foreground.flatten(1).any(1)
        self._foreground = foreground.to(normals.device) | empty.to(normals.device)[:, None, None, None]
        self._centres = _foreground_points(self._foreground)
        self._features = feature_points(normals, self._foreground)
        if textures is None:
            textures = texture_bank(config.texture_count, self.size, config.texture_seed)
        if _is_grey(normals):
            # No anomaly may betray itself by colour; and one channel costs a third of three.
            normals, textures = normals[:, :1].contiguous(), textures.float().mean(1, keepdim=True).byte()
        self._material = Material(normals, textures.to(normals.device))
        self._shapes: list[Shape] = [shape for shape, share in config.shapes.items() if share > 0]
        self._shape_shares = torch.tensor([config.shapes[shape] for shape in self._shapes])
        self._sources: list[Source] = list(config.sources)
        self._source_shares = torch.tensor(
            [[config.source_shares(shape)[source] for source in self._sources] for shape in self._shapes]
        )

    def sample(self, indices: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """One anomalous version of each of the normals at `indices` [B].

        Returns:
            The image float32 [B, 3, H, W] in 0..1 (whole 8-bit steps, as a camera gives), and the
            mask float32 {0, 1} [B, 1, H, W], never empty. Equal inputs and generator state give
            equal outputs.
        """
        device = self._material.normals.device
        draws = Draws(generator, device)
        indices = indices.to(device)
        normal = self._material.normals[indices].float().div_(255)
        shapes = draws.choices(self._shape_shares.expand(len(indices), -1))
        sources = draws.choices(self._source_shares[shapes])
        soft = self._soft_masks(indices, [self._shapes[shape] for shape in shapes], draws)
        anomaly = self._appearances(normal, soft, [self._sources[source] for source in sources], draws)
        beta = self._opacities([self._sources[source] for source in sources], draws)
        image = blend(normal, anomaly, soft, beta)
        label = changed_label(image, normal, soft, self.config.min_change)
        image, label = _ensure_label(image, label, normal, soft, self.config.min_area)
        return image.expand(-1, 3, -1, -1).contiguous(), label

    @property
    def grey(self) -> bool:
        """Whether the three channels of every normal are equal, so that no anomaly may have a colour."""
        return self._material.normals.shape[1] == 1

    def normals(self, indices: Tensor) -> Tensor:
        """The normals at `indices` [B]: float32 [B, 3, H, W] in 0..1."""
        chosen = self._material.normals[indices.to(self._material.normals.device)]
        return chosen.float().div_(255).expand(-1, 3, -1, -1)

    def masks(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        """A shape on the foreground of each of the normals at `indices`: {0, 1} [B, 1, H, W], never empty."""
        draws = Draws(generator, self._material.normals.device)
        shapes = draws.choices(self._shape_shares.expand(len(indices), -1))
        soft = self._soft_masks(
            indices.to(self._material.normals.device), [self._shapes[shape] for shape in shapes], draws
        )
        return (soft > 0.5).float()

    def _soft_masks(self, indices: Tensor, shapes: list[Shape], draws: Draws) -> Tensor:
        """Masks [B, 1, H, W] in 0..1 within the foreground, each with pixels above 0.5."""
        inside = self._foreground[indices].float()
        masks = self._drawn_masks(indices, shapes, draws).to(inside.device) * inside
        windows = masks.clone()
        rows = torch.tensor([shape == "perlin" for shape in shapes]).nonzero().flatten().to(inside.device)
        for _ in range(PERLIN_TRIES):
            if len(rows):
                noise = perlin_masks(
                    len(rows), self.size, draws, inside.device, threshold=self.config.perlin_threshold
                )
                masks[rows] = noise * windows[rows]
                rows = rows[_area(masks[rows]) < self.config.min_area]
        bare = (_area(masks) < self.config.min_area).nonzero().flatten()
        if len(bare):
            spare = self._drawn_masks(indices[bare], ["spots"] * len(bare), draws).to(inside.device)
            within = spare * inside[bare]
            # A foreground of a few stray pixels can't hold a spot: then it may lie beside it.
            fits = (_area(within) >= self.config.min_area)[:, None, None, None]
            masks[bare] = torch.where(fits, within, spare)
        return feather(masks)

    def _drawn_masks(self, indices: Tensor, shapes: list[Shape], draws: Draws) -> Tensor:
        """Hand-drawn shapes [B, 1, H, W] on the CPU; for Perlin, the window that noise is kept in."""
        numbers = draws.uniform(len(shapes), NUMBERS + 2).cpu().double().numpy()
        masks = np.ones((len(shapes), 1, *self.size), np.float32)
        for row, (shape, index) in enumerate(zip(shapes, indices.tolist(), strict=True)):
            if shape != "perlin" or numbers[row, 1] < self.config.perlin_local:
                points = self._features if shape == "feature" else self._centres
                centre = points[index, int(numbers[row, 0] * points.shape[1])].tolist()
                masks[row, 0] = DRAWN[shape](centre, self.size, numbers[row, 2:])
        return torch.from_numpy(masks)

    def _appearances(self, normal: Tensor, soft: Tensor, sources: list[Source], draws: Draws) -> Tensor:
        """The source A of each image; images that share a kind are made in one go."""
        anomaly = torch.empty_like(normal)
        for kind in self._sources:
            rows = [row for row, source in enumerate(sources) if source == kind]
            if rows:
                anomaly[rows] = APPEARANCES[kind](normal[rows], soft[rows], self._material, draws)
        return anomaly

    def _opacities(self, sources: list[Source], draws: Draws) -> Tensor:
        low, high = self.config.opacity
        beta = draws.per_image(len(sources), low, high)
        pasted = torch.tensor([source not in ALTERING for source in sources], device=beta.device)
        return beta * pasted[:, None, None, None]


def blend(normal: Tensor, anomaly: Tensor, soft: Tensor, beta: Tensor) -> Tensor:
    """Eq. 12: β(M⊙N) + (1-β)(M⊙A) + (1-M)⊙N, with a soft M, in whole 8-bit steps; 0..1."""
    image = normal + soft * (1 - beta) * (anomaly - normal)
    return image.mul_(255).round_().clamp_(0, 255).div_(255)


def feather(mask: Tensor) -> Tensor:
    """A softer edge outwards only, at most 0.5: a hairline keeps its contrast, the label its shape."""
    return torch.maximum(mask, smooth(mask, 2).mul_(0.5))


def changed_label(image: Tensor, normal: Tensor, soft: Tensor, min_change: float) -> Tensor:
    """Label {0, 1} [B, 1, H, W]: soft mask above 0.5 where the image differs by `min_change`.

    The difference is judged over the masked pixels of the neighbourhood: that keeps thin shapes
    undiluted and a shape in one piece where single pixels happen to agree.
    """
    mask = (soft > 0.5).float()
    excess = (image - normal).abs_().mean(1, keepdim=True).sub_(min_change).mul_(mask)
    return mask * (smooth(excess, max(2, min(mask.shape[2:]) // 64)) > 0)


def _ensure_label(
    image: Tensor, label: Tensor, normal: Tensor, soft: Tensor, min_area: int
) -> tuple[Tensor, Tensor]:
    """Where the anomaly came out invisible, push the tone under the mask and label the whole mask."""
    bare = (label.sum((1, 2, 3)) < min_area).nonzero().flatten()
    if len(bare):
        away = torch.where(normal[bare].mean(1, keepdim=True) < 0.5, 0.3, -0.3)
        opaque = torch.zeros_like(away[:, :, :1, :1])
        image[bare] = blend(normal[bare], normal[bare] + away, soft[bare], opaque)
        label[bare] = (soft[bare] > 0.5).float()
    return image, label


def _area(soft: Tensor) -> Tensor:
    return (soft > 0.5).sum((1, 2, 3))


def _foreground_points(foreground: Tensor) -> NDArray[np.int64]:
    """`CENTRES` foreground points (x, y) of each image, fixed: int64 [N, CENTRES, 2]."""
    rng = np.random.default_rng(0)
    points = np.zeros((len(foreground), CENTRES, 2), np.int64)
    for row, mask in enumerate(foreground[:, 0].cpu().numpy()):
        inside = np.flatnonzero(mask)
        chosen = inside[rng.integers(0, len(inside), CENTRES)]
        points[row] = np.stack([chosen % mask.shape[1], chosen // mask.shape[1]], 1)
    return points


def _is_grey(images: Tensor) -> bool:
    """Whether the three channels are equal throughout."""
    return torch.equal(images[:, 0], images[:, 1]) and torch.equal(images[:, 0], images[:, 2])
