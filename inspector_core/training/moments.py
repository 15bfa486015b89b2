"""The normal distributions of places over parts, also as they would be without some of the parts."""

import torch
import torch.nn.functional as F
from torch import Tensor

FLOOR = 1e-3
"""Least variance of a direction; each feature has variance 1 over all normal places."""
LIKE_ALL = 1 / 8
"""Parts, for each direction, that a place is thought to have been seen in and that vary as all places do."""
LIKE_NEAR = 20
"""Parts that a place is thought to have been seen in and that vary as the places near it do."""
NEAR = 5
"""Side, in places, of the square that is near."""
COLUMNS = 512
"""Entries of all places' covariances that are drawn together at a time."""


class Moments:
    """Sums over parts of the vectors that describe their places, and of the vectors' outer products.

    Args:
        like: of the shape [P, D] and on the device.
        dtype: of the product, by far the larger sum.

    Attributes:
        parts: how many were added.
        total: float64 [P, D].
        product: [P, D, D].
    """

    def __init__(self, like: Tensor, dtype: torch.dtype) -> None:
        self.parts = 0
        self.total = torch.zeros_like(like, dtype=torch.float64)
        self.product = like.new_zeros((*like.shape, like.shape[1]), dtype=dtype)

    def add(self, vectors: Tensor) -> None:
        """Count in further parts, [B, P, D]."""
        self.parts += len(vectors)
        self.total += vectors.sum(0)
        self.product += torch.einsum("bpc,bpd->pcd", vectors, vectors)

    def join(self, other: "Moments") -> None:
        """Count in what another one counts."""
        self.parts += other.parts
        self.total += other.total
        self.product += other.product

    def distribution(self, left_out: "Moments | None" = None) -> tuple[Tensor, Tensor]:
        """Mean [P, D] and covariance [P, D, D] of each place, float64, the places being P = G² of a square.

        The covariance of a place is drawn towards those of the places near it, and of all places: with few
        parts it can't be known for each place alone.

        Args:
            left_out: parts that are among these and are to play no part in it.
        """
        parts, total, covariance = self.parts, self.total, self.product.double().clone()
        if left_out is not None:
            parts, total = parts - left_out.parts, total - left_out.total
            covariance -= left_out.product
        mean = total / parts
        covariance /= parts
        covariance.baddbmm_(mean[:, :, None], mean[:, None, :], alpha=-1)
        p, d = mean.shape
        _draw_together(covariance.view(p, d * d), parts, LIKE_ALL * d)
        covariance += FLOOR * torch.eye(d, dtype=torch.float64, device=mean.device)
        return mean, covariance


def _draw_together(covariance: Tensor, parts: int, alike: float) -> None:
    """Draw the covariances of single places, [P, D * D], to those near them and to all, in place."""
    side = round(len(covariance) ** 0.5)
    for columns in torch.split(covariance, COLUMNS, dim=1):
        grid = columns.T.view(-1, 1, side, side)
        near = F.avg_pool2d(grid, NEAR, stride=1, padding=NEAR // 2, count_include_pad=False)
        drawn = LIKE_NEAR * near.flatten(1).T + alike * columns.mean(0)
        columns.copy_((parts * columns + drawn) / (parts + LIKE_NEAR + alike))
