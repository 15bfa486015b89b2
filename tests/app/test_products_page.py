"""The Products screen: what it shows, and how versions are published and rolled back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from app.context import AppContext
from app.products.page import ProductsPage
from app.products.reason_dialog import ReasonDialog
from app.products.recipe_dialog import RecipeDialog
from app.products.words import model_facts
from inspector_core.detectors.model_file import read_metadata
from inspector_core.inspection.recipe import Region, Thresholds
from inspector_core.resources import resource

LEFT = Qt.MouseButton.LeftButton
EXACT = 0.123456789


@pytest.fixture
def page(qtbot, context: AppContext) -> Iterator[ProductsPage]:
    made = ProductsPage(context)
    qtbot.addWidget(made)
    made.resize(1240, 700)
    made.show()
    yield made
    made.shut_down()


@pytest.fixture
def two_versions(context: AppContext, recipe) -> None:
    first = recipe.model_copy(update={"thresholds": Thresholds(fail=EXACT, pixel=0.5)})
    context.recipes.publish(first, reason="first", author="A. Kaya")
    second = recipe.model_copy(update={"region": Region(x=1, y=2, width=30, height=40)})
    context.recipes.publish(second, reason="closer region", author="M. Weber")


def dialog_of(page: ProductsPage, kind: type):
    return page.findChildren(kind)[-1]


def test_an_empty_station_says_what_to_do(page: ProductsPage) -> None:
    assert page.first_button.isVisible()
    assert not page.start_button.isVisible()


def test_versions_stand_with_their_reason_author_and_the_active_one(two_versions, page: ProductsPage) -> None:
    rows = [[page.versions.item(row, k).text() for k in range(6)] for row in range(2)]
    assert [row[0] for row in rows] == ["2  active", "1"]
    assert (rows[0][2], rows[0][5], rows[1][5]) == ("M. Weber", "closer region", "first")
    assert ("Region", "30 × 40 at (1, 2)") in page.recipe_facts.facts


def test_a_model_that_is_gone_is_said_in_words(qtbot, two_versions, page: ProductsPage) -> None:
    qtbot.waitUntil(lambda: "is missing" in page._bound.text(), timeout=5_000)
    assert "bracket.safetensors" in page._bound.text()


def test_rolling_back_needs_a_reason(qtbot, two_versions, page: ProductsPage, context: AppContext) -> None:
    assert not page.activate_button.isEnabled()
    page.versions.selectRow(1)
    qtbot.mouseClick(page.activate_button, LEFT)
    dialog = dialog_of(page, ReasonDialog)
    dialog.author_line.setText("M. Weber")
    assert not dialog.do.isEnabled()
    qtbot.keyClicks(dialog.reason_line, "rejects good parts")
    with qtbot.waitSignal(context.bridge.recipes_changed):
        qtbot.mouseClick(dialog.do, LEFT)
    assert context.recipes.active("Bracket").version == 1
    assert "Version 1 of Bracket is active" in page.notice.text


def test_editing_publishes_a_new_version_and_keeps_every_digit(
    qtbot, two_versions, page: ProductsPage, context: AppContext
) -> None:
    page.versions.selectRow(1)
    qtbot.mouseClick(page.edit_button, LEFT)
    dialog = dialog_of(page, RecipeDialog)
    dialog.author_line.setText("M. Weber")
    dialog.reason_line.setText("ignore specks")
    assert not dialog.publish.isEnabled()
    dialog.least_area.setValue(12)
    qtbot.mouseClick(dialog.publish, LEFT)
    active = context.recipes.active("Bracket")
    assert (active.version, active.reason, active.author) == (3, "ignore specks", "M. Weber")
    assert active.thresholds == Thresholds(fail=EXACT, pixel=0.5, least_area=12)
    assert context.recipes.get("Bracket", 1).thresholds.least_area == 0


def test_wrong_settings_can_not_be_published(qtbot, two_versions, page: ProductsPage) -> None:
    page.edit()
    dialog = dialog_of(page, RecipeDialog)
    dialog.reason_line.setText("x")
    dialog.author_line.setText("x")
    dialog.with_review.setChecked(True)
    dialog.review.setValue(dialog.fail.value() + 0.1)
    assert "REVIEW must not be above FAIL" in dialog.problem()
    dialog.review.setValue(dialog.fail.value() - 0.2)
    assert dialog.publish.isEnabled()
    dialog.camera.source.clear()
    assert "folder" in dialog.problem()
    assert not dialog.publish.isEnabled()
    dialog.reject()


def test_a_second_line_is_not_started(
    qtbot, two_versions, page: ProductsPage, running_line, context: AppContext
) -> None:
    running_line()
    qtbot.mouseClick(page.start_button, LEFT)
    assert "The line runs Bracket" in page.notice.text
    assert "running" in page.list.item(0).toolTip()


def test_the_wizard_takes_the_page_and_gives_it_back(qtbot, page: ProductsPage) -> None:
    qtbot.mouseClick(page.first_button, LEFT)
    wizard = page.wizard
    assert wizard.isVisible()
    with qtbot.waitSignal(wizard.closed, timeout=10_000):
        qtbot.mouseClick(wizard.cancel_button, LEFT)
    qtbot.waitUntil(lambda: page.wizard is None)
    assert page.first_button.isVisible()


def test_a_damaged_recipe_is_named(two_versions, page: ProductsPage, context: AppContext) -> None:
    Path(context.workspace.recipes / "bracket" / "v0001.toml").write_text("version = [")
    page.reload()
    assert "v0001.toml" in page.notice.text


def test_a_model_that_turns_parts_says_so() -> None:
    model = read_metadata(resource("models/demo-edge.safetensors"))
    assert "Pose" not in dict(model_facts(model))
    once = model.training.model_copy(update={"steps": 1})
    assert "1 step," in dict(model_facts(model.model_copy(update={"training": once})))["Trained on"]
    turning = dict(model_facts(model.model_copy(update={"registered": True})))
    assert turning["Pose"] == "each part is turned and shifted to lie as the reference does"
