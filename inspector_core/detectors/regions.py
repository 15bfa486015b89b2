"""Which places of a part share one distribution of features.

A part that is looked at whole has one for each place. One that is looked at in tiles has about as many,
spread over all tiles: each is of a square block of a tile's places. What is usual at the rim of a bore is not
usual on the face beside it, though both lie in the middle of their tiles.
"""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Regions:
    """The regions of a part: those of the first tile row by row, then those of the next.

    Args:
        grid: places a side G of a tile, P = G² in all.
        rows, columns: of tiles, T in all; 1 and 1 for a part that is looked at whole.
    """

    grid: int
    rows: int = 1
    columns: int = 1

    @property
    def tiles(self) -> int:
        """T."""
        return self.rows * self.columns

    @property
    def across(self) -> int:
        """Blocks a side b of a tile: as many as divide its grid and make no more than P in all."""
        sides = (b for b in range(self.grid, 0, -1) if self.grid % b == 0)
        return next((b for b in sides if self.tiles * b**2 <= self.grid**2), 1)

    @property
    def of_tile(self) -> int:
        """Regions of a tile, b²."""
        return self.across**2

    @property
    def count(self) -> int:
        """Regions of the part, R = T·b²."""
        return self.tiles * self.of_tile

    @property
    def places(self) -> int:
        """Places of a region, g²."""
        return self.grid**2 // self.of_tile

    def split(self, places: Tensor) -> Tensor:
        """What lies at the places of tiles, [B, P, D], by region: [B, b², g², D]."""
        b, g = self.across, self.grid // self.across
        blocks = places.view(len(places), b, g, b, g, -1).transpose(2, 3)
        return blocks.reshape(len(places), b * b, g * g, -1)

    def join(self, regions: Tensor) -> Tensor:
        """A number for each place by region, [B, b², g²], as maps [B, 1, G, G]."""
        b, g = self.across, self.grid // self.across
        blocks = regions.view(len(regions), b, b, g, g).transpose(2, 3)
        return blocks.reshape(len(regions), 1, self.grid, self.grid)

    def to_map(self, values: Tensor) -> Tensor:
        """X numbers of each region, [R, X], as they lie on the part: [X, 1, rows·b, columns·b]."""
        b = self.across
        laid = values.view(self.rows, self.columns, b, b, -1).permute(4, 0, 2, 1, 3)
        return laid.reshape(-1, 1, self.rows * b, self.columns * b)

    def from_map(self, laid: Tensor) -> Tensor:
        """`to_map` undone."""
        b = self.across
        values = laid.reshape(-1, self.rows, b, self.columns, b).permute(1, 3, 2, 4, 0)
        return values.reshape(self.count, -1)
