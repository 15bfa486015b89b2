"""The verdict in colour, word and shape, readable from across the line."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import font, paint_icon, palette, verdict_style
from inspector_core.inspection.verdict import Verdict


class VerdictBanner(QWidget):
    """A wide band: the shape, the word as large as it fits, and one line of detail."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.word = ""
        self.detail = ""
        self.icon = ""
        self.color = palette.RAISED
        self.ink = palette.TEXT
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(112)

    def sizeHint(self) -> QSize:
        return QSize(600, 150)

    def show_verdict(self, verdict: Verdict, detail: str = "") -> None:
        """Show OK, NG, REVIEW or ERROR."""
        look = verdict_style(verdict)
        self._show(look.word, detail, look.icon, look.color, look.on_color)

    def show_state(self, word: str, detail: str = "", icon: str = "stopped", color: str = palette.RAISED,
                   ink: str = palette.TEXT) -> None:  # fmt: skip
        """Show a state of the line instead of a verdict."""
        self._show(word, detail, icon, color, ink)

    def _show(self, word: str, detail: str, icon: str, color: str, ink: str) -> None:
        if (word, detail, icon, color) == (self.word, self.detail, self.icon, self.color):
            return
        self.word, self.detail, self.icon, self.color, self.ink = word, detail, icon, color, ink
        self.setAccessibleName(f"{word}. {detail}" if detail else word)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.color))
        painter.drawRoundedRect(QRectF(self.rect()), palette.RADIUS, palette.RADIUS)
        height, pad = self.height(), 14
        side = height - 2 * pad
        if self.icon:
            paint_icon(painter, self.icon, QRectF(2 * pad, pad, side, side), self.ink, self.color)
        left = 4 * pad + side
        room = QRectF(left, 6, self.width() - left - 2 * pad, height - 12)
        painter.setPen(QColor(self.ink))
        below = 40 if self.detail else 0
        word_box = room.adjusted(0, 0, 0, -below)
        painter.setFont(self._fitting(self.word, word_box))
        painter.drawText(word_box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.word)
        if self.detail:
            painter.setFont(font(20, bold=True))
            line = QRectF(room.left(), room.bottom() - below, room.width(), below - 4)
            text = painter.fontMetrics().elidedText(
                self.detail, Qt.TextElideMode.ElideRight, int(line.width())
            )
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        painter.end()

    @staticmethod
    def _fitting(word: str, box: QRectF):
        for pixels in range(int(box.height() * 0.95), 18, -2):
            made = font(pixels, bold=True)
            if QFontMetricsF(made).horizontalAdvance(word) <= box.width():
                return made
        return font(18, bold=True)
