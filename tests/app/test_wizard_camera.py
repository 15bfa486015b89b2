"""Taking the pictures of good parts with a camera, in the wizard."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt

from app.context import AppContext
from app.products.draft import Draft
from app.products.wizard.source_step import SourceStep
from inspector_core.images import list_images

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def step(qtbot, context: AppContext) -> Iterator[SourceStep]:
    made = SourceStep(context, Draft(context.workspace, name="Flange"))
    qtbot.addWidget(made)
    made.show()
    yield made
    made.abandon()
    made.wait()


def test_pictures_are_taken_counted_and_judged(qtbot, step: SourceStep) -> None:
    qtbot.mouseClick(step.choices["camera"], LEFT)
    camera = step.camera
    qtbot.waitUntil(lambda: camera.found is not None, timeout=30_000)
    camera.cameras.setCurrentIndex(1)
    camera.cameras.activated.emit(1)
    qtbot.waitUntil(camera.button.isEnabled, timeout=30_000)
    for count in (1, 2):
        qtbot.mouseClick(camera.button, LEFT)
        qtbot.waitUntil(lambda count=count: len(step.draft.pictures) == count, timeout=10_000)
    draft = step.draft
    assert draft.capture.source == "VikyTL_DEV_green"
    assert len(list_images(draft.captured)) == 2
    # The virtual camera shows a small square on white.
    assert draft.pictures[0].problem == "overexposed"
    assert "At least 8 are needed" in step._summary.text()
    step.grid.toggled.emit(0)
    assert len(draft.used) == 1

    qtbot.mouseClick(step.choices["folder"], LEFT)
    assert camera.feed.state == "closed"
    assert draft.pictures == []
    step.choose("camera")
    assert len(draft.pictures) == 2
