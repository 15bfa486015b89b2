"""The verdict in colour, word and shape, readable from across the line."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import font, paint_icon, palette, verdict_style
from inspector_core.inspection.verdict import Verdict

WORD_SHARE = 0.58
"""Most of the width that the word may take where something is said beside it."""


class VerdictBanner(QWidget):
    """A wide band: the shape, the word as large as it fits, and beside it what there is to say."""

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
        room = QRectF(left, 0, self.width() - left - 2 * pad, height)
        painter.setPen(QColor(self.ink))
        most = room.width() * (WORD_SHARE if self.detail else 1.0)
        painter.setFont(fitting_font(self.word, most, height * 0.96))
        word_width = min(painter.fontMetrics().horizontalAdvance(self.word), most)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.word)
        if self.detail:
            painter.setFont(font(22, bold=True))
            beside = room.adjusted(word_width + 3 * pad, pad, 0, -pad)
            flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap
            painter.drawText(beside, flags, cut_to(self.detail, painter.fontMetrics(), beside, flags))
        painter.end()


def fitting_font(word: str, width: float, height: float) -> QFont:
    """The largest font, at most `height` pixels, in which `word` is no wider than `width`."""
    pixels = int(height)
    while pixels > 18 and QFontMetricsF(font(pixels, bold=True)).horizontalAdvance(word) > width:
        pixels -= 2
    return font(pixels, bold=True)


def cut_to(text: str, metrics: QFontMetrics, box: QRectF, flags: int) -> str:
    """`text`, shortened at a word where it would not fit into `box` when wrapped."""
    words = text.split(" ")
    shown = text
    while len(words) > 1 and metrics.boundingRect(box.toRect(), flags, shown).height() > box.height():
        words.pop()
        shown = " ".join(words) + " …"
    return shown
