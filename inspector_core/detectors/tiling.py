"""Cutting a large image into a grid of overlapping tiles; the detector sees each as a whole image."""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Pixel = TypeVar("Pixel", bound=np.generic)


class Window(NamedTuple):
    """Rows `top` to `bottom` and columns `left` to `right` of an image, the latter ones excluded."""

    top: int
    bottom: int
    left: int
    right: int

    def of(self, image: NDArray[Pixel]) -> NDArray[Pixel]:
        """This part of an image or mask [H, W, ...], as a view."""
        return image[self.top : self.bottom, self.left : self.right]


class Tiling(BaseModel):
    """A grid of equal tiles.

    Attributes:
        overlap: of neighbouring tiles, as a share of a tile's side: a defect on a seam is whole in one of
            them where it is smaller than that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = Field(default=1, ge=1, le=32)
    columns: int = Field(default=1, ge=1, le=32)
    overlap: float = Field(default=0.1, ge=0, le=0.5)

    @property
    def count(self) -> int:
        return self.rows * self.columns

    def windows(self, height: int, width: int) -> list[Window]:
        """The tiles of an image, row by row; together they cover each pixel.

        Raises:
            ValueError: the image has fewer pixels than the grid has tiles.
        """
        if height < self.rows or width < self.columns:
            raise ValueError(f"an image of {width} x {height} pixels can't be cut into {self}")
        tall, wide = _spans(height, self.rows, self.overlap), _spans(width, self.columns, self.overlap)
        return [Window(*rows, *columns) for rows in tall for columns in wide]

    def __str__(self) -> str:
        overlap = "" if self.overlap == Tiling().overlap else f" that overlap by {self.overlap:.0%}"
        return f"{self.rows} x {self.columns} tiles{overlap}"


def blend(
    parts: list[NDArray[np.float32]], windows: list[Window], height: int, width: int
) -> NDArray[np.float32]:
    """One field [height, width, ...] of the tiles' own, without seams: where tiles overlap, each one's weight
    falls linearly towards its edge."""
    whole = np.zeros((height, width, *parts[0].shape[2:]), np.float32)
    total = np.zeros((height, width) + (1,) * (parts[0].ndim - 2), np.float32)
    for part, w in zip(parts, windows, strict=True):
        weight = np.outer(_hat(w.bottom - w.top), _hat(w.right - w.left)).astype(np.float32)
        weight = weight.reshape(*weight.shape, *(1,) * (part.ndim - 2))
        whole[w.top : w.bottom, w.left : w.right] += part * weight
        total[w.top : w.bottom, w.left : w.right] += weight
    return np.asarray(whole / total, np.float32)


def _spans(length: int, count: int, overlap: float) -> list[tuple[int, int]]:
    """`count` stretches of equal length that overlap by a share of it and cover 0 to `length`."""
    side = min(length, int(np.ceil(length / (count - (count - 1) * overlap))))
    starts = np.linspace(0, length - side, count).round().astype(int)
    return [(int(start), int(start) + side) for start in starts]


def _hat(side: int) -> NDArray[np.float64]:
    at = np.arange(side) + 0.5
    return np.asarray(np.minimum(at, side - at))
