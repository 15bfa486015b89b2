"""The wizard from its first click to a running line, with a real training process and a real line."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt

from app.shell import Shell
from inspector_core.demo.parts import draw_part
from inspector_core.detectors.model_file import read_metadata
from inspector_core.images import list_images, write_png
from inspector_core.inspection.recipe import Region
from inspector_core.workspace import Workspace

LEFT = Qt.MouseButton.LeftButton
TRAINING_MS = 120_000


@pytest.fixture
def shell(tmp_path: Path, qtbot) -> Iterator[Shell]:
    """The real window over an empty workspace."""
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    made = Shell(Workspace.open(tmp_path / "workspace"), settings)
    # A test that fails in the middle of the wizard must not wait for an answer.
    qtbot.addWidget(made.window, before_close_func=lambda window: window.close_unasked())
    made.window.resize(1366, 768)
    made.show()
    yield made
    made.window.close()
    made.shut_down()
    made.deleteLater()


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """30 good parts, as a customer would bring them."""
    folder = tmp_path / "photographs"
    for seed in range(30):
        write_png(folder / f"part-{seed:02d}.png", draw_part(seed, size=128).image)
    return folder


def test_thirty_photographs_become_a_running_recipe(qtbot, shell: Shell, photographs: Path) -> None:
    page = shell.window.show_page("Products")
    qtbot.mouseClick(page.first_button, LEFT)
    wizard = page.wizard

    qtbot.keyClicks(wizard.step.name, "Turned flange")
    qtbot.mouseClick(wizard.next, LEFT)

    assert not wizard.next.isEnabled()
    wizard.step.folder.path.setText(str(photographs))
    qtbot.keyClick(wizard.step.folder.path, Qt.Key.Key_Return)
    qtbot.waitUntil(wizard.next.isEnabled, timeout=20_000)
    assert len(wizard.draft.used) == 30
    qtbot.mouseClick(wizard.next, LEFT)

    wizard.step.fields["width"].setValue(120)
    qtbot.mouseClick(wizard.next, LEFT)

    train = wizard.step
    train.input_size.setCurrentIndex(train.input_size.findData(128))
    train.unit.setCurrentIndex(train.unit.findData("steps"))
    train.length.setValue(2)
    qtbot.mouseClick(train.start_button, LEFT)
    assert train.busy()
    assert not wizard.back.isEnabled()
    qtbot.waitUntil(lambda: not train.busy(), timeout=TRAINING_MS)
    assert wizard.notice.kind != "error", wizard.notice.text
    assert len(train.chart) > 0
    assert len(train.samples) > 0
    qtbot.mouseClick(wizard.next, LEFT)

    assert "30 normal parts" in wizard.step.bound.text()
    qtbot.waitUntil(lambda: bool(wizard.step.strip.items), timeout=60_000)
    qtbot.mouseClick(wizard.next, LEFT)

    wizard.step.author.clear()
    assert "who" in wizard.step.problem()
    qtbot.keyClicks(wizard.step.author, "M. Weber")
    qtbot.mouseClick(wizard.next, LEFT)
    qtbot.waitUntil(lambda: wizard.next.text() == "Start on Live", timeout=20_000)

    recipe = shell.context.recipes.active("Turned flange")
    workspace = shell.context.workspace
    model = read_metadata(recipe.model_path(workspace))
    assert recipe.region == Region(x=0, y=0, width=120, height=128)
    assert recipe.thresholds.fail == model.calibration.threshold
    assert (recipe.author, recipe.version, model.size, model.training.steps) == ("M. Weber", 1, 128, 2)
    assert len(list_images(workspace.root / "products" / "turned-flange" / "normals")) == 30

    qtbot.mouseClick(wizard.next, LEFT)
    assert shell.window.current == "Live"
    qtbot.waitUntil(lambda: shell.bridge.recipe == recipe and _inspected(shell) >= 2, timeout=60_000)
    qtbot.waitUntil(lambda: page.wizard is None, timeout=20_000)
    shell.bridge.stop()
    qtbot.waitUntil(lambda: not shell.bridge.running, timeout=30_000)


def _inspected(shell: Shell) -> int:
    page = shell.window.page("Live")
    return len(page.trend)
