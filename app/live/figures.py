"""The counts of the run, each of them a committed row, and how fast it goes."""

from PySide6.QtWidgets import QGridLayout, QWidget

from app.line_bridge import Figures
from app.theme import palette
from app.widgets import StatTile

NAMES = (
    ("triggered", "Triggered", ""),
    ("yield", "Yield", ""),
    ("passed", "OK", palette.OK),
    ("failed", "NG", palette.NG),
    ("review", "Review", palette.REVIEW),
    ("error", "Error", palette.ERROR),
    ("lost", "Not inspected", palette.LOST),
    ("rate", "Parts / min", ""),
    ("last", "Last cycle", ""),
    ("p95", "95 % within", ""),
)
TIPS = {
    "triggered": "Parts that came by: OK + NG + Review + Error + Not inspected",
    "lost": "Parts that the line could not take: the camera or the detector was busy",
    "rate": "Over the last minute",
    "last": "From the picture's arrival to the verdict",
    "p95": "Cycle time that 95 % of the last 1,000 parts did not exceed",
}


class FigureTiles(QWidget):
    """Ten tiles in two columns."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(palette.SPACE_S)
        self.tiles: dict[str, StatTile] = {}
        for index, (key, name, color) in enumerate(NAMES):
            tile = self.tiles[key] = StatTile(name, color)
            tile.setToolTip(TIPS.get(key, ""))
            grid.addWidget(tile, index // 2, index % 2)
            grid.setColumnStretch(index % 2, 1)
        self.show_figures(Figures())

    def show_figures(self, figures: Figures) -> None:
        """Show the numbers of the run."""
        counts = figures.counts
        texts = {
            "triggered": f"{counts.triggers:,}",
            "passed": f"{counts.passed:,}",
            "failed": f"{counts.failed:,}",
            "review": f"{counts.review:,}",
            "error": f"{counts.error:,}",
            "lost": f"{counts.lost:,}",
            "yield": f"{counts.yield_fraction:.1%}" if counts.triggers else "–",
            "rate": f"{figures.parts_per_minute:,.0f}" if figures.parts_per_minute else "–",
            "last": "–" if figures.last_ms is None else milliseconds(figures.last_ms),
            "p95": milliseconds(figures.p95_ms) if figures.p95_ms else "–",
        }
        for key, text in texts.items():
            self.tiles[key].set_value(text)


def milliseconds(value: float) -> str:
    """A time as an operator reads it: `84 ms`, `1.2 s`."""
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"
