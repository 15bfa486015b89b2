"""Start-up and shutdown of the application."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QSettings, Qt, QtMsgType, Signal, qInstallMessageHandler
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QMessageBox, QSplashScreen

from app.theme import apply_theme, font, icon, palette, pixmap
from inspector_core.errors import NormaError
from inspector_core.logs import log_file, log_to
from inspector_core.workspace import Workspace

if TYPE_CHECKING:
    from app.main_window import MainWindow
    from app.shell import Shell

log = logging.getLogger(__name__)

OK, OWN_FAULT, USER_ERROR = 0, 1, 2


def run_app(
    folder: Path | None = None, *, demo: bool = False, recipe: str = "", parts: int | None = None
) -> int:
    """Show the window until it is closed; returns the exit status.

    Args:
        folder: the workspace; None for the user's own.
        demo: put the demo product into the workspace and start its line.
        recipe: start the line with this recipe.
        parts: this first run ends after so many.
    """
    app = application()
    splash = _splash()
    app.processEvents()
    try:
        workspace = Workspace.open(folder)
    except NormaError as error:
        splash.close()
        _say(str(error))
        return USER_ERROR
    log_to(workspace.logs)
    reporter = FaultReporter()
    reporter.install()
    try:
        return _run(app, splash, workspace, reporter, partial(_begin, demo=demo, recipe=recipe, parts=parts))
    except Exception:
        log.exception("the application could not start")
        splash.close()
        _say(f"Norma could not start by a fault of its own. The details are in {log_file()}.")
        return OWN_FAULT
    finally:
        reporter.uninstall()


def _run(
    app: QApplication,
    splash: QSplashScreen,
    workspace: Workspace,
    reporter: "FaultReporter",
    begin: Callable[["Shell"], None],
) -> int:
    from app.shell import Shell  # pyqtgraph and the screens: behind the splash

    settings = QSettings(str(workspace.root / "settings.ini"), QSettings.Format.IniFormat)
    shell = Shell(workspace, settings)
    reporter.happened.connect(shell.window.notice.show_error)
    signals = _close_on_signals(shell.window)
    try:
        shell.show()
        splash.finish(shell.window)
        begin(shell)
        return app.exec()
    finally:
        for number, handler in signals.items():
            signal.signal(number, handler)
        shell.shut_down()


def _begin(shell: "Shell", *, demo: bool, recipe: str, parts: int | None) -> None:
    if demo:
        shell.start_demo(parts)
    elif recipe:
        shell.start_recipe(recipe, parts)


def application() -> QApplication:
    """The one QApplication, in Norma's colours."""
    # a painter that waits for helper threads waits for the detector, which has the cores
    os.environ.setdefault("QT_NO_GUI_THREADPOOL", "1")
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(sys.argv[:1])
    app.setApplicationName("norma")
    app.setApplicationDisplayName("Norma")
    app.setDesktopFileName("norma")
    apply_theme(app)
    app.setWindowIcon(icon("norma", palette.ACCENT_STRONG, "#ffffff"))
    return app


def _splash() -> QSplashScreen:
    picture = QPixmap(420, 200)
    picture.fill(QColor(palette.SURFACE))
    painter = QPainter(picture)
    painter.drawPixmap(36, 58, pixmap("norma", 84, palette.ACCENT_STRONG, "#ffffff"))
    painter.setPen(QColor(palette.TEXT))
    painter.setFont(font(46, bold=True))
    painter.drawText(148, 108, "Norma")
    painter.setPen(QColor(palette.MUTED))
    painter.setFont(font(16))
    painter.drawText(150, 138, "Production-line inspection")
    painter.end()
    splash = QSplashScreen(picture)
    splash.show()
    return splash


def _say(sentence: str) -> None:
    """Show `sentence` and wait until it is read; also on the terminal, for whoever started us there."""
    print(f"norma: {sentence}", file=sys.stderr, flush=True)
    if QApplication.platformName() not in ("offscreen", "minimal"):
        QMessageBox.critical(None, "Norma", sentence)


def _close_on_signals(window: "MainWindow") -> dict[int, Any]:
    """End in good order on Ctrl-C and on a service manager's stop; returns the handlers that stood before.

    Ctrl-C comes from a person, who may be asked about unfinished work; a stop does not wait for an answer.

    Python's handlers run between two bytecodes: at the latest when the window's clock ticks.
    """
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda *_: window.close())
        before[signal.SIGTERM] = signal.signal(signal.SIGTERM, lambda *_: window.close_unasked())
    return before


class FaultReporter(QObject):
    """Writes every unforeseen error to the log in full and tells the person in one sentence.

    Signals:
        happened(sentence): in the GUI thread, whichever thread failed.
    """

    happened = Signal(str)
    _raised = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._raised.connect(self.happened, Qt.ConnectionType.QueuedConnection)
        self._before = (sys.excepthook, threading.excepthook)

    def install(self) -> None:
        """Take the place of Python's and Qt's own handlers."""
        self._before = (sys.excepthook, threading.excepthook)
        sys.excepthook = self.report
        threading.excepthook = lambda args: self.report(args.exc_type, args.exc_value, args.exc_traceback)
        qInstallMessageHandler(_log_qt)

    def uninstall(self) -> None:
        """Put back what stood before."""
        sys.excepthook, threading.excepthook = self._before
        qInstallMessageHandler(None)

    def report(
        self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Log `error` and tell the person."""
        if issubclass(kind, (KeyboardInterrupt, SystemExit)):
            return
        log.critical("unforeseen error", exc_info=(kind, error or kind(), trace))
        if isinstance(error, NormaError):
            sentence = str(error)
        else:
            sentence = (
                f"Something went wrong inside Norma ({kind.__name__}). The details are in {log_file()}."
            )
        self._raised.emit(sentence)


def _log_qt(kind: QtMsgType, _context: object, message: str) -> None:
    level = {QtMsgType.QtDebugMsg: logging.DEBUG, QtMsgType.QtInfoMsg: logging.INFO}
    logging.getLogger("qt").log(level.get(kind, logging.WARNING), "%s", message)
