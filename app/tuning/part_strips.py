"""The parts that matter for a threshold, as thumbnails."""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from app.background import Background
from app.theme import palette
from app.widgets import ThumbnailStrip, thumbnail
from inspector_core.inspection.verdict import Inspection

CHANGED, WORST_GOOD, BEST_BAD = "Would change", "Highest good", "Lowest defective"
MOST = 16
"""Thumbnails of a strip."""
KEPT = 256

Loaded = tuple[Inspection, NDArray[np.uint8] | None]


class PartStrips(QTabWidget):
    """Three strips, read in a thread.

    Signals:
        chosen(id): a part was clicked.
    """

    chosen = Signal(object)

    def __init__(self, load: Callable[[int], Loaded], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._load = load
        self._background = Background(self)
        self._jobs: dict[str, int] = {}
        self._kept: OrderedDict[int, Loaded] = OrderedDict()
        self.strips: dict[str, ThumbnailStrip] = {}
        for name, placeholder in (
            (CHANGED, "No part would get another verdict"),
            (WORST_GOOD, "No good part in this period"),
            (BEST_BAD, "No rejected part in this period"),
        ):
            strip = ThumbnailStrip(MOST, placeholder)
            strip.chosen.connect(self.chosen)
            self.strips[name] = strip
            holder = QWidget()
            row = QVBoxLayout(holder)
            row.setContentsMargins(palette.SPACE_S, palette.SPACE_S, palette.SPACE_S, 0)
            row.addWidget(strip)
            self.addTab(holder, name)

    def show_parts(self, name: str, rows: Sequence[int], total: int | None = None) -> None:
        """Show the parts of these row numbers, as many as there is room for, first at the left."""
        tab = list(self.strips).index(name)
        self.setTabText(tab, name if total is None else f"{name}: {total:,}")
        rows = [int(row) for row in rows[:MOST]]
        if name in self._jobs:
            self._background.forget(self._jobs[name])
        known = {row: self._kept[row] for row in rows if row in self._kept}
        if len(known) == len(rows):
            self._fill(name, [known[row] for row in rows])
            return

        def read() -> list[Loaded]:
            return [known[row] if row in known else self._load(row) for row in rows]

        self._jobs[name] = self._background.run(read, lambda parts: self._read(name, parts))

    def forget(self) -> None:
        """The parts may have changed: read them again."""
        self._kept.clear()

    def _read(self, name: str, parts: list[Loaded]) -> None:
        for part in parts:
            self._kept[part[0].id] = part
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self._fill(name, parts)

    def _fill(self, name: str, parts: list[Loaded]) -> None:
        self.strips[name].set_items(
            [
                thumbnail(part.id, image, part.verdict, f"#{part.part}  {part.score:.4f}")
                for part, image in parts
            ]
        )
