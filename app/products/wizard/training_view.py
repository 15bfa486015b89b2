"""How a training goes, to look at: loss curves, and what the network makes of a few parts."""

import math
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.theme import font, palette
from app.widgets import label, plot_widget
from app.widgets.rasters import to_qimage
from inspector_core.errors import ImageError
from inspector_core.images import read_rgb

ROWS = (
    "Part with a drawn defect",
    "What the network rebuilds",
    "Where it sees a difference",
)
MOST_POINTS = 2000
ROOMY = 64
"""Pixels of a decade that three labels fit into."""


class LossAxis(pg.AxisItem):  # type: ignore[misc]
    """Labels 1, 2 and 5 of each decade of a logarithmic axis, or 1 alone where these would touch."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        steps = (1, 2, 5) if size >= ROOMY * (high - low) else (1,)
        decades = range(math.floor(low), math.ceil(high) + 1)
        places = [decade + math.log10(step) for decade in decades for step in steps]
        return [(1.0, [place for place in places if low <= place <= high])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [f"{10**value:.3g}" for value in values]


class LossChart(QWidget):
    """Both losses over the steps, on a logarithmic scale; no room is left for the word "step" below it."""

    CURVES = {
        "noise": ("reconstruction", palette.ACCENT),
        "mask": ("defect map", palette.REVIEW),
    }

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: dict[str, list[tuple[int, float]]] = {name: [] for name in self.CURVES}
        self.plot = plot_widget()
        axis = LossAxis("left")
        axis.setPen(palette.LINE)
        axis.setTextPen(palette.MUTED)
        self.plot.setAxisItems({"left": axis})
        self.plot.setLogMode(y=True)
        self.plot.setMouseEnabled(False, False)
        self.plot.setToolTip("Losses over the steps of the training")
        self._curves = {
            name: self.plot.plot(pen=pg.mkPen(color, width=2)) for name, (_, color) in self.CURVES.items()
        }
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        legend = QHBoxLayout()
        legend.addWidget(label("Loss", "section"))
        legend.addSpacing(palette.SPACE_S)
        for title, color in self.CURVES.values():
            name = label(f"━ {title}")
            name.setStyleSheet(f"color: {color};")
            legend.addWidget(name)
        legend.addStretch(1)
        layout.addLayout(legend)
        layout.addWidget(self.plot, 1)
        self.setMinimumHeight(120)

    def __len__(self) -> int:
        return len(self._points["noise"])

    def add(self, step: int, losses: dict[str, float]) -> None:
        """Add what a report told; a step that was taken back by a resume replaces what came after it."""
        for name, curve in self._curves.items():
            value = losses.get(name, 0.0)
            if value <= 0.0:
                continue
            points = [point for point in self._points[name] if point[0] < step]
            points.append((step, value))
            self._points[name] = points[:: 2 if len(points) > MOST_POINTS else 1]
            xy = np.array(self._points[name], dtype=float)
            curve.setData(xy[:, 0], xy[:, 1], symbol="o" if len(xy) == 1 else None)

    def clear(self) -> None:
        """Forget all."""
        for name, curve in self._curves.items():
            self._points[name] = []
            curve.setData([], [])


class SampleSheet(QWidget):
    """The newest samples: a column a part, and below each other input, reconstruction and map."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cells: list[list[NDArray[np.uint8]]] = []
        self._stamp: tuple[int, int] = (0, 0)
        self.placeholder = "Once training runs, you see here what the network makes of some of your parts."
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(300, 220)

    def sizeHint(self) -> QSize:
        return QSize(640, 520)

    def __len__(self) -> int:
        return len(self._cells)

    def show_file(self, path: Path) -> None:
        """Read the sheet that training wrote, where it is another one than before."""
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp == self._stamp:
                return
            sheet = read_rgb(path)
        except (OSError, ImageError):
            return
        self._stamp = stamp
        side = sheet.shape[1] // 3
        count = sheet.shape[0] // side
        self._cells = [
            [sheet[row * side : (row + 1) * side, column * side : (column + 1) * side] for column in range(3)]
            for row in range(count)
        ]
        self.update()

    def clear(self) -> None:
        """Show the placeholder."""
        self._cells, self._stamp = [], (0, 0)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor(palette.SURFACE))
        if not self._cells:
            painter.setPen(QColor(palette.MUTED))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(40, 0, -40, 0), flags, self.placeholder)
            painter.end()
            return
        caption, gap = 24, 6
        side = min(
            (self.width() - 2 * gap - gap * (len(self._cells) - 1)) / len(self._cells),
            (self.height() - 3 * caption) / 3 - 2,
        )
        left = (self.width() - side * len(self._cells) - gap * (len(self._cells) - 1)) / 2
        top = max(0.0, (self.height() - 3 * (side + caption)) / 2)
        painter.setFont(font(14, bold=True))
        for row, title in enumerate(ROWS):
            at = top + row * (side + caption)
            painter.setPen(QColor(palette.TEXT))
            painter.drawText(
                QRectF(left, at, self.width() - left, caption), Qt.AlignmentFlag.AlignVCenter, title
            )
            for column, cells in enumerate(self._cells):
                box = QRectF(left + column * (side + gap), at + caption, side, side)
                painter.drawImage(box, to_qimage(cells[row]))
        painter.end()
