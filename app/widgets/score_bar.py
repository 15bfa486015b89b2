"""The score of a part against its thresholds."""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import font, palette

Scale = Callable[[float], float]
"""From a score to a horizontal position."""


class ScoreBar(QWidget):
    """A horizontal scale with the zones OK, REVIEW and NG and a marker at the score.

    The scale runs from 0 to twice the FAIL threshold; a larger score stands at the end with an arrow.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.score: float | None = None
        self.fail = 0.5
        self.review: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(64)

    def sizeHint(self) -> QSize:
        return QSize(320, 64)

    def show_score(self, score: float | None, fail: float, review: float | None = None) -> None:
        """Raw score (None: not scored) and the recipe's raw thresholds."""
        self.score, self.fail, self.review = score, fail, review
        self.update()

    @property
    def top(self) -> float:
        """The score at the right end."""
        return 2.0 * self.fail if self.fail > 0 else 1.0

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar = QRectF(8, 26, self.width() - 16, 16)

        def at(value: float) -> float:
            return bar.left() + bar.width() * min(max(value / self.top, 0.0), 1.0)

        review = self.fail if self.review is None else min(self.review, self.fail)
        for low, high, color in ((0.0, review, palette.OK), (review, self.fail, palette.REVIEW),
                                 (self.fail, self.top, palette.NG)):  # fmt: skip
            shade = QColor(color)
            shade.setAlphaF(0.75)
            painter.fillRect(QRectF(at(low), bar.top(), at(high) - at(low), bar.height()), shade)
        self._paint_labels(painter, bar, at, review)
        self._paint_marker(painter, bar, at)
        painter.end()

    def _paint_labels(self, painter: QPainter, bar: QRectF, at: Scale, review: float) -> None:
        painter.setFont(font(13))
        painter.setPen(QPen(QColor(palette.TEXT), 2))
        painter.drawLine(QPointF(at(self.fail), bar.top() - 3), QPointF(at(self.fail), bar.bottom() + 3))
        painter.setPen(QColor(palette.MUTED))
        below = QRectF(bar.left(), bar.bottom() + 4, bar.width(), 18)
        fail_text = f"NG from {self.fail:.3g}"
        width = painter.fontMetrics().horizontalAdvance(fail_text)
        painter.drawText(QPointF(at(self.fail), below.bottom() - 4), fail_text)
        if review < self.fail:
            text = f"REVIEW from {review:.3g}"
            room = painter.fontMetrics().horizontalAdvance(text) + 12
            left = max(bar.left(), min(at(review), at(self.fail) - room))
            if left + room <= at(self.fail) + width:
                painter.drawText(QPointF(left, below.bottom() - 4), text)

    def _paint_marker(self, painter: QPainter, bar: QRectF, at: Scale) -> None:
        painter.setFont(font(16, bold=True))
        painter.setPen(QColor(palette.TEXT))
        if self.score is None:
            painter.drawText(QRectF(8, 0, bar.width(), 22), Qt.AlignmentFlag.AlignVCenter, "Score: none")
            return
        x = at(self.score)
        painter.setBrush(QColor(palette.TEXT))
        tip = bar.top() + 4
        painter.drawPolygon(QPolygonF([QPointF(x, tip), QPointF(x - 7, tip - 9), QPointF(x + 7, tip - 9)]))
        text = f"Score {self.score:.4f}" + (" ▸" if self.score > self.top else "")
        width = painter.fontMetrics().horizontalAdvance(text)
        left = x + 12 if x + 12 + width < bar.right() else x - 12 - width
        painter.drawText(QRectF(left, 0, width + 2, 20), Qt.AlignmentFlag.AlignVCenter, text)
