"""Pixel scores of a test set by defect type: exact while they fit into memory, in fine bins beyond."""

from typing import TypeVar

from inspector_core.evaluation.exact_tally import ExactTally
from inspector_core.evaluation.pixel_figures import PixelFigures
from inspector_core.evaluation.pixel_tally import PixelTally, Regions, UnitMap

EXACT_PIXELS = 64_000_000
"""About 980 images at 256 x 256, or 240 at 512 x 512, and 1 GB at the most while they are measured."""


T = TypeVar("T")


class PixelScores:
    """Takes one image after the other and measures any set of kinds together.

    Args:
        exact_up_to: pixels in all; one more, and everything is counted into bins, whose memory does not grow.
    """

    def __init__(self, exact_up_to: int = EXACT_PIXELS) -> None:
        self._room = exact_up_to
        self._exact: dict[str, ExactTally] | None = {}
        self._binned: dict[str, PixelTally] = {}

    @property
    def exact(self) -> bool:
        """Whether every score is still held as it is."""
        return self._exact is not None

    def add(self, kind: str, anomaly_map: UnitMap, regions: Regions | None = None) -> None:
        """Add one image of a kind; as `PixelTally.add`.

        Raises:
            ValueError: a score is NaN or lies outside 0..1.
        """
        if not (anomaly_map.min() >= 0 and anomaly_map.max() <= 1):
            raise ValueError("an anomaly map must lie within 0..1")
        self._room -= anomaly_map.size
        if self._exact is not None and self._room < 0:
            self._binned = {name: PixelTally.of(tally) for name, tally in self._exact.items()}
            self._exact = None
        if self._exact is not None:
            self._exact.setdefault(kind, ExactTally()).add(anomaly_map, regions)
        else:
            self._binned.setdefault(kind, PixelTally()).add(anomaly_map, regions)

    def measure(self, *kinds: str) -> PixelFigures:
        """The figures over the images of these kinds, of all kinds where none is named."""
        if self._exact is not None:
            return sum(_chosen(self._exact, kinds), start=ExactTally()).measure()
        return sum(_chosen(self._binned, kinds), start=PixelTally()).measure()


def _chosen(tallies: dict[str, T], kinds: tuple[str, ...]) -> list[T]:
    return [tally for name, tally in tallies.items() if not kinds or name in kinds]
