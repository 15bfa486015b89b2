"""How unlikely each place of an image is among normal parts, given what surrounds it.

The segmentation learns from synthetic anomalies alone, and passes over a defect that none of them resembles.
The oriented energies of a place say more: over normal parts they are about normally distributed, at each
place in its own way (PaDiM, arXiv 2011.08785, which takes features of a network trained on photographs).
Much of what varies there varies together over a whole neighbourhood: the light, the exposure, the lay of the
surface. So each place is judged by its distribution *given* the mean of the ring around it and of the whole
image, which is a normal one again in closed form. Its squared Mahalanobis distance is, up to a constant, the
negative log likelihood of the place.
"""

from typing import Any

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from inspector_core.detectors.oriented_energy import STRIDE, OrientedEnergy
from inspector_core.detectors.regions import Regions

RING, HOLE = 15, 5
"""Sides, in places, of the square around a place whose mean is known, and of the hole in its middle."""
SLACK = 1e-3
"""Robust standard deviations that rounding can't make up for."""
TOP_PLACES = 8
"""Places averaged into the distance of an image, at 32 x 32 places; other grids scale it by area."""
BELIEVED = 4.0
"""Robust standard deviations beyond which a distance counts by its logarithm only."""
ASKED_WITHIN = 2.0
"""Robust standard deviations around the alarm over which the segmentation comes to be asked."""
SEGMENTED = (-2.0, 8.0)
"""Robust standard deviations that the segmentation can take from a suspicious place or add to it."""
SURE = (2.0, 6.0)
"""Robust standard deviations of its strongest pixel over which the segmentation comes to draw the outline."""
TAKEN = 4.0
"""Robust standard deviations that it then takes from a pixel where it finds nothing."""
TRUSTED = (0.9, 0.98)
"""Pixel AUROC of the segmentation alone on drawn anomalies, over which it earns trust."""
NEARBY = 13
"""Side, in places, of the square in which its strongest pixel is looked for."""
LEAST_SCALE = 0.02
"""A feature that varies less over all normal places counts as varying so much."""
CHUNK = 64
"""Regions whose covariances are inverted at a time."""


class EvidenceConfig(BaseModel):
    """What is kept of the features.

    Attributes:
        channels, context: directions that a place and its surroundings are projected on.
        seed: of the projections.
        colour: whether colour is looked at; training switches it off for products without any.
        tiles: rows and columns of tiles that parts are looked at in, each of the detector's size.
        alarm: robust standard deviations above the median normal part at which the probability is one half.
        softness: robust standard deviations to one unit of the logit.
        earned: whether the segmentation's say is as great as its trust; models from before that give it all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: PositiveInt = 64
    context: PositiveInt = 64
    seed: int = 0
    colour: bool = True
    tiles: tuple[PositiveInt, PositiveInt] = (1, 1)
    alarm: float = Field(default=4.0, ge=0)
    softness: PositiveFloat = 2.0
    earned: bool = False


class FeatureEvidence(nn.Module):
    """A normal distribution of each region's features given its surroundings, over a grid of places.

    A region is a place, or a block of places where parts are looked at in tiles (`Regions`). Places are
    described by vectors of K + C numbers: K of the surroundings, then C of the place itself. With L the
    Cholesky factor of their covariance, the last C rows of L⁻¹ whiten what the surroundings do not explain.

    Args:
        config: see there.
        size: side S of the detector's input; the grid has G = S/8 places a side, P = G² in all.
    """

    center: Tensor
    scale: Tensor
    of_place: Tensor
    of_context: Tensor
    mean: Tensor
    known: Tensor
    factor: Tensor
    location: Tensor
    spread: Tensor
    trust: Tensor
    pixels_of_places: Tensor

    def __init__(self, config: EvidenceConfig, size: int) -> None:
        super().__init__()
        self.config = config
        self.grid = size // STRIDE
        self.regions = Regions(self.grid, *config.tiles)
        self.energy = OrientedEnergy(config.colour)
        width = self.energy.width
        self.channels = c = min(config.channels, width)
        self.context = k = min(config.context, 2 * width)
        regions = self.regions.count
        self._dense: tuple[tuple[int, ...], Tensor, bool] | None = None
        self.register_buffer("center", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.register_buffer("of_place", _projection(width, c, config.seed))
        self.register_buffer("of_context", _projection(2 * width, k, config.seed + 1))
        self.register_buffer("mean", torch.zeros(regions, k + c))
        self.register_buffer("known", torch.zeros(regions, c, k))
        self.register_buffer("factor", torch.zeros(regions, c * (c + 1) // 2))
        self.register_buffer("location", torch.zeros(2))
        self.register_buffer("spread", torch.ones(2))
        self.register_buffer("trust", torch.zeros(()))
        places = torch.eye(self.grid)[None, None]
        spread_out = F.interpolate(places, (self.grid * STRIDE, self.grid), mode="bilinear")[0, 0]
        self.register_buffer("pixels_of_places", spread_out, persistent=False)  # [S, G]

    @property
    def fitted(self) -> bool:
        """Whether there is anything to compare with; until then the segmentation decides alone."""
        return self._whitener()[1]

    def gather(self, image: Tensor) -> Tensor:
        """Images [B, 3, S, S], 0..1, to smoothed features [B, width, G, G], float32."""
        with torch.autocast(image.device.type, enabled=False):
            return F.avg_pool2d(self.energy(image), 3, stride=1, padding=1)

    def describe(self, image: Tensor) -> Tensor:
        """Images [B, 3, S, S], 0..1, to one vector for each place: [B, P, K + C]."""
        with torch.autocast(image.device.type, enabled=False):
            z = (self.gather(image) - self.center.view(1, -1, 1, 1)) / self.scale.view(1, -1, 1, 1)
            z = z.flatten(2)  # [B, width, P]
            of_whole, of_ring = torch.split(self.of_context.T, z.shape[1], dim=1)  # each [K, width]
            whole = of_whole @ z.mean(2, keepdim=True)  # [B, K, 1]
            # Averaging and projecting commute, and there are fewer directions than features.
            projected = (of_ring @ z).view(z.shape[0], -1, self.grid, self.grid)
            ring = _ring(projected).flatten(2)  # [B, K, P]
            return torch.cat([whole + ring, self.of_place.T @ z], dim=1).transpose(1, 2)

    def distance(self, image: Tensor, tile: Tensor | None = None) -> Tensor:
        """Mahalanobis distance of each place given its surroundings, float32 [B, 1, G, G], not negative.

        Args:
            image: [B, 3, S, S], 0..1.
            tile: which tile of its part each image is, int64 [B]; None, the first, as whole parts are.
        """
        with torch.autocast(image.device.type, enabled=False):
            return self._distance(image, tile)

    def _distance(self, image: Tensor, tile: Tensor | None) -> Tensor:
        vectors = self.describe(image)
        whitener = self._whitener()[0]
        if self.regions.tiles == 1:
            deviation = vectors - self.mean
            whitened = torch.einsum("bpd,pcd->bpc", deviation, whitener)
            return _length(whitened).view(-1, 1, self.grid, self.grid)
        if tile is None:
            tile = torch.zeros(len(image), dtype=torch.int64, device=image.device)
        by_tile = (self.regions.tiles, self.regions.of_tile)
        mean, whitener = (part.view(*by_tile, *part.shape[1:])[tile] for part in (self.mean, whitener))
        deviation = self.regions.split(vectors) - mean[:, :, None]  # [B, b², g², K + C]
        return self.regions.join(_length(deviation @ whitener.transpose(2, 3)))

    def image_distance(self, distance: Tensor) -> Tensor:
        """Mean of the farthest places of each image, [B]."""
        k = max(1, round(TOP_PLACES * self.grid**2 / 32**2))
        return distance.flatten(1).topk(k).values.mean(1)

    def combine(self, logits: Tensor | None, distance: Tensor) -> Tensor:
        """One logit a pixel, float32 [B, 1, S, S]: the features say where to look, the segmentation what is.

        Both are measured in robust standard deviations from the median of normal parts' strongest places. How
        far out a place lies is little known beyond some of these. There the segmentation, which is finer,
        shapes the map as far as it has earned trust; elsewhere a weakly trained one would only add its doubts
        about good parts. Where it is sure of a defect it also draws the outline, for which trust counts once
        more: the features see no finer than their surroundings.

        Args:
            logits: of the segmentation, [B, 1, S, S]; None gives the same to the bit where none count.
            distance: from `distance`, [B, 1, G, G].
        """
        far = self._spread_out((distance - self.location[1]) / self.spread[1])
        # of the two, the logarithm is the smaller one exactly where it shall count
        found = torch.minimum(far, BELIEVED + torch.log1p((far - BELIEVED).clamp_min(0)))
        if logits is not None:
            segmented = self._outlined(((logits - self.location[0]) / self.spread[0]).clamp(*SEGMENTED))
            suspicious = ((far - self.config.alarm) / (2 * ASKED_WITHIN) + 0.5).clamp(0, 1)
            found = found + suspicious * (segmented * self.trust if self.config.earned else segmented)
        return (found - self.config.alarm) / self.config.softness

    def _outlined(self, segmented: Tensor) -> Tensor:
        """Less on pixels that say little near one that is sure, so that a defect ends where it ends."""
        rows = segmented.reshape(-1, 1, self.grid, STRIDE, self.grid * STRIDE).amax(3)
        places = rows.view(-1, 1, self.grid, self.grid, STRIDE).amax(4)  # max_pool2d takes twice as long
        strongest = self._spread_out(F.max_pool2d(places, NEARBY, stride=1, padding=NEARBY // 2))
        low, high = SURE
        sure = self.trust * ((strongest - low) / (high - low)).clamp(0, 1)
        little = segmented - strongest.clamp(max=(low + high) / 2)
        return segmented + sure * little.clamp(-TAKEN, 0)

    def _spread_out(self, places: Tensor) -> Tensor:
        """Bilinearly from places [B, 1, G, G] to pixels [B, 1, S, S]."""
        with torch.autocast(places.device.type, enabled=False):
            return self.pixels_of_places @ places.float() @ self.pixels_of_places.T

    def suspects(self, distance: Tensor) -> bool:
        """Whether what the segmentation says counts; where not, any finite logits give the map of None.

        Args:
            distance: of one image, [1, 1, G, G].
        """
        if self.config.earned and float(self.trust) == 0:
            return False
        farthest = float((distance.max() - self.location[1]) / self.spread[1])
        return farthest > self.config.alarm - ASKED_WITHIN - SLACK

    @torch.no_grad()
    def measure(self, first: Tensor) -> None:
        """Take each feature's mean and deviation from some parts [B, 3, S, S], before any `describe`."""
        sample = self.gather(first)
        self.center.copy_(sample.mean((0, 2, 3)))
        self.scale.copy_(sample.std((0, 2, 3)).clamp_min(LEAST_SCALE))

    @torch.no_grad()
    def set_distribution(self, mean: Tensor, covariance: Tensor) -> None:
        """What `describe` gives in each region over normal parts: float64 [R, D] and [R, D, D], D = K + C."""
        inverted = [_inverse_cholesky(part) for part in torch.split(covariance, CHUNK)]
        whitener = torch.cat(inverted)  # [R, D, D]
        self.mean.copy_(mean)
        self.known.copy_(whitener[:, self.context :, : self.context])
        rows, columns = self._triangle()
        self.factor.copy_(whitener[:, self.context :, self.context :][:, rows, columns])

    def standardise(self, logits: Tensor, distances: Tensor) -> None:
        """Set median and robust deviation of normal parts' image values.

        Args:
            logits: of the segmentation, [N]; it was trained on these parts, and may vary more on others.
            distances: `image_distance` of normal parts that the distributions do not come from, [M].
        """
        for k, values in enumerate((logits, distances)):
            middle = values.median()
            self.location[k] = middle
            self.spread[k] = (1.4826 * (values - middle).abs().median()).clamp_min(1e-3)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *further: Any) -> None:
        """As usual; models from before trust was measured have none."""
        state_dict.setdefault(f"{prefix}trust", torch.zeros(()))
        super()._load_from_state_dict(state_dict, prefix, *further)

    def judge_segmentation(self, pixel_auroc: float) -> None:
        """Trust the segmentation as far as it finds drawn anomalies by itself.

        Args:
            pixel_auroc: on held-out parts.
        """
        low, high = TRUSTED
        self.trust.fill_(min(max((pixel_auroc - low) / (high - low), 0.0), 1.0))

    def _whitener(self) -> tuple[Tensor, bool]:
        """The last C rows of L⁻¹, float32 [R, C, K + C], and whether they are any; kept until they change."""
        parts = (self.known, self.factor)
        key = tuple(value for part in parts for value in (part.data_ptr(), part._version))
        if self._dense is None or self._dense[0] != key:
            own = self.factor.new_zeros((len(self.factor), self.channels, self.channels), dtype=torch.float32)
            rows, columns = self._triangle()
            own[:, rows, columns] = self.factor.float()
            self._dense = key, torch.cat([self.known.float(), own], dim=2), bool(own.any())
        return self._dense[1:]

    def _triangle(self) -> tuple[Tensor, Tensor]:
        rows, columns = torch.tril_indices(self.channels, self.channels, device=self.mean.device)
        return rows, columns


def _length(vectors: Tensor) -> Tensor:
    length: Tensor = vectors.square().sum(-1).sqrt()
    return length


def _ring(z: Tensor) -> Tensor:
    """Mean of the places around each one, without those next to it and those beyond the edge."""
    inside = torch.ones_like(z[:1, :1])
    total, count = (_square_sum(part, RING) - _square_sum(part, HOLE) for part in (z, inside))
    mean: Tensor = total / count.clamp_min(1)
    return mean


def _square_sum(z: Tensor, side: int) -> Tensor:
    """Sum over the square around each place, nothing being beyond the edge; columns, then rows."""
    columns = F.avg_pool2d(z, (side, 1), stride=1, padding=(side // 2, 0))
    return side**2 * F.avg_pool2d(columns, (1, side), stride=1, padding=(0, side // 2))


def _inverse_cholesky(covariance: Tensor) -> Tensor:
    identity = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
    lower = torch.linalg.cholesky(covariance)
    inverse: Tensor = torch.linalg.solve_triangular(lower, identity, upper=False)
    return inverse


def _projection(inputs: int, outputs: int, seed: int) -> Tensor:
    """An orthonormal projection [inputs, outputs], scaled to keep lengths on average."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn((inputs, outputs), generator=generator, device="cpu")
    basis: Tensor = torch.linalg.qr(drawn)[0]
    scaled: Tensor = basis * (inputs / outputs) ** 0.5
    return scaled
