"""The normal distributions of regions over parts, also as they would be without some of the parts."""

import torch
import torch.nn.functional as F
from torch import Tensor

from inspector_core.detectors.regions import Regions

FLOOR = 1e-3
"""Least variance of a direction; each feature has variance 1 over all normal places."""
LIKE_ALL = 1 / 8
"""Parts, for each direction, that a region is thought to have been seen in and that vary as all do."""
LIKE_NEAR = 20
"""Parts that a region is thought to have been seen in and that vary as the regions near it do."""
NEAR = 5
"""Side, in regions, of the square that is near."""
COLUMNS = 512
"""Entries of all regions' covariances that are drawn together at a time."""


class Moments:
    """Sums over parts of the vectors that describe their places, and of the vectors' outer products.

    Args:
        regions: of a part.
        like: of the shape [R, D] and on the device.
        dtype: of the product, by far the larger sum.

    Attributes:
        images: parts, or tiles of parts, that were added.
        total: float64 [R, D].
        product: [R, D, D].
    """

    def __init__(self, regions: Regions, like: Tensor, dtype: torch.dtype) -> None:
        self.regions = regions
        self.images = 0
        self.total = torch.zeros_like(like, dtype=torch.float64)
        self.product = like.new_zeros((*like.shape, like.shape[1]), dtype=dtype)

    @property
    def parts(self) -> float:
        """How many were added."""
        return self.images / self.regions.tiles

    def add(self, vectors: Tensor, tiles: Tensor) -> None:
        """Count in further parts or tiles of parts.

        Args:
            vectors: [B, P, D].
            tiles: which tile each is, int64 [B].
        """
        self.images += len(vectors)
        size = self.regions.of_tile
        for tile in sorted(set(tiles.tolist())):
            here = slice(tile * size, (tile + 1) * size)
            by_region = self.regions.split(vectors[tiles == tile]).transpose(0, 1).flatten(1, 2)
            self.total[here] += by_region.sum(1)
            self.product[here] += by_region.transpose(1, 2) @ by_region

    def join(self, other: "Moments") -> None:
        """Count in what another one counts."""
        self.images += other.images
        self.total += other.total
        self.product += other.product

    def distribution(self, left_out: "Moments | None" = None) -> tuple[Tensor, Tensor]:
        """Mean [R, D] and covariance [R, D, D] of each region, float64.

        The covariance of a region is drawn towards those of the regions near it, and of all regions: with few
        parts it can't be known for each region alone. Places of one region look alike, and count as one.

        Args:
            left_out: parts that are among these and are to play no part in it.
        """
        parts, total, covariance = self.parts, self.total, self.product.double().clone()
        if left_out is not None:
            parts, total = parts - left_out.parts, total - left_out.total
            covariance -= left_out.product
        seen = parts * self.regions.places
        mean = total / seen
        covariance /= seen
        covariance.baddbmm_(mean[:, :, None], mean[:, None, :], alpha=-1)
        r, d = mean.shape
        _draw_together(covariance.view(r, d * d), self.regions, parts, LIKE_ALL * d)
        covariance += FLOOR * torch.eye(d, dtype=torch.float64, device=mean.device)
        return mean, covariance


def _draw_together(covariance: Tensor, regions: Regions, parts: float, alike: float) -> None:
    """Draw the covariances of single regions, [R, D * D], to those near them and to all, in place."""
    for columns in torch.split(covariance, COLUMNS, dim=1):
        on_part = regions.to_map(columns)
        near = F.avg_pool2d(on_part, NEAR, stride=1, padding=NEAR // 2, count_include_pad=False)
        drawn = LIKE_NEAR * regions.from_map(near) + alike * columns.mean(0)
        columns.copy_((parts * columns + drawn) / (parts + LIKE_NEAR + alike))
