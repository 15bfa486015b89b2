"""The scores of the last parts, with the threshold lines."""

from collections import deque

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.theme import font, palette, verdict_style
from app.theme.fonts import SMALL
from inspector_core.inspection.verdict import Verdict


def plot_widget(bottom: str = "", left: str = "", parent: QWidget | None = None) -> pg.PlotWidget:
    """A pyqtgraph plot in the theme's colours, without menus."""
    plot = pg.PlotWidget(parent, background=palette.SURFACE)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.showGrid(x=False, y=True, alpha=0.15)
    for name, text in (("bottom", bottom), ("left", left)):
        axis = plot.getAxis(name)
        axis.enableAutoSIPrefix(False)  # a score of 0.49 is not 490 thousandths
        axis.setPen(palette.LINE)
        axis.setTextPen(palette.MUTED)
        axis.setTickFont(font(SMALL))
        if text:
            axis.setLabel(text, color=palette.MUTED)
    return plot


class TrendChart(QWidget):
    """Score over part number, one mark per part in its verdict's colour and shape."""

    SYMBOLS = {Verdict.PASS: "o", Verdict.FAIL: "x", Verdict.REVIEW: "t1", Verdict.ERROR: "d"}

    def __init__(self, capacity: int = 200, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: deque[tuple[int, float, Verdict]] = deque(maxlen=capacity)
        self._top = 0.0
        self.plot = plot_widget()
        self.plot.setMouseEnabled(False, False)
        self._marks = {verdict: self._mark(verdict) for verdict in Verdict}
        self._fail = pg.InfiniteLine(angle=0, pen=pg.mkPen(palette.NG, width=2))
        self._review = pg.InfiniteLine(
            angle=0, pen=pg.mkPen(palette.REVIEW, width=2, style=pg.QtCore.Qt.PenStyle.DashLine)
        )
        for line in (self._fail, self._review):
            line.hide()
            self.plot.addItem(line)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.setMinimumHeight(110)
        self._scale()

    def _mark(self, verdict: Verdict) -> pg.ScatterPlotItem:
        color = verdict_style(verdict).color
        size = 5 if verdict is Verdict.PASS else 10
        item = pg.ScatterPlotItem(
            size=size,
            symbol=self.SYMBOLS[verdict],
            brush=pg.mkBrush(color),
            pen=pg.mkPen(color),
            name=verdict.shown,
        )
        self.plot.addItem(item)
        return item

    def __len__(self) -> int:
        return len(self._points)

    def set_thresholds(self, fail: float | None, review: float | None = None) -> None:
        """Draw the FAIL line and, where given, the REVIEW line."""
        for line, value in ((self._fail, fail), (self._review, review)):
            line.setVisible(value is not None)
            if value is not None:
                line.setValue(value)
        self._scale()

    def append(self, points: list[tuple[int, float | None, Verdict]]) -> None:
        """Add (part number, score or None, verdict) in order; a part without a score stands at 0."""
        if not points:
            return
        self._points.extend(
            (part, 0.0 if score is None else score, verdict) for part, score, verdict in points
        )
        for verdict, item in self._marks.items():
            chosen = [(part, score) for part, score, kind in self._points if kind is verdict]
            xy = np.array(chosen, dtype=float).reshape(-1, 2)
            item.setData(x=xy[:, 0], y=xy[:, 1])
        self._scale()

    def clear(self) -> None:
        """Forget all points."""
        self._points.clear()
        for item in self._marks.values():
            item.setData(x=[], y=[])

    def _scale(self) -> None:
        """Fixed steps of both ranges: the chart does not jump with every part, and its axes stay drawn."""
        fail = self._fail.value() if self._fail.isVisible() else 0.0
        highest = max([score for _, score, _ in self._points] + [1.3 * fail, 1e-3])
        step = max(fail, 0.05) / 2.0
        top = step * np.ceil(highest * 1.05 / step)
        self.plot.setYRange(0.0, float(top), padding=0.02)
        last = self._points[-1][0] if self._points else 0
        capacity = self._points.maxlen or 200
        step = max(1, capacity // 8)
        end = max(-(-last // step) * step, min(capacity, 50))
        self.plot.setXRange(max(0, end - capacity), end, padding=0.01)
