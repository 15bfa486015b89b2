"""The wizard's steps one by one: what they refuse, and what they leave behind."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QMessageBox

from app.context import AppContext
from app.products.draft import Draft, publish, write_normals
from app.products.picture_check import read_picture
from app.products.strangest import strangest_parts
from app.products.wizard.wizard import NewProductWizard
from inspector_core.detectors.model_file import Calibration, ModelMetadata, TrainingInfo
from inspector_core.errors import DataError, RecipeError, WorkspaceError
from inspector_core.images import list_images, read_rgb, write_png
from inspector_core.inspection.recipe import CameraSettings, Recipe, Region, Thresholds

LEFT = Qt.MouseButton.LeftButton
TEXTURE = np.random.default_rng(0).integers(60, 200, (96, 128, 3), dtype=np.uint8)


def picture(seed: int) -> np.ndarray:
    """A picture with detail that no other seed has."""
    image = TEXTURE.copy()
    top, left = np.random.default_rng(seed).integers(0, (60, 90))
    image[top : top + 30, left : left + 30] //= 2
    return image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(10):
        write_png(tmp_path / "good" / f"{seed}.png", picture(seed))
    return tmp_path / "good"


@pytest.fixture
def wizard(qtbot, context: AppContext) -> Iterator[NewProductWizard]:
    made = NewProductWizard(context)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.shut_down()


def to_pictures(qtbot, wizard: NewProductWizard, folder: Path) -> None:
    wizard.step.name.setText("Flange")
    qtbot.mouseClick(wizard.next, LEFT)
    wizard.step.folder.check(folder)
    qtbot.waitUntil(lambda: not wizard.step.folder.busy, timeout=10_000)


def draft_of(context: AppContext, folder: Path) -> Draft:
    draft = Draft(context.workspace, name="Flange", folder=folder, author="M. Weber")
    draft.pictures = [read_picture(path) for path in list_images(folder)]
    return draft


def trained(draft: Draft) -> Draft:
    """The draft with a model file of no use but with metadata that are right."""
    draft.home.mkdir(parents=True)
    draft.model_file.write_bytes(b"weights")
    info = TrainingInfo(
        command="", data="normals", data_fingerprint="", normals=10, steps=1, seconds=1.0, seed=0,
        device="cpu", created_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    calibration = Calibration(
        scores=(0.1, 0.2), requested_rate=0.01, threshold=0.2, upper_bound=0.7, pixel_threshold=0.4
    )
    config = {"detector": "diffusion-ad", "preset": "edge", "size": 128}
    draft.model = ModelMetadata(config=config, training=info, calibration=calibration, sha256="ab" * 32)
    return draft


def test_a_product_needs_a_name_of_its_own(qtbot, wizard: NewProductWizard, context: AppContext) -> None:
    assert not wizard.next.isEnabled()
    recipe = Recipe(name="Flange", camera=CameraSettings(), model="m", thresholds=Thresholds(fail=1.0))
    context.recipes.publish(recipe, reason="", author="")
    wizard.step.name.setText("flange")
    assert "Choose another name" in wizard.step.problem()
    wizard.step.name.setText("Flange 2")
    assert wizard.next.isEnabled()


def test_too_few_pictures_are_not_enough(qtbot, wizard: NewProductWizard, folder: Path) -> None:
    for name in ("0.png", "1.png", "2.png"):
        (folder / name).unlink()
    to_pictures(qtbot, wizard, folder)
    assert "at least 8" in wizard.step.problem()
    assert not wizard.next.isEnabled()


def test_a_bad_picture_is_named_left_out_and_can_be_taken_in(
    qtbot, wizard: NewProductWizard, folder: Path
) -> None:
    write_png(folder / "twin.png", picture(3))
    (folder / "torn.png").write_bytes(b"\x89PNG")
    to_pictures(qtbot, wizard, folder)
    problems = {p.path.name: p.problem for p in wizard.draft.pictures if p.problem}
    assert problems == {"twin.png": "the same picture as 3.png", "torn.png": problems["torn.png"]}
    assert "not an image" in problems["torn.png"]
    assert len(wizard.draft.used) == 10
    names = [p.path.name for p in wizard.draft.pictures]
    wizard.step.grid.toggled.emit(names.index("twin.png"))
    wizard.step.grid.toggled.emit(names.index("torn.png"))
    assert len(wizard.draft.used) == 11


def test_a_folder_without_pictures_is_said_in_words(qtbot, wizard: NewProductWizard, tmp_path: Path) -> None:
    to_pictures(qtbot, wizard, tmp_path)
    assert wizard.notice.kind == "error"
    assert f"{tmp_path} holds no images" in wizard.notice.text
    wizard.step.folder.check(tmp_path / "nowhere")
    qtbot.waitUntil(lambda: "nowhere is missing" in wizard.notice.text, timeout=10_000)


def test_a_region_that_is_drawn_is_what_the_network_sees(
    qtbot, wizard: NewProductWizard, folder: Path
) -> None:
    to_pictures(qtbot, wizard, folder)
    qtbot.mouseClick(wizard.next, LEFT)
    wizard.step.editor.region_changed.emit(QRect(8, 16, 64, 48))
    assert wizard.step.fields["height"].value() == 48
    assert not wizard.step.problem()
    write_normals(wizard.draft)
    crops = list_images(wizard.draft.normals)
    assert len(crops) == 10
    np.testing.assert_array_equal(read_rgb(crops[0]), picture(0)[16:64, 8:72])
    wizard.step.editor.region_changed.emit(None)
    assert wizard.draft.region is None


def test_cancel_asks_and_leaves_the_workspace_as_it_was(
    qtbot, wizard: NewProductWizard, context: AppContext, folder: Path, monkeypatch
) -> None:
    before = sorted(context.workspace.root.rglob("*"))
    to_pictures(qtbot, wizard, folder)
    write_normals(wizard.draft)
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Discard]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers.pop(0))
    qtbot.mouseClick(wizard.cancel_button, LEFT)
    assert wizard.isEnabled()
    assert wizard.draft.normals.exists()
    with qtbot.waitSignal(wizard.closed, timeout=10_000):
        qtbot.mouseClick(wizard.cancel_button, LEFT)
    assert sorted(context.workspace.root.rglob("*")) == before
    assert not answers


def test_an_untouched_wizard_closes_without_a_question(qtbot, wizard: NewProductWizard) -> None:
    with qtbot.waitSignal(wizard.closed, timeout=10_000):
        qtbot.mouseClick(wizard.cancel_button, LEFT)


def test_a_renamed_product_takes_its_pictures_along(context: AppContext) -> None:
    draft = Draft(context.workspace, name="Flange", source="camera")
    write_png(draft.captured / "0001.png", picture(0))
    draft.pictures = [read_picture(draft.captured / "0001.png")]
    old = draft.home
    draft.rename("Flange, large")
    assert not old.exists()
    assert draft.pictures[0].path == draft.captured / "0001.png"
    assert draft.pictures[0].path.is_file()


def test_changed_settings_ask_for_another_training(context: AppContext, folder: Path) -> None:
    draft = draft_of(context, folder)
    before = draft.what_is_trained()
    draft.region = Region(x=0, y=0, width=64, height=64)
    assert draft.what_is_trained() != before


def test_a_region_outside_a_picture_is_refused(context: AppContext, folder: Path) -> None:
    draft = draft_of(context, folder)
    draft.region = Region(x=100, y=0, width=64, height=64)
    with pytest.raises(DataError, match=r"outside 0\.png"):
        write_normals(draft)


def test_publishing_is_all_or_nothing(context: AppContext, folder: Path, monkeypatch) -> None:
    draft = trained(draft_of(context, folder))

    def refuse(*_, **__):
        raise RecipeError("the recipe folder is full", "free some space")

    with monkeypatch.context() as patch:
        patch.setattr(type(context.recipes), "publish", refuse)
        with pytest.raises(RecipeError):
            publish(draft, context.recipes)
    assert list(context.workspace.models.iterdir()) == []
    assert context.recipes.products() == []
    assert draft.model_file.exists()

    recipe = publish(draft, context.recipes)
    assert recipe.model_path(context.workspace).read_bytes() == b"weights"
    assert context.recipes.active("Flange") == recipe
    assert recipe.thresholds.fail == np.nextafter(0.2, 1.0)


def test_publishing_without_the_model_says_so(context: AppContext, folder: Path) -> None:
    draft = trained(draft_of(context, folder))
    draft.model_file.unlink()
    with pytest.raises(WorkspaceError):
        publish(draft, context.recipes)
    assert context.recipes.products() == []


def test_the_strangest_parts_are_told_though_one_is_gone(folder: Path) -> None:
    calibration = Calibration(
        scores=(0.1, 0.2, 0.3), requested_rate=0.01, threshold=0.3, upper_bound=0.7, pixel_threshold=0.4,
        strangest=(("2.png", 0.3), ("gone.png", 0.2)),
    )  # fmt: skip
    there, gone = strangest_parts(calibration, folder)
    assert (there.path, there.score) == (folder / "2.png", 0.3)
    assert there.image is not None
    np.testing.assert_array_equal(there.image, picture(2))
    assert (gone.score, gone.image) == (0.2, None)
