"""The numbered steps at the side of the wizard."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import font, paint_icon, palette

PITCH = 64
CIRCLE = 34


class StepRail(QWidget):
    """Draws the steps: done with a tick, the present one in colour, the others grey."""

    def __init__(self, titles: list[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.titles = titles
        self.current = 0
        self.setFixedWidth(190)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(190, PITCH * len(self.titles))

    def set_current(self, index: int) -> None:
        """Show step `index` as the present one; an index beyond the last shows all as done."""
        self.current = index
        self.setAccessibleName(f"Step {index + 1} of {len(self.titles)}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(palette.SURFACE))
        left, top = 18.0, 22.0
        for index, title in enumerate(self.titles):
            circle = QRectF(left, top + index * PITCH, CIRCLE, CIRCLE)
            done = index < self.current
            if index + 1 < len(self.titles):
                painter.setPen(QPen(QColor(palette.ACCENT if done else palette.LINE), 2))
                x = circle.center().x()
                painter.drawLine(int(x), int(circle.bottom()), int(x), int(circle.top() + PITCH))
            self._paint_circle(painter, circle, index, done)
            present = index == self.current
            painter.setPen(QColor(palette.TEXT if present or done else palette.MUTED))
            painter.setFont(font(16, bold=present))
            words = QRectF(circle.right() + 14, circle.top(), self.width() - circle.right() - 18, CIRCLE)
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, title)
        painter.end()

    def _paint_circle(self, painter: QPainter, circle: QRectF, index: int, done: bool) -> None:
        present = index == self.current
        filled = palette.ACCENT_STRONG if present else palette.RAISED
        painter.setPen(QPen(QColor(palette.ACCENT if present or done else palette.LINE), 2))
        painter.setBrush(QColor(filled))
        painter.drawEllipse(circle)
        if done:
            paint_icon(painter, "tick", circle.adjusted(8, 8, -8, -8), palette.ACCENT)
            return
        painter.setPen(QColor("#ffffff" if present else palette.MUTED))
        painter.setFont(font(16, bold=True))
        painter.drawText(circle, Qt.AlignmentFlag.AlignCenter, str(index + 1))
