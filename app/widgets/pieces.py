"""Small pieces that every screen is made of: header, card, stat tile, empty state, buttons."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QKeySequence, QPainter, QPaintEvent, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.theme import font, icon, palette, pixmap
from app.theme.fonts import NUMBER, SMALL


def label(text: str = "", role: str = "", *, wrap: bool = False, selectable: bool = False) -> QLabel:
    """A label; `role` is "", "muted", "title", "section" or "number"."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        made.setProperty("role", role)
    made.setWordWrap(wrap)
    if selectable:
        made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made


def button(
    text: str,
    icon_name: str = "",
    on_click: Callable[[], object] | None = None,
    *,
    role: str = "",
    tip: str = "",
    key: str = "",
    touch: bool = False,
    owner: QWidget | None = None,
) -> QPushButton:
    """A push button; `role` is "", "primary" or "danger".

    `key` (e.g. "F5") works while `owner` or a widget of its window has the focus, and stands in the tool tip.
    """
    made = QPushButton(text)
    if icon_name:
        made.setIcon(icon(icon_name, "#ffffff" if role == "primary" else palette.TEXT))
        made.setIconSize(QSize(24, 24) if touch else QSize(18, 18))
    if role:
        made.setProperty("role", role)
    if touch:
        made.setProperty("size", "touch")
    made.setToolTip(f"{tip or text}  [{key}]" if key else tip)
    if key:
        shortcut = QShortcut(QKeySequence(key), owner or made)
        shortcut.setAutoRepeat(False)
        shortcut.activated.connect(made.click)
    if on_click is not None:
        made.clicked.connect(lambda _checked=False: on_click())
    return made


class Card(QFrame):
    """A raised panel with an optional heading; add to `body`."""

    def __init__(
        self, title: str = "", parent: QWidget | None = None, *, margin: int = palette.SPACE_M
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(margin, margin, margin, margin)
        self.body.setSpacing(palette.SPACE_S)
        if title:
            self.body.addWidget(label(title, "section"))


class PageHeader(QWidget):
    """Title and one sentence at the left, actions at the right."""

    def __init__(self, title: str, subtitle: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(palette.SPACE_S)
        words = QVBoxLayout()
        words.setSpacing(2)
        self.title = label(title, "title")
        self.subtitle = label(subtitle, "muted")
        self.subtitle.setVisible(bool(subtitle))
        words.addWidget(self.title)
        words.addWidget(self.subtitle)
        self._row.addLayout(words, 1)

    def set_subtitle(self, text: str) -> None:
        self.subtitle.setText(text)
        self.subtitle.setVisible(bool(text))

    def add_action(self, widget: QWidget) -> None:
        """Put a button or a field at the right."""
        self._row.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)


class FittingLabel(QLabel):
    """A figure, large where there is room and smaller where it would be cut off."""

    def __init__(self, text: str, largest: int = NUMBER, smallest: int = SMALL) -> None:
        super().__init__(text)
        self._sizes = range(largest, smallest - 1, -1)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(QFontMetrics(font(largest, bold=True)).height())
        self._fit()

    def setText(self, text: str) -> None:
        super().setText(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        for pixels in self._sizes:
            chosen = font(pixels, bold=True)
            if QFontMetrics(chosen).horizontalAdvance(self.text()) <= self.width():
                break
        if chosen != self.font():
            self.setFont(chosen)


class ElidedLabel(QLabel):
    """One line of text that ends in … where it does not fit; the whole of it is the tool tip."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setToolTip(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        room = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        painter.end()


class StatTile(QFrame):
    """One figure with its name; a coloured edge where it counts a verdict."""

    def __init__(self, name: str, color: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        if color:
            self.setStyleSheet(f"StatTile {{ border-left: 5px solid {color}; }}")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(palette.SPACE_M, 6, palette.SPACE_S, 6)
        layout.setSpacing(2)
        self.name = label(name, "muted")
        self.value = FittingLabel("–")
        layout.addStretch(1)
        layout.addWidget(self.name)
        layout.addWidget(self.value)
        layout.addStretch(1)

    def set_value(self, text: str) -> None:
        if text != self.value.text():
            self.value.setText(text)


class EmptyState(QWidget):
    """What stands where there is nothing yet: a sign, a sentence, and what to do."""

    def __init__(
        self, text: str, remedy: str = "", icon_name: str = "info", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout.setSpacing(palette.SPACE_S)
        sign = QLabel()
        sign.setPixmap(pixmap(icon_name, 48, palette.MUTED))
        self.text = label(text, "section", wrap=True)
        self.remedy = label(remedy, "muted", wrap=True)
        for widget in (sign, self.text, self.remedy):
            widget.setAlignment(Qt.AlignmentFlag.AlignCenter)
            layout.addWidget(widget)
        self._layout = layout

    def set_text(self, text: str, remedy: str = "") -> None:
        self.text.setText(text)
        self.remedy.setText(remedy)

    def add_action(self, widget: QWidget) -> None:
        """Put a button below the words."""
        self._layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignCenter)


def indent(field: QWidget | QLayout) -> None:
    """Keep numbers off the left edge of their fields, where the style sheet's padding does not reach."""
    if isinstance(field, QLayout):
        for index in range(field.count()):
            item = field.itemAt(index)
            widget = None if item is None else item.widget()
            if widget is not None:
                indent(widget)
    elif isinstance(field, QAbstractSpinBox):
        field.lineEdit().setTextMargins(palette.SPACE_S, 0, 0, 0)
