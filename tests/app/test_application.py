"""The window, its start and its end."""

import logging
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QSettings, Qt
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QWidget

from app.background import Background
from app.main import FaultReporter, run_app
from app.main_window import MainWindow, Page
from app.pages import pages
from app.shell import Shell
from app.widgets import EmptyState
from inspector_core.errors import RecordsError
from inspector_core.logs import log_to
from inspector_core.workspace import Workspace


class Recorder(QWidget):
    """A page that notes what it is told."""

    def __init__(self, closable: bool = True) -> None:
        super().__init__()
        self.told: list[str] = []
        self.closable = closable

    def entered(self) -> None:
        self.told.append("entered")

    def left(self) -> None:
        self.told.append("left")

    def may_close(self) -> bool:
        return self.closable

    def shut_down(self) -> None:
        self.told.append("shut down")


@pytest.fixture
def window(qtbot):
    made = {}

    def factory(title):
        made[title] = Recorder()
        return made[title]

    window = MainWindow([Page(title, "live", lambda title=title: factory(title)) for title in ("One", "Two")])
    window.pages_made = made
    qtbot.addWidget(window)
    yield window
    for page in made.values():
        page.closable = True
    window.close()


def test_a_page_is_made_when_it_is_first_opened(window):
    window.show_page("One")
    assert list(window.pages_made) == ["One"]
    window.show_page("Two")
    window.show_page("One")
    assert window.pages_made["One"].told == ["entered", "left", "entered"]


def test_pages_are_opened_by_keys_too(qtbot, window):
    window.show_page("One")
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert window.current == "Two"


def test_a_page_that_fails_does_not_take_the_window_with_it(qtbot):
    def broken():
        raise RecordsError("the database is locked", "close the other program")

    window = MainWindow([Page("Broken", "live", broken)])
    qtbot.addWidget(window)
    page = window.show_page("Broken")
    assert isinstance(page, EmptyState)
    assert page.remedy.text() == "The database is locked: close the other program."
    window.close()


def test_a_stop_that_nobody_can_answer_asks_nothing(window):
    page = window.show_page("One")
    window.show()
    page.closable = False
    window.close_unasked()
    assert not window.isVisible()
    assert page.told[-1] == "shut down"


def test_a_page_may_keep_the_window_open(window):
    page = window.show_page("One")
    window.show()
    page.closable = False
    assert not window.close()
    assert "shut down" not in page.told
    page.closable = True
    assert window.close()
    assert "shut down" in page.told


def test_the_status_bar_shortens_what_is_too_long_and_keeps_it_in_the_tool_tip(window):
    name = "a-very-long-model-name-that-no-status-bar-can-hold.safetensors"
    window.set_status("Model", name)
    shown = next(found for found in window.findChildren(QLabel) if found.toolTip() == name)
    window.resize(window.minimumSize())
    assert shown.sizeHint().width() > shown.width()
    assert not shown.grab().isNull()


def test_the_clock_lays_out_nothing_as_it_ticks(qtbot, window):
    with qtbot.waitExposed(window):
        window.show()
    window._clock.stop()
    for _ in range(3):
        QApplication.processEvents()
    texts, laid_out = [], []

    class Watch(QObject):
        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.LayoutRequest:
                laid_out.append(watched)
            return False

    watch = Watch()
    for text in ("11:11:11", "22:48:50"):
        window.statusBar().installEventFilter(watch)
        window._time.setText(text)
        QApplication.processEvents()
        texts.append(window._time.text())
    assert texts == ["11:11:11", "22:48:50"]
    assert not laid_out
    wide = window._time.fontMetrics().horizontalAdvance("22:48:50")
    assert window._time.contentsRect().width() >= wide - 1


def test_all_five_screens_are_in_the_rail(context):
    assert [page.title for page in pages(context)] == ["Live", "History", "Tuning", "Products", "Cameras"]


@pytest.fixture
def shell(qtbot, tmp_path, station, recipe):
    workspace = Workspace.open(tmp_path / "w")
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    made = Shell(workspace, settings, station)
    made.context.recipes.publish(recipe, reason="first", author="test")
    qtbot.addWidget(made.window)
    with qtbot.waitSignal(made.bridge.records_opened):
        made.show()
    yield made
    made.window.close()
    made.shut_down()


def test_closing_the_window_ends_the_line_and_closes_the_records(qtbot, shell, station, recipe):
    with qtbot.waitSignal(shell.bridge.started):
        shell.start_recipe(recipe.name)
    shell.window.close()
    shell.shut_down()
    assert station.lines[0].finished
    assert station.records.closed


def test_the_window_comes_back_where_it_was(shell):
    shell.window.resize(1300, 800)
    shell.window.close()
    assert shell.settings.value("window/geometry") is not None


def test_the_demo_is_prepared_behind_the_window_and_then_started(qtbot, shell, monkeypatch, recipe, station):
    from inspector_core.jobs import demo_line

    goes_on = threading.Event()

    def prepare(workspace, on_progress):
        on_progress(3, 120)
        goes_on.wait(5)
        return recipe

    asked = []
    opened = station.open_line
    monkeypatch.setattr(station, "open_line", lambda *given: asked.append(given[-1]) or opened(*given))
    monkeypatch.setattr(demo_line, "prepare_demo", prepare)
    live = shell.go("Live")
    shell.start_demo(7)
    qtbot.waitUntil(lambda: "part 3 of 120" in live.banner.detail)
    assert not live.controls.start.isEnabled()
    with qtbot.waitSignal(shell.bridge.started):
        goes_on.set()
    assert asked == [7]


def test_a_demo_that_can_not_be_prepared_says_why(qtbot, shell, monkeypatch):
    from inspector_core.jobs import demo_line

    def prepare(workspace, on_progress):
        raise RecordsError("the disk is full", "free some space")

    monkeypatch.setattr(demo_line, "prepare_demo", prepare)
    shell.start_demo()
    qtbot.waitUntil(lambda: shell.window.notice.text == "The disk is full: free some space.")
    assert shell.go("Live").banner.word == "STOPPED"


def test_closing_the_window_ends_the_drawing_of_the_demo(qtbot, shell, monkeypatch, tmp_path):
    from inspector_core.jobs import demo_line

    drawn = []

    def draw_slowly(seed, kind):
        drawn.append(seed)
        time.sleep(0.05)
        return SimpleNamespace(image=np.zeros((8, 8, 3), np.uint8))

    model = tmp_path / "model.safetensors"
    model.write_bytes(b"a model")
    monkeypatch.setattr(demo_line, "resource", lambda name: model)
    monkeypatch.setattr(demo_line, "read_metadata", lambda path: None)
    monkeypatch.setattr(demo_line, "demo_recipe", lambda metadata: None)
    monkeypatch.setattr(demo_line, "draw_part", draw_slowly)
    monkeypatch.setattr(demo_line, "GOOD", 1000)
    live = shell.go("Live")
    shell.start_demo()
    qtbot.waitUntil(lambda: "part" in live.banner.detail)
    shell.window.close()
    shell.shut_down()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPool")]
    assert len(drawn) < 500
    assert list((shell.context.workspace.root / "demo").iterdir()) == []


def test_a_workspace_that_can_not_be_written_ends_with_a_sentence(qtbot, tmp_path, capsys, monkeypatch):
    shown = []
    monkeypatch.setattr(QMessageBox, "critical", lambda parent, title, sentence: shown.append(sentence))
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert run_app(blocked / "w") == 2
    assert str(blocked) in capsys.readouterr().err
    assert all(str(blocked) in sentence for sentence in shown)


def test_an_unforeseen_error_is_logged_in_full_and_told_in_a_sentence(qtbot, tmp_path):
    path = log_to(tmp_path)
    reporter = FaultReporter()
    reporter.install()
    try:
        with qtbot.waitSignal(reporter.happened) as told:
            try:
                _ = {}["missing"]
            except KeyError:
                sys.excepthook(*sys.exc_info())
    finally:
        reporter.uninstall()
    logging.getLogger().handlers[-1].flush()
    assert "KeyError" in told.args[0]
    assert "Traceback" not in told.args[0]
    assert "Traceback" in path.read_text()
    assert "missing" in path.read_text()


def test_a_fault_in_a_thread_is_told_in_the_gui_thread(qtbot, tmp_path):
    log_to(tmp_path)
    reporter = FaultReporter()
    reporter.install()
    heard = []
    reporter.happened.connect(lambda sentence: heard.append(threading.current_thread()))
    try:
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        qtbot.waitUntil(lambda: bool(heard))
    finally:
        reporter.uninstall()
    assert heard == [threading.main_thread()]


def test_background_work_comes_back_in_the_gui_thread(qtbot):
    owner = QWidget()
    qtbot.addWidget(owner)
    background, heard = Background(owner), []
    background.run(
        threading.current_thread, lambda worker: heard.append((worker, threading.current_thread()))
    )
    qtbot.waitUntil(lambda: bool(heard))
    worker, receiver = heard[0]
    assert receiver is threading.main_thread()
    assert worker is not receiver
    assert not background.busy


def test_forgotten_work_is_not_delivered(qtbot):
    owner = QWidget()
    qtbot.addWidget(owner)
    background, heard = Background(owner), []
    background.forget(background.run(lambda: 1, heard.append))
    qtbot.waitUntil(lambda: not background.busy)
    assert heard == []


def test_work_that_outlives_its_owner_is_dropped(qtbot):
    owner, goes_on, heard = QWidget(), threading.Event(), []
    background = Background(owner)
    background.run(goes_on.wait, heard.append)
    owner.deleteLater()
    qtbot.wait(20)
    goes_on.set()
    assert background.wait(5.0)
    qtbot.wait(20)
    assert heard == []


def test_an_error_in_background_work_reaches_its_handler(qtbot):
    owner = QWidget()
    qtbot.addWidget(owner)
    heard = []
    background = Background(owner, failed=heard.append)
    background.run(lambda: 1 / 0)
    qtbot.waitUntil(lambda: bool(heard))
    assert isinstance(heard[0], ZeroDivisionError)
