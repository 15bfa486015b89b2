"""Recipe, start, stop, acknowledge, and at the right the state of the line or an alarm."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QWidget

from app.theme import font, paint_icon, palette
from app.widgets import button


class StateChip(QWidget):
    """One line of words with a sign, on the colour of what it says."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.word = self.detail = self.icon = ""
        self.color, self.ink = palette.RAISED, palette.TEXT
        self.setFixedHeight(palette.TOUCH)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(320, palette.TOUCH)

    def say(self, word: str, detail: str, icon: str, color: str, ink: str) -> None:
        """Show `word` in bold and `detail` after it."""
        self.word, self.detail, self.icon, self.color, self.ink = word, detail, icon, color, ink
        self.setAccessibleName(f"{word}. {detail}")
        self.setToolTip(detail)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.color))
        painter.drawRoundedRect(QRectF(self.rect()), palette.RADIUS, palette.RADIUS)
        side = self.height() - 18.0
        if self.icon:
            paint_icon(painter, self.icon, QRectF(12, 9, side, side), self.ink, self.color)
        painter.setPen(QColor(self.ink))
        left = 24 + side
        for text, bold in ((self.word, True), (self.detail, False)):
            painter.setFont(font(16 if bold else 15, bold=bold))
            room = max(0, int(self.width() - left - 12))
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRectF(left, 0, room, self.height()), Qt.AlignmentFlag.AlignVCenter, shown)
            left += painter.fontMetrics().horizontalAdvance(text) + 14
        painter.end()


class ControlBar(QWidget):
    """What the operator presses.

    Signals:
        start_asked(name), stop_asked(), acknowledged(), recipe_chosen(name).
    """

    start_asked = Signal(str)
    stop_asked = Signal()
    acknowledged = Signal()
    recipe_chosen = Signal(str)

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self.recipe = QComboBox()
        self.recipe.setMinimumHeight(palette.TOUCH)
        self.recipe.setMinimumWidth(200)
        self.recipe.setMaximumWidth(320)
        self.recipe.setToolTip("Recipe: which product is inspected. Stop the line to change it.")
        self.recipe.setPlaceholderText("No recipe yet")
        self.recipe.activated.connect(lambda _index: self.recipe_chosen.emit(self.recipe.currentText()))
        self.start = button("Start", "start", self._start, role="primary", tip="Start the line", key="F5",
                            touch=True, owner=owner)  # fmt: skip
        self.stop = button("Stop", "stop", self.stop_asked.emit, tip="Stop the line", key="F6", touch=True,
                           owner=owner)  # fmt: skip
        self.acknowledge = button("Acknowledge", "acknowledge", self.acknowledged.emit, touch=True, key="F8",
                                  tip="I have seen the rejects: count them afresh", owner=owner)  # fmt: skip
        self.state = StateChip()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(palette.SPACE_S)
        for widget in (self.recipe, self.start, self.stop, self.acknowledge):
            row.addWidget(widget)
        row.addWidget(self.state, 1)

    def set_recipes(self, names: list[str], chosen: str) -> None:
        """Offer `names`, with `chosen` selected where it is among them; emits nothing."""
        self.recipe.clear()
        self.recipe.addItems(names)
        self.recipe.setCurrentIndex(names.index(chosen) if chosen in names else min(0, len(names) - 1))

    def set_running(self, running: bool, stopping: bool) -> None:
        """Enable what can be pressed now."""
        self.start.setEnabled(not running and self.recipe.count() > 0)
        self.stop.setEnabled(running and not stopping)
        self.recipe.setEnabled(not running)

    def set_alarm(self, alarm: bool) -> None:
        """Make the acknowledge button the one to press."""
        role = "primary" if alarm else ""
        if self.acknowledge.property("role") != role:
            self.acknowledge.setProperty("role", role)
            self.acknowledge.style().unpolish(self.acknowledge)
            self.acknowledge.style().polish(self.acknowledge)

    def _start(self) -> None:
        if self.recipe.currentText():
            self.start_asked.emit(self.recipe.currentText())
