"""Messages inside the window: an error stays until it is closed, a notice goes by itself."""

from typing import Literal

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from app.theme import icon, palette, pixmap
from app.widgets.pieces import label
from inspector_core.errors import NormaError

Kind = Literal["error", "warning", "info", "good"]
_LOOKS: dict[str, tuple[str, str, str]] = {
    "error": (palette.NG, "#3a1517", "fault"),
    "warning": (palette.REVIEW, "#33260c", "warning"),
    "info": (palette.ACCENT, "#14283d", "info"),
    "good": (palette.OK, "#0f2e1e", "tick"),
}


def words(error: BaseException) -> str:
    """An error as a sentence for a person: a NormaError's own, else that the fault is ours."""
    if isinstance(error, NormaError):
        text = str(error)
        return text[:1].upper() + text[1:]
    return f"Something went wrong inside Norma ({type(error).__name__}). The log file has the details."


class Notice(QFrame):
    """A band across the top of a page; hidden until something is said."""

    STAY_MS = 6000

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind: str = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(palette.SPACE_M, palette.SPACE_S, palette.SPACE_S, palette.SPACE_S)
        self._sign = QLabel()
        self._text = label("", wrap=True, selectable=True)
        close = QToolButton()
        close.setIcon(icon("close"))
        close.setToolTip("Close this message")
        close.setStyleSheet("QToolButton { background: transparent; border: 0; }")
        close.clicked.connect(self.dismiss)
        row.addWidget(self._sign)
        row.addWidget(self._text, 1)
        row.addWidget(close)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def show_error(self, error: BaseException | str) -> None:
        """Say what went wrong; stays until closed."""
        self.show_message(error if isinstance(error, str) else words(error), "error")

    def show_message(self, text: str, kind: Kind = "info") -> None:
        """Say `text`; warnings and errors stay, the others go after `STAY_MS`."""
        color, ground, sign = _LOOKS[kind]
        self.kind = kind
        self.setStyleSheet(
            f"Notice {{ background: {ground}; border: 1px solid {color}; "
            f"border-radius: {palette.RADIUS}px; }}"
        )
        self._sign.setPixmap(pixmap(sign, 22, color))
        self._text.setText(text)
        self.show()
        if kind in ("info", "good"):
            self._timer.start(self.STAY_MS)
        else:
            self._timer.stop()

    def dismiss(self) -> None:
        """Hide the message."""
        self._timer.stop()
        self.kind = ""
        self.hide()
