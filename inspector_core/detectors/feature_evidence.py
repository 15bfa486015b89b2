"""How far the networks' own features of an image lie from those of normal parts.

The segmentation learns from synthetic anomalies alone, and passes over a defect that none of them resembles.
Its features, and those of the denoiser, say more: at each place of a registered product they are distributed
about normally, and a defect moves them. The squared Mahalanobis distance is, up to a constant, the negative
log likelihood of the place under that distribution (PaDiM, arXiv 2011.08785; here with features of the
product's own networks, whose worth Baranchuk et al. showed for denoisers, arXiv 2112.03126). They come from
the passes that are made anyway.
"""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

STRIDE = 8
"""Pixels of the image, each way, to one place of the grid."""
TOP_PLACES = 8
"""Places averaged into the distance of an image, at 32 x 32 places; other grids scale it by area."""
UNREACHED = 6e4
"""A distance that none reaches."""
FLOOR = 0.01
"""Least variance of a direction; each feature has variance 1 over all normal places."""


class EvidenceConfig(BaseModel):
    """What is kept of the features.

    Attributes:
        channels: directions that the features are projected on; the file grows with the square.
        seed: of the projection.
        alarm: robust standard deviations above the median normal part at which the probability is one half.
        softness: robust standard deviations to one unit of the logit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: PositiveInt = 96
    seed: int = 0
    alarm: float = Field(default=4.0, ge=0)
    softness: PositiveFloat = 2.0


class FeatureEvidence(nn.Module):
    """A normal distribution of the projected features at each place of a grid.

    Args:
        config: see there.
        size: side S of the detector's input; the grid has G = S/8 places a side.
        inputs: channels of all feature maps together.
    """

    center: Tensor
    scale: Tensor
    projection: Tensor
    mean: Tensor
    factor: Tensor
    location: Tensor
    spread: Tensor

    def __init__(self, config: EvidenceConfig, size: int, inputs: int) -> None:
        super().__init__()
        self.config = config
        self.grid = size // STRIDE
        self.channels = c = min(config.channels, inputs)
        places = self.grid**2
        self._dense: tuple[tuple[int, int], Tensor] | None = None
        self.register_buffer("center", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(inputs))
        self.register_buffer("projection", _projection(inputs, c, config.seed))
        self.register_buffer("mean", torch.zeros(places, c))
        self.register_buffer("factor", torch.zeros(places, c * (c + 1) // 2))
        # Until it is fitted, the segmentation's logit passes as it is.
        self.register_buffer("location", torch.tensor([-config.alarm / config.softness, UNREACHED]))
        self.register_buffer("spread", torch.tensor([1 / config.softness, 1.0]))

    def gather(self, features: Sequence[Tensor]) -> Tensor:
        """Feature maps [B, C_i, H_i, W_i] of any resolution to one [B, G*G, sum of C_i], float32."""
        maps = []
        for feature in features:
            if feature.shape[-1] >= self.grid:
                maps.append(F.adaptive_avg_pool2d(feature, self.grid).float())
            else:
                maps.append(F.interpolate(feature.float(), (self.grid, self.grid), mode="bilinear"))
        return F.avg_pool2d(torch.cat(maps, dim=1), 3, stride=1, padding=1).flatten(2).transpose(1, 2)

    def project(self, gathered: Tensor) -> Tensor:
        """[B, G*G, inputs] to [B, G*G, channels]: standardised, then projected."""
        standard: Tensor = (gathered - self.center) / self.scale
        return standard @ self.projection

    def distance(self, features: Sequence[Tensor]) -> Tensor:
        """Mahalanobis distance of each place, float32 [B, 1, G, G], not negative."""
        deviation = self.project(self.gather(features)) - self.mean  # [B, P, C]
        whitened = torch.einsum("bpc,pcd->bpd", deviation, self._unpacked())
        distance: Tensor = whitened.square().sum(-1).sqrt()
        return distance.view(-1, 1, self.grid, self.grid)

    def image_distance(self, distance: Tensor) -> Tensor:
        """Mean of the farthest places of each image, [B]."""
        k = max(1, round(TOP_PLACES * self.grid**2 / 32**2))
        return distance.flatten(1).topk(k).values.mean(1)

    def left_out(self, distance: Tensor, parts: int) -> Tensor:
        """The distance of a part that `fit` saw among `parts`, as if it had not seen it.

        Without the part, the covariance loses a term of rank one (Sherman-Morrison) and the mean moves.
        """
        leverage = (distance.square() / (parts + self.channels)).clamp(max=0.99)
        return distance / (1 - leverage).sqrt() * (parts / max(parts - 1, 1))

    def combine(self, logits: Tensor, distance: Tensor) -> Tensor:
        """One logit a pixel, float32 [B, 1, S, S]: that of the stronger of segmentation and features.

        Both are measured in robust standard deviations from the median of held-out normal parts' strongest
        places, so that neither outweighs the other by its unit.
        """
        spread_out = F.interpolate(distance, logits.shape[2:], mode="bilinear")
        places = (torch.cat([logits, spread_out], 1) - self.location.view(1, 2, 1, 1)) / self.spread.view(
            1, 2, 1, 1
        )
        return (places.amax(1, keepdim=True) - self.config.alarm) / self.config.softness

    @torch.no_grad()
    def fit(self, batches: Iterable[Sequence[Tensor]], first: Sequence[Tensor]) -> None:
        """Estimate the distributions from normal parts.

        The covariance of a place is drawn towards that of all places as if `channels` further parts had been
        seen that vary like these: with few parts it can't be known for each place alone.

        Args:
            batches: feature maps of all parts, batch by batch.
            first: feature maps of some of them, from which each feature's mean and deviation are taken.
        """
        sample = self.gather(first).flatten(0, 1)
        self.center.copy_(sample.mean(0))
        self.scale.copy_(sample.std(0).clamp_min(1e-6))
        p, c = self.mean.shape
        total = torch.zeros((p, c), dtype=torch.float64, device=sample.device)
        product = torch.zeros((p, c, c), dtype=torch.float64, device=sample.device)
        n = 0
        for batch in batches:
            f = self.project(self.gather(batch))
            total += f.sum(0)
            product += torch.einsum("bpc,bpd->pcd", f, f)
            n += len(f)
        mean = total / n
        covariance = product / n - mean[:, :, None] * mean[:, None, :]
        pooled = covariance.mean(0)
        covariance = (n * covariance + c * pooled) / (n + c)
        covariance += FLOOR * torch.eye(c, dtype=torch.float64, device=sample.device)
        factor = torch.linalg.cholesky(torch.linalg.inv(covariance))  # precision = factor @ factor^T
        rows, columns = self._triangle()
        self.mean.copy_(mean)
        self.factor.copy_(factor[:, rows, columns])

    def standardise(self, logits: Tensor, distances: Tensor) -> None:
        """Set median and robust deviation of held-out normal parts' image values, each [N]."""
        for k, values in enumerate((logits, distances)):
            middle = values.median()
            self.location[k] = middle
            self.spread[k] = (1.4826 * (values - middle).abs().median()).clamp_min(1e-3)

    def _unpacked(self) -> Tensor:
        """The Cholesky factors of the precisions, [G*G, C, C]; kept until `factor` changes."""
        key = (self.factor.data_ptr(), self.factor._version)
        if self._dense is None or self._dense[0] != key:
            shape = (len(self.factor), self.channels, self.channels)
            dense = self.factor.new_zeros(shape, dtype=torch.float32)
            rows, columns = self._triangle()
            dense[:, rows, columns] = self.factor.float()
            self._dense = key, dense
        return self._dense[1]

    def _triangle(self) -> tuple[Tensor, Tensor]:
        rows, columns = torch.tril_indices(self.channels, self.channels, device=self.mean.device)
        return rows, columns


def _projection(inputs: int, channels: int, seed: int) -> Tensor:
    """An orthonormal projection [inputs, channels], scaled to keep lengths on average."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn((inputs, channels), generator=generator, device="cpu")
    basis: Tensor = torch.linalg.qr(drawn)[0]
    scaled: Tensor = basis * (inputs / channels) ** 0.5
    return scaled
