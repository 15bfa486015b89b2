"""The operator's screen, driven as an operator does."""

import itertools
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel

from app.line_bridge import Figures
from app.live.page import ALARM_AFTER, LivePage
from app.live.states import LOOKS, advice, state_look
from app.main_window import MainWindow, Page
from inspector_core.inspection.drift import PATIENCE, WINDOW
from inspector_core.inspection.line import LineState
from inspector_core.inspection.line_counts import Counts
from inspector_core.inspection.verdict import Verdict


@pytest.fixture
def live(qtbot, context, recipe):
    context.recipes.publish(recipe, reason="first", author="test")
    page = LivePage(context)
    qtbot.addWidget(page)
    page.resize(1240, 720)
    with qtbot.waitActive(page):
        page.show()
        page.activateWindow()
    yield page
    page.notice.dismiss()
    page.hide()


@pytest.fixture
def line(qtbot, live, station):
    """Started by the key that starts it."""
    with qtbot.waitSignal(live._bridge.started):
        qtbot.keyClick(live, Qt.Key.Key_F5)
    return station.lines[-1]


def texts(page):
    return {key: tile.value.text() for key, tile in page.figures.tiles.items()}


def test_before_the_start_it_says_what_to_do(live):
    assert live.banner.word == "STOPPED"
    assert "Start (F5)" in live.banner.detail
    assert live.controls.start.isEnabled()
    assert not live.controls.stop.isEnabled()


def test_without_a_recipe_it_points_to_the_products(qtbot, context):
    page = LivePage(context)
    qtbot.addWidget(page)
    assert "Products" in page.banner.detail
    assert not page.controls.start.isEnabled()


def test_one_key_starts_and_one_stops(qtbot, live, line):
    assert line.state is LineState.WAITING
    assert not live.controls.start.isEnabled()
    with qtbot.waitSignal(live._bridge.stopped):
        qtbot.keyClick(live, Qt.Key.Key_F6)
    assert live.banner.word == "STOPPED"
    assert live.controls.start.isEnabled()


def test_every_key_stands_in_a_tool_tip(live):
    tips = [b.toolTip() for b in (live.controls.start, live.controls.stop, live.controls.acknowledge)]
    tips.append(live.pictures.overlay.toolTip())
    assert [tip.rsplit("[", 1)[1] for tip in tips] == ["F5]", "F6]", "F8]", "O]"]


@pytest.mark.parametrize("verdict", Verdict)
def test_the_newest_verdict_is_on_the_banner(qtbot, live, line, images, verdict):
    line.inspect(verdict, images)
    qtbot.waitUntil(lambda: live.banner.word == verdict.shown)
    assert "Part 1" in live.banner.detail


def test_an_error_says_why_and_to_take_the_part_out(qtbot, live, line):
    line.inspect(Verdict.ERROR)
    qtbot.waitUntil(lambda: live.banner.word == "ERROR")
    assert "the camera gave no picture" in live.banner.detail
    assert "take the part out" in live.banner.detail


def test_the_tiles_show_committed_parts_only(qtbot, live, line, images):
    line.inspect(Verdict.PASS, images)
    line.inspect(Verdict.FAIL, images, lost=1)
    qtbot.wait(320)
    assert texts(live)["triggered"] == "0"
    line.commit()
    qtbot.waitUntil(lambda: texts(live)["triggered"] == "3", timeout=2000)
    shown = texts(live)
    assert (shown["passed"], shown["failed"], shown["lost"], shown["yield"]) == ("1", "1", "1", "33.3%")
    assert shown["last"] == "42 ms"


def test_a_click_on_a_reject_asks_for_that_inspection(qtbot, live, line, images):
    line.inspect(Verdict.PASS, images)
    line.inspect(Verdict.FAIL, images)
    line.commit()
    qtbot.waitUntil(lambda: len(live.rejects.items) == 1)
    opened = []
    history = SimpleNamespace(open_inspection=opened.append)
    live._context = replace(live._context, go={"History": history}.__getitem__)
    qtbot.mouseClick(live.rejects, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    assert opened == [1002]


def test_many_rejects_in_a_row_raise_an_alarm_until_acknowledged(qtbot, live, line, images):
    for _ in range(ALARM_AFTER):
        line.inspect(Verdict.FAIL, images)
    line.commit()
    qtbot.waitUntil(lambda: "in a row" in live.controls.state.word)
    assert "F8" in live.controls.state.detail
    qtbot.keyClick(live, Qt.Key.Key_F8)
    assert live.controls.state.word == "Running"
    assert line.rejects_in_a_row == 0


def test_an_alarm_can_be_acknowledged_after_the_line_has_stopped(qtbot, live, line, images):
    for _ in range(ALARM_AFTER):
        line.inspect(Verdict.FAIL, images)
    line.commit()
    qtbot.waitUntil(lambda: "in a row" in live.controls.state.word)
    with qtbot.waitSignal(live._bridge.stopped):
        qtbot.keyClick(live, Qt.Key.Key_F6)
    qtbot.keyClick(live, Qt.Key.Key_F8)
    assert live.controls.state.word == "Stopped"


@pytest.mark.parametrize(
    ("state", "reason", "word"),
    [
        (LineState.NO_CAMERA, "no frame for 5 s", "NO CAMERA"),
        (LineState.NO_MODEL, "the model is gone: put it back", "NO MODEL"),
        (LineState.DISK_FULL, "the disk is full", "DISK FULL"),
        (LineState.FAULT, "the database is locked", "FAULT"),
    ],
)
def test_trouble_takes_the_banner_with_what_to_do(qtbot, live, line, images, state, reason, word):
    line.inspect(Verdict.PASS, images)
    qtbot.waitUntil(lambda: live.banner.word == "OK")
    line.end(state, reason)
    qtbot.waitUntil(lambda: live.banner.word == word)
    assert reason.split(":")[0] in live.banner.detail.lower()
    assert live.banner.detail == advice(LOOKS[state], reason)


def test_the_verdict_comes_back_when_the_camera_does(qtbot, live, line, images):
    line.inspect(Verdict.PASS, images)
    qtbot.waitUntil(lambda: live.banner.word == "OK")
    line.state, line.reason = LineState.NO_CAMERA, "no frame for 5 s"
    qtbot.waitUntil(lambda: live.banner.word == "NO CAMERA")
    line.reason = ""
    line.inspect(Verdict.FAIL, images)
    qtbot.waitUntil(lambda: live.banner.word == "NG")


def test_waiting_for_the_first_part_is_plain(qtbot, live, line):
    qtbot.waitUntil(lambda: live.banner.word == "WAITING")
    assert "Ready" in live.banner.detail


@pytest.mark.parametrize("state", LineState)
def test_every_state_has_a_word_a_sign_and_something_to_say(state):
    look = state_look(state)
    assert look.word
    assert look.icon
    assert look.advice.endswith(".")


def test_the_map_is_switched_by_its_key_and_stays_so_after_a_restart(qtbot, live, context):
    assert live.pictures.camera.overlay_shown
    qtbot.keyClick(live, Qt.Key.Key_O)
    assert not live.pictures.camera.overlay_shown
    again = LivePage(context)
    qtbot.addWidget(again)
    assert not again.pictures.camera.overlay_shown


def test_a_part_without_a_reconstruction_shows_no_stale_one(qtbot, live, line, images):
    line.inspect(Verdict.PASS, images)
    qtbot.waitUntil(lambda: not live.pictures.expected.image_size.isEmpty())
    line.inspect(Verdict.ERROR, type(images)(images.image))
    qtbot.waitUntil(lambda: live.banner.word == "ERROR")
    assert live.pictures.expected.image_size.isEmpty()
    assert live.pictures.difference.image_size.isEmpty()


def test_a_new_run_forgets_the_last_one(qtbot, live, line, images, station):
    line.inspect(Verdict.FAIL, images)
    line.commit()
    qtbot.waitUntil(lambda: len(live.rejects.items) == 1)
    with qtbot.waitSignal(live._bridge.stopped):
        qtbot.keyClick(live, Qt.Key.Key_F6)
    with qtbot.waitSignal(live._bridge.started):
        qtbot.keyClick(live, Qt.Key.Key_F5)
    assert live.rejects.items == []
    assert len(live.trend) == 0
    assert texts(live)["triggered"] == "0"


def test_a_recipe_published_elsewhere_is_offered_at_once(live, context, recipe):
    other = recipe.model_copy(update={"name": "Washer"})
    context.recipes.publish(other, reason="new", author="test")
    context.bridge.recipes_changed.emit("Washer")
    offered = [live.controls.recipe.itemText(i) for i in range(live.controls.recipe.count())]
    assert offered == ["Bracket", "Washer"]


def test_a_newer_version_of_the_running_recipe_is_told_until_the_next_start(
    qtbot, live, line, context, recipe, images
):
    line.inspect(Verdict.PASS, images)
    qtbot.waitUntil(lambda: live.controls.state.word == "Running")
    context.recipes.publish(recipe.model_copy(update={"name": "Washer"}), reason="second", author="test")
    context.bridge.recipes_changed.emit("Washer")
    assert live.controls.state.detail == ""
    context.recipes.publish(recipe, reason="stricter", author="test")
    context.bridge.recipes_changed.emit("Bracket")
    assert live.controls.state.detail == "Version 2 is published; it is used at the next start."
    with qtbot.waitSignal(live._bridge.stopped):
        qtbot.keyClick(live, Qt.Key.Key_F6)
    with qtbot.waitSignal(live._bridge.started):
        qtbot.keyClick(live, Qt.Key.Key_F5)
    assert live._bridge.recipe.version == 2
    qtbot.waitUntil(lambda: live.controls.state.word == "Waiting")
    assert "Version" not in live.controls.state.detail
    context.recipes.activate("Bracket", 1)
    live.entered()
    assert live.controls.state.detail == "Version 1 is active again; it is used at the next start."


def test_good_parts_that_score_otherwise_than_at_calibration_are_told(qtbot, live, line, images):
    line.watch.normal_scores = tuple(0.01 * k for k in range(10, 60))  # the parts below score 0.1
    for _ in range(WINDOW + PATIENCE - 1):
        line.inspect(Verdict.PASS, images)
    assert live.drift.isHidden()
    line.commit()
    qtbot.waitUntil(live.drift.isVisible)
    assert "unusually low" in live.drift.text.text()
    assert "median score 0.1;" in live.drift.text.toolTip()
    with qtbot.waitSignal(live._bridge.stopped):
        qtbot.keyClick(live, Qt.Key.Key_F6)
    with qtbot.waitSignal(live._bridge.started):
        qtbot.keyClick(live, Qt.Key.Key_F5)
    assert live.drift.isHidden()


def test_pictures_that_were_not_archived_are_told(qtbot, live, line, images):
    line.inspect(Verdict.PASS, images)
    line.commit()
    qtbot.waitUntil(lambda: live.controls.state.word == "Running")
    line.watch.recorded_by(SimpleNamespace(dropped_images=3, archive_error=""))
    qtbot.waitUntil(lambda: "3 pictures" in live.controls.state.detail)


def test_the_screen_paints_at_twenty_a_second_while_parts_come_faster(qtbot, live, line):
    """A line of 200 parts a second, pictures of 512 x 512: what is painted is the newest."""
    from app.live import pictures as module

    painted, stop = [], threading.Event()
    shown = live.pictures.show_part
    live.pictures.show_part = lambda part: (shown(part), live.repaint(), painted.append(part.inspection.part))
    large = [big_part(seed) for seed in range(3)]
    live._bridge._timer.setInterval(40)

    def run():
        for images in itertools.cycle(large):
            if stop.wait(0.005):
                return
            line.inspect(Verdict.PASS, images)
            line.commit()

    runner = threading.Thread(target=run)
    runner.start()
    try:
        rates = []
        for _ in range(4):  # a neighbour on the same core may spoil a second
            began, before = time.perf_counter(), len(painted)
            qtbot.wait(700)
            rates.append((len(painted) - before) / (time.perf_counter() - began))
            if rates[-1] >= 20.0:
                break
        behind = line.made - painted[-1]
    finally:
        stop.set()
        runner.join()
    assert module.LONGEST >= 512
    assert max(rates) >= 20.0, f"{rates} frames a second"
    assert behind < 40
    assert painted == sorted(set(painted))


def big_part(seed):
    import numpy as np

    from inspector_core.inspection.verdict import PartImages

    rng = np.random.default_rng(seed)
    image = rng.integers(0, 255, (512, 512, 3), dtype=np.uint8)
    y, x = np.mgrid[:512, :512]
    return PartImages(
        image, image[::-1].copy(), np.exp(-((x - 200) ** 2 + (y - 99) ** 2) / 900).astype(np.float32)
    )


@pytest.mark.parametrize("size", [(1920, 1080), (1366, 768)])
def test_nothing_is_cut_off(qtbot, context, recipe, live, size):
    window = MainWindow([Page("Live", "live", lambda: live)])
    qtbot.addWidget(window)
    window.show_page("Live")
    window.resize(*size)
    with qtbot.waitExposed(window):
        window.show()
    live.figures.show_figures(
        Figures(Counts(1_234_567, 1_200_000, 30_000, 4_000, 67, 500), 12_345.0, 99_999.0, 99_999.0)
    )
    QApplication.processEvents()  # the layout follows
    assert (window.width(), window.height()) == size
    for shown in window.findChildren(QLabel):
        if shown.isVisible() and shown.text() and not shown.wordWrap():
            need = shown.fontMetrics().horizontalAdvance(shown.text())
            assert need <= shown.width() + 1, f"{shown.text()!r} needs {need} of {shown.width()} pixels"
    window.close()
    live.setParent(None)
