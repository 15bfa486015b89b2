"""The Tuning screen through its widgets, on a real database and recipe store."""

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget
from station_records import HELD_OUT, NAME, part, record

from app.history import periods
from app.tuning.page import TuningPage
from app.tuning.part_strips import BEST_BAD, CHANGED, WORST_GOOD
from app.tuning.scale import to_axis
from inspector_core.inspection.recipe import Thresholds


@pytest.fixture
def page(qtbot, context) -> TuningPage:
    context.settings.setValue("tuning/period", periods.ALL)
    made = TuningPage(context)
    qtbot.addWidget(made)
    made.resize(1240, 700)
    made.show()
    yield made
    made.shut_down()
    made._background.wait()
    made.strips._background.wait()


@pytest.fixture
def tuned(qtbot, plant, page) -> TuningPage:
    """The page with the plant's scores."""
    page.reload_recipes()
    qtbot.waitUntil(lambda: page.material is not None and len(page.material.table.id) == 449, timeout=5000)
    return page


def test_without_a_recipe_the_page_says_what_to_do(page):
    assert page.empty.isVisible()
    assert "Products" in page.empty.remedy.text()


def test_the_histogram_counts_every_score_and_the_held_out_parts(tuned):
    counts = tuned.histogram.counts
    assert sum(counts.values()) == 449
    assert counts["Passed, not labelled"] == 446
    assert len(tuned.histogram._rug.data) == len(HELD_OUT)
    assert tuned.histogram.fail.value() == pytest.approx(float(to_axis(0.5)))


def test_dragging_a_line_and_typing_a_number_are_the_same(qtbot, tuned):
    tuned.histogram.fail.setValue(float(to_axis(0.7)))
    tuned.histogram.fail.sigDragged.emit(tuned.histogram.fail)
    assert tuned.panel.fail.value() == pytest.approx(0.7, abs=1e-6)
    assert "1 fewer NG (1 instead of 2)" in tuned.panel.replay.text()
    tuned.panel.fail.setValue(0.3)
    assert tuned.thresholds == Thresholds(fail=0.3, review=0.3, pixel=0.5)
    assert tuned.histogram.fail.value() == pytest.approx(float(to_axis(0.3)))
    tuned.panel.fail.setValue(0.6)
    assert tuned.thresholds.review == 0.4  # it gave way and came back


def test_the_parts_that_would_change_are_shown(qtbot, tuned):
    tuned.panel.fail.setValue(0.45)
    strip = tuned.strips.strips[CHANGED]
    qtbot.waitUntil(lambda: len(strip.items) == 1, timeout=5000)
    assert strip.items[0].caption.startswith("#300")
    assert not strip.items[0].picture.isNull()
    assert tuned.strips.tabText(0) == "Would change: 1"


def test_the_worst_good_and_the_best_bad_are_shown(qtbot, tuned):
    good, bad = tuned.strips.strips[WORST_GOOD], tuned.strips.strips[BEST_BAD]
    qtbot.waitUntil(lambda: bool(good.items) and bool(bad.items), timeout=5000)
    assert good.items[0].caption.startswith("#450")
    assert [item.caption.split()[0] for item in bad.items] == ["#200", "#100"]


def test_the_model_s_threshold_is_taken_exactly(qtbot, tuned):
    qtbot.mouseClick(tuned.panel.use_model, Qt.MouseButton.LeftButton)
    assert tuned.thresholds.fail == 0.2123456789  # more digits than the box shows
    assert "0 of 40 normal parts rejected" in tuned.panel.false_rejects.text()


def test_pixel_threshold_and_least_area_redraw_the_chosen_part(qtbot, plant, tuned):
    tuned.strips.chosen.emit(plant.parts[99].id)
    qtbot.waitUntil(lambda: tuned.pixels.part is not None, timeout=5000)
    assert tuned.side.currentWidget() is tuned.pixels
    assert tuned.pixels.found.text().startswith("1 area, ")
    drawn = len(tuned.pixels.view._contours)
    tuned.pixels.area.setValue(100_000)
    assert (drawn, len(tuned.pixels.view._contours)) == (1, 0)
    assert "held for review" in tuned.pixels.found.text()
    tuned.pixels.slider.setValue(1000)
    assert tuned.thresholds.pixel == 1.0
    qtbot.mouseClick(tuned.panel.undo, Qt.MouseButton.LeftButton)
    assert tuned.thresholds == tuned.material.recipe.thresholds


def test_publishing_needs_a_change_and_a_reason(qtbot, context, tuned):
    bar = tuned.publish_bar
    bar.reason.setText("too many escapes")
    assert not bar.publish.isEnabled()
    tuned.panel.fail.setValue(0.45)
    bar.author.setText("Grace")
    with qtbot.waitSignal(context.bridge.recipes_changed):
        qtbot.mouseClick(bar.publish, Qt.MouseButton.LeftButton)
    made = context.recipes.active(NAME)
    assert (made.version, made.thresholds.fail, made.reason, made.author) == (
        2,
        0.45,
        "too many escapes",
        "Grace",
    )
    assert context.recipes.get(NAME, 1).thresholds.fail == 0.5
    qtbot.waitUntil(lambda: tuned.material.recipe.version == 2, timeout=5000)
    qtbot.waitUntil(lambda: bool(context.bridge.records.events(1)), timeout=5000)
    event = context.bridge.records.events(1)[0]
    assert (event.kind, event.by, event.old, event.new) == ("recipe", "Grace", "v1", "v2")
    tuned.notice.dismiss()


def test_an_earlier_version_comes_back(qtbot, context, tuned):
    changed = tuned.material.recipe.model_copy(update={"thresholds": Thresholds(fail=0.3)})
    context.recipes.publish(changed, reason="a try", author="Grace")
    tuned.reload()
    qtbot.waitUntil(lambda: tuned.material.recipe.version == 2, timeout=5000)
    assert tuned.thresholds.fail == 0.3
    tuned.side.setCurrentWidget(tuned.versions)
    tuned.versions.list.setCurrentRow(1)
    qtbot.mouseClick(tuned.versions.activate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: tuned.material.recipe.version == 1, timeout=5000)
    assert context.recipes.active(NAME).version == 1
    assert tuned.thresholds.fail == 0.5
    tuned.notice.dismiss()


def test_scores_of_another_model_are_left_out(qtbot, context, plant, tuned):
    other = tuned.material.recipe.model_copy(update={"model": "other.safetensors"})
    made = context.recipes.publish(other, reason="new model", author="Grace")
    record(plant.records, made, [part(n, 0.2, recipe_version=2) for n in (1, 2, 3)])
    tuned.reload()
    qtbot.waitUntil(lambda: tuned.material.recipe.version == 2, timeout=5000)
    assert len(tuned.material.table.id) == 3
    assert "other.safetensors" in tuned.panel.false_rejects.text()


def test_a_model_that_is_gone_is_said_and_tuning_goes_on(qtbot, context, tuned):
    (context.workspace.models / "bracket.safetensors").unlink()
    tuned.reload()
    qtbot.waitUntil(lambda: tuned.material.calibration is None, timeout=5000)
    assert "is missing" in tuned.panel.false_rejects.text()
    assert not tuned.panel.use_model.isEnabled()
    assert sum(tuned.histogram.counts.values()) == 449


def test_a_trial_survives_a_fresh_reading_of_the_scores(qtbot, plant, tuned):
    tuned.panel.fail.setValue(0.33)
    record(plant.records, plant.recipe, [part(451, 0.05)])
    tuned.entered()
    qtbot.waitUntil(lambda: len(tuned.material.table.id) == 450, timeout=5000)
    assert tuned.thresholds.fail == 0.33


def test_a_line_follows_the_mouse(qtbot, tuned):
    plot = tuned.histogram.plot
    box = plot.getViewBox()

    def at(score: float) -> QPoint:
        scene = box.mapViewToScene(QPointF(float(to_axis(score)), sum(box.viewRange()[1]) / 2))
        return plot.mapFromScene(scene)

    left = Qt.MouseButton.LeftButton
    qtbot.wait(50)
    qtbot.mousePress(plot.viewport(), left, pos=at(0.5))
    for score in (0.55, 0.65, 0.75):
        qtbot.wait(30)  # the chart looks at the pointer at most a hundred times a second
        send_move(plot.viewport(), at(score))
    qtbot.mouseRelease(plot.viewport(), left, pos=at(0.75))
    assert tuned.thresholds.fail == pytest.approx(0.75, abs=0.03)
    assert tuned.panel.fail.value() == pytest.approx(tuned.thresholds.fail, abs=1e-6)


def send_move(widget: QWidget, to: QPoint) -> None:
    """A mouse move with the left button held, which QTest leaves out."""
    left = Qt.MouseButton.LeftButton
    place = QPointF(to)
    event = QMouseEvent(
        QEvent.Type.MouseMove, place, widget.mapToGlobal(place), left, left, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(widget, event)


def test_the_names_of_close_lines_do_not_overlap(qtbot, tuned):
    histogram = tuned.histogram
    for fail, review in ((0.52, 0.45), (0.9, 0.89), (0.05, 0.04)):
        histogram.show_thresholds(Thresholds(fail=fail, review=review))
        QApplication.processEvents()
        names = [
            line.label.mapRectToScene(line.label.boundingRect())
            for line in (histogram.fail, histogram.review)
        ]
        assert not names[0].intersects(names[1]), (fail, review)
