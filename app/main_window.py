"""The window: a rail of pages at the left, the page, and a status bar."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, QTime, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.theme import icon, palette, pixmap
from app.widgets import ElidedLabel, EmptyState, Notice, label, words

log = logging.getLogger(__name__)

STATUS_FIELDS = ("Recipe", "Camera", "Model", "Engine", "Database")


@dataclass(frozen=True, slots=True)
class Page:
    """One entry of the rail; `factory` makes the page when it is first opened.

    A page may have these methods, called where they exist: `entered()` and `left()` when it is shown and
    hidden, `may_close() -> bool` before the window closes, `shut_down()` when it closes.
    """

    title: str
    icon: str
    factory: Callable[[], QWidget]


class MainWindow(QMainWindow):
    """Navigation and status bar; knows no page by name.

    Signals:
        closing: the person closes the window and no page objects.
    """

    closing = Signal()

    def __init__(self, pages: list[Page], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._may_ask = True
        self.setWindowTitle("Norma")
        self.setWindowIcon(icon("norma", palette.ACCENT_STRONG, "#ffffff"))
        self.setMinimumSize(1180, 700)
        self._pages = {page.title: page for page in pages}
        self._made: dict[str, QWidget] = {}
        self.current = ""
        self.notice = Notice()
        self._stack = QStackedWidget()
        self._buttons: dict[str, QToolButton] = {}
        self._fields: dict[str, ElidedLabel] = {}
        self._build()
        self._build_status_bar()
        full_screen = QShortcut(QKeySequence("F11"), self)
        full_screen.activated.connect(self.toggle_full_screen)

    # pages

    def show_page(self, title: str) -> QWidget:
        """Bring a page to the front, making it where it does not exist yet; returns it."""
        if title not in self._made:
            self._made[title] = self._make(title)
            self._stack.addWidget(self._made[title])
        page = self._made[title]
        if title != self.current:
            _call(self._made.get(self.current), "left")
            self.current = title
            self._stack.setCurrentWidget(page)
            page.setFocus()
            _call(page, "entered")
        self._buttons[title].setChecked(True)
        return page

    def page(self, title: str) -> QWidget | None:
        """A page that has been made, else None."""
        return self._made.get(title)

    def set_status(self, field: str, text: str, tip: str = "") -> None:
        """Fill one of `STATUS_FIELDS`."""
        value = self._fields[field]
        value.setText(text or "–")
        value.setToolTip(tip or text)

    def toggle_full_screen(self) -> None:
        """Between full screen and a window (F11)."""
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def close_unasked(self) -> None:
        """Close where nobody is there to answer: what a page would have asked about is given up."""
        self._may_ask = False
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._may_ask and not all(_call(page, "may_close", default=True) for page in self._made.values()):
            event.ignore()
            return
        self._clock.stop()
        for page in self._made.values():
            _call(page, "shut_down")
        self.closing.emit()
        event.accept()

    def _make(self, title: str) -> QWidget:
        """A page, or words in its place where it can't be made: one broken page must not end the rest."""
        try:
            return self._pages[title].factory()
        except Exception as error:
            log.exception("the page %s can't be opened", title)
            self.notice.show_error(error)
            return EmptyState(f"The page {title} can't be opened", words(error), "fault")

    # building

    def _build(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(palette.SPACE_M, palette.SPACE_M, palette.SPACE_M, palette.SPACE_S)
        column.setSpacing(palette.SPACE_S)
        column.addWidget(self.notice)
        column.addWidget(self._stack, 1)
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._build_rail())
        row.addWidget(content, 1)
        self.setCentralWidget(whole)

    def _build_rail(self) -> QFrame:
        rail = QFrame()
        rail.setObjectName("rail")
        rail.setFixedWidth(104)
        column = QVBoxLayout(rail)
        column.setContentsMargins(0, palette.SPACE_L, 0, palette.SPACE_M)
        column.setSpacing(2)
        sign = QLabel()
        sign.setPixmap(pixmap("norma", 40, palette.ACCENT_STRONG, "#ffffff"))
        sign.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(sign)
        column.addSpacing(palette.SPACE_L)
        group = QButtonGroup(rail)
        for number, page in enumerate(self._pages.values(), start=1):
            entry = self._entry(page, number)
            group.addButton(entry)
            column.addWidget(entry)
        column.addStretch(1)
        return rail

    def _entry(self, page: Page, number: int) -> QToolButton:
        entry = QToolButton()
        entry.setText(page.title)
        entry.setIcon(icon(page.icon))
        entry.setIconSize(QSize(30, 30))
        entry.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        entry.setCheckable(True)
        entry.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        entry.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        entry.setToolTip(f"{page.title}  [Ctrl+{number}]")
        entry.clicked.connect(lambda _checked=False, title=page.title: self.show_page(title))
        shortcut = QShortcut(QKeySequence(f"Ctrl+{number}"), self)
        shortcut.activated.connect(lambda title=page.title: self.show_page(title))
        self._buttons[page.title] = entry
        return entry

    def _build_status_bar(self) -> None:
        bar = self.statusBar()
        bar.setSizeGripEnabled(False)
        for name in STATUS_FIELDS:
            holder = QWidget()
            holder.setStyleSheet("background: transparent;")
            row = QHBoxLayout(holder)
            row.setContentsMargins(palette.SPACE_S, 2, palette.SPACE_S, 2)
            row.setSpacing(0)
            self._fields[name] = ElidedLabel("–")
            row.addWidget(label(name, "muted"))
            row.addWidget(self._fields[name], 1)
            bar.addWidget(holder)
        self._time = label("00:00:00")
        bar.addPermanentWidget(self._time)
        self._time.ensurePolished()
        self._time.setFixedSize(self._time.sizeHint())  # else each second lays out and paints the whole bar
        self._clock = QTimer(self)
        self._clock.timeout.connect(self._tick)
        self._clock.start(1000)
        self._tick()

    def _tick(self) -> None:
        self._time.setText(QTime.currentTime().toString("HH:mm:ss"))


def _call(page: QWidget | None, method: str, default: object = None) -> object:
    """Call an optional method of a page."""
    function = getattr(page, method, None)
    return default if function is None else function()
