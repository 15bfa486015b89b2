"""The stored scores as a stacked histogram, with the thresholds as lines to drag."""

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.theme import font, palette
from app.theme.fonts import SMALL
from app.tuning.evidence import DEFECT, GOOD, PASSED, REJECTED, SERIES, series_of
from app.tuning.scale import CountAxis, ScoreAxis, score_text, to_axis, to_score
from app.widgets import label
from inspector_core.inspection.recipe import Thresholds
from inspector_core.records import ScoreTable

BINS = 64
COLORS = {DEFECT: palette.NG, REJECTED: palette.REVIEW, GOOD: palette.ACCENT, PASSED: palette.OK}
SHORT = {DEFECT: "Labelled defect", REJECTED: "Rejected", GOOD: "Labelled good", PASSED: "Passed"}
CALIBRATION = "Normal parts that the model was calibrated on"
_CALIBRATION_COLOR = palette.TEXT
_RUG = -0.14
"""Height at which the marks of the model's normal parts stand, as a share of the highest bar."""


class ScoreHistogram(QWidget):
    """Counts over raw scores; drag a line to move its threshold.

    Signals:
        fail_moved(score), review_moved(score): while a line is dragged.
        released(): a line was let go.
    """

    fail_moved = Signal(float)
    review_moved = Signal(float)
    released = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = self._plot()
        self._bars = {name: pg.BarGraphItem(x0=[], x1=[], height=[], **_look(name)) for name in SERIES}
        self._rug = pg.ScatterPlotItem(
            symbol=_tick_symbol(), size=16, pen=pg.mkPen(_CALIBRATION_COLOR, width=1)
        )
        for item in (*self._bars.values(), self._rug):
            self.plot.addItem(item)
        self.fail = self._line(palette.NG, "NG from", 0.93, Qt.PenStyle.SolidLine)
        self.review = self._line(palette.REVIEW, "REVIEW from", 0.82, Qt.PenStyle.DashLine)
        self.fail.setZValue(11)  # where both meet, the one that rejects is seen
        self.fail.sigDragged.connect(lambda line: self.fail_moved.emit(to_score(line.value())))
        self.review.sigDragged.connect(lambda line: self.review_moved.emit(to_score(line.value())))
        for line in (self.fail, self.review):
            line.sigPositionChangeFinished.connect(self.released)
        self.counts: dict[str, int] = dict.fromkeys(SERIES, 0)
        self._legend = {name: label("") for name in (*SERIES, CALIBRATION)}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_XS)
        column.addLayout(self._legend_row())
        column.addWidget(self.plot, 1)

    def show_scores(self, table: ScoreTable, calibration: Sequence[float], thresholds: Thresholds) -> None:
        """Draw stored scores and those of the model's normal parts; all of them are in view."""
        normal = to_axis(list(calibration))
        places = to_axis(table.score)
        edges = self._edges(np.concatenate([places, normal, to_axis(_values(thresholds))]))
        below, top = np.zeros(BINS), 0.0
        for name, mask in series_of(table).items():
            counts, _ = np.histogram(places[mask], bins=edges)
            above = below + counts
            low, high = np.log10(1 + below), np.log10(1 + above)
            self._bars[name].setOpts(x0=edges[:-1], x1=edges[1:], y0=low, height=high - low)
            below, top = above, max(top, float(high.max()))
            self.counts[name] = int(mask.sum())
        top = max(top, 1.0)
        self._rug.setData(x=normal, y=np.full(len(normal), _RUG * top))
        self._set_view(edges, top)
        self._show_legend(len(calibration))
        self.show_thresholds(thresholds)

    def show_thresholds(self, thresholds: Thresholds) -> None:
        """Put the lines where the thresholds are."""
        self.review.setVisible(thresholds.review is not None)
        for line, value in ((self.fail, thresholds.fail), (self.review, thresholds.review)):
            if value is not None:
                if not line.moving:
                    line.setValue(float(to_axis(value)))
                line.label.setFormat(f"{line.caption} {score_text(value)}")
        self._place_review_label()

    def _place_review_label(self) -> None:
        """At the left of its line where there is room; always below the FAIL line's label."""
        low, high = self._limits
        side = 1.0 if self.review.value() > low + 0.22 * (high - low) else 0.0
        self.review.label.anchors = [(side, 0.5), (side, 0.5)]
        self.review.label.setAnchor((side, 0.5))

    def fit(self) -> None:
        """Show all scores."""
        self.plot.setXRange(*self._limits, padding=0)

    # building

    def _plot(self) -> pg.PlotWidget:
        axes: dict[str, pg.AxisItem] = {"bottom": ScoreAxis("bottom"), "left": CountAxis("left")}
        plot = pg.PlotWidget(background=palette.SURFACE, axisItems=axes)
        for axis in axes.values():
            axis.enableAutoSIPrefix(False)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.showGrid(x=False, y=True, alpha=0.12)
        plot.setMouseEnabled(x=True, y=False)
        plot.setToolTip("Drag a line to move its threshold · wheel: zoom · double click: all scores")
        for axis, text in ((axes["bottom"], "Raw score"), (axes["left"], "Parts")):
            axis.setPen(palette.LINE)
            axis.setTextPen(palette.MUTED)
            axis.setTickFont(font(SMALL))
            axis.setLabel(text, color=palette.MUTED)
        plot.scene().sigMouseClicked.connect(lambda click: self.fit() if click.double() else None)
        self._limits = (-6.0, 6.0)
        return plot

    def _line(self, color: str, caption: str, height: float, style: Qt.PenStyle) -> pg.InfiniteLine:
        line = pg.InfiniteLine(
            angle=90,
            movable=True,
            pen=pg.mkPen(color, width=2, style=style),
            hoverPen=pg.mkPen(color, width=5),
            label=caption,
            labelOpts={"position": height, "color": "#ffffff", "fill": "#10161cdd", "movable": False},
        )
        line.caption = caption
        line.label.setFont(font(SMALL + 1, bold=True))
        line.label.border = pg.mkPen(color)
        line.setZValue(10)
        line.setCursor(Qt.CursorShape.SplitHCursor)
        self.plot.addItem(line)
        return line

    def _legend_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(palette.SPACE_XS)
        for name, text in self._legend.items():
            sign = QLabel()
            sign.setFixedSize(4 if name == CALIBRATION else 12, 12)
            sign.setStyleSheet(f"background: {COLORS.get(name, _CALIBRATION_COLOR)}; border-radius: 2px;")
            text.setFont(font(SMALL + 1))
            row.addWidget(sign)
            row.addWidget(text)
            row.addSpacing(palette.SPACE_S)
        row.addStretch(1)
        return row

    def _show_legend(self, normal: int) -> None:
        for name in SERIES:
            self._legend[name].setText(f"{SHORT[name]} {self.counts[name]:,}")
            self._legend[name].setToolTip(name)
        self._legend[CALIBRATION].setText(f"Model's normal {normal:,}")
        self._legend[CALIBRATION].setToolTip(CALIBRATION)

    def _edges(self, places: np.ndarray) -> np.ndarray:
        low, high = (float(places.min()), float(places.max())) if len(places) else (-4.0, 2.0)
        margin = max(0.05 * (high - low), 0.25)
        return np.linspace(low - margin, high + margin, BINS + 1)

    def _set_view(self, edges: np.ndarray, top: float) -> None:
        self._limits = (float(edges[0]), float(edges[-1]))
        self.plot.setLimits(xMin=self._limits[0], xMax=self._limits[1], minXRange=0.02)
        self.fit()
        self.plot.setYRange(1.6 * _RUG * top, 1.3 * top, padding=0)


def _values(thresholds: Thresholds) -> list[float]:
    return [value for value in (thresholds.fail, thresholds.review) if value is not None]


def _look(name: str) -> dict[str, object]:
    return {"brush": pg.mkBrush(COLORS[name]), "pen": pg.mkPen(palette.SURFACE, width=1)}


def _tick_symbol() -> pg.QtGui.QPainterPath:
    path = pg.QtGui.QPainterPath()
    path.moveTo(0, -0.5)
    path.lineTo(0, 0.5)
    return path
