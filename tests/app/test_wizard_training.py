"""The training step: what it shows, and what happens when a run is stopped or fails."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from app.context import AppContext
from app.products.draft import Draft
from app.products.picture_check import read_picture
from app.products.wizard import train_step
from app.products.wizard.train_step import TrainStep, time_left
from app.products.wizard.training_view import LossAxis, LossChart, SampleSheet
from inspector_core.detectors.tiling import Tiling
from inspector_core.images import list_images, write_png
from inspector_core.training.job import JobState
from inspector_core.training.request import Progress, TrainingRequest

LEFT = Qt.MouseButton.LeftButton


class FakeJob:
    """A training process that does what the test says."""

    made: list["FakeJob"] = []

    def __init__(self, request: TrainingRequest) -> None:
        self.request = request
        self.state = JobState.RUNNING
        self.error = ""
        self.told: list[Progress] = []
        self.closed = False
        FakeJob.made.append(self)

    def start(self) -> None: ...

    def poll(self) -> list[Progress]:
        told, self.told = self.told, []
        return told

    def cancel(self) -> None:
        self.state = JobState.CANCELLED

    def close(self, timeout_s: float = 30.0) -> None:
        self.closed = True


@pytest.fixture
def step(qtbot, context: AppContext, tmp_path: Path, monkeypatch) -> Iterator[TrainStep]:
    monkeypatch.setattr(train_step, "TrainingJob", FakeJob)
    FakeJob.made = []
    for seed in range(8):
        image = np.random.default_rng(seed).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        write_png(tmp_path / "good" / f"{seed}.png", image)
    draft = Draft(context.workspace, name="Flange", folder=tmp_path / "good")
    draft.pictures = [read_picture(path) for path in list_images(tmp_path / "good")]
    made = TrainStep(context, draft)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.abandon()
    made.wait()


def started(qtbot, step: TrainStep) -> FakeJob:
    count = len(FakeJob.made)
    qtbot.mouseClick(step.start_button, LEFT)
    qtbot.waitUntil(lambda: len(FakeJob.made) > count, timeout=10_000)
    return FakeJob.made[-1]


def test_the_settings_become_the_request(qtbot, step: TrainStep) -> None:
    step.input_size.setCurrentIndex(step.input_size.findData(192))
    step.length.setValue(3.5)
    step.detector.setCurrentIndex(step.detector.findData("hdm"))
    step.tiles.setCurrentIndex(step.tiles.findData(4))
    step.pose.setCurrentIndex(step.pose.findData("on"))
    request = started(qtbot, step).request
    assert request.tiling == Tiling(rows=4, columns=4)
    assert request.registration == "on"
    assert (request.detector, request.start_from) == ("hdm", "base")
    assert (request.preset, request.size, request.minutes, request.steps) == ("edge", 192, 3.5, None)
    assert len(list_images(request.data)) == 8
    assert not step.input_size.isEnabledTo(step)


def test_progress_losses_and_time_left_are_shown(qtbot, step: TrainStep) -> None:
    job = started(qtbot, step)
    job.told = [Progress("train", 40, 0.25, 300.0, {"noise": 0.2, "mask": 0.5})]
    qtbot.waitUntil(lambda: step.progress.value() == 250, timeout=5_000)
    assert step._left.text() == "About 5 min left"
    assert len(step.chart) == 1


def test_a_stopped_run_can_be_resumed(qtbot, step: TrainStep) -> None:
    first = started(qtbot, step)
    first.told = [Progress("train", 40, 0.25, 300.0, {"noise": 0.2, "mask": 0.5})]
    qtbot.waitUntil(lambda: len(step.chart) == 1, timeout=5_000)
    qtbot.mouseClick(step.stop_button, LEFT)
    qtbot.waitUntil(lambda: not step.busy(), timeout=5_000)
    qtbot.waitUntil(lambda: first.closed, timeout=5_000)
    assert step.start_button.text() == "Resume"
    assert started(qtbot, step).request == first.request
    assert len(step.chart) == 1


def test_other_settings_after_a_stop_begin_anew(qtbot, step: TrainStep) -> None:
    started(qtbot, step)
    qtbot.mouseClick(step.stop_button, LEFT)
    qtbot.waitUntil(lambda: not step.busy(), timeout=5_000)
    step.length.setValue(20.0)
    assert step.start_button.text() == "Start training"


def test_a_failure_is_said_in_words_and_can_be_tried_again(qtbot, step: TrainStep) -> None:
    job = started(qtbot, step)
    job.error, job.state = "the disk is full: free some space.", JobState.FAILED
    with qtbot.waitSignal(step.said, timeout=5_000) as said:
        pass
    assert said.args == ["The disk is full: free some space.", "error"]
    assert step.start_button.isVisible()
    assert "Start" in step.problem()


def test_a_picture_that_vanished_is_named(qtbot, step: TrainStep) -> None:
    step.draft.pictures[0].path.unlink()
    with qtbot.waitSignal(step.said, timeout=5_000) as said:
        qtbot.mouseClick(step.start_button, LEFT)
    assert "0.png" in said.args[0]
    assert not FakeJob.made


def test_a_sheet_is_cut_into_a_column_for_each_part(qtbot, tmp_path: Path) -> None:
    sheet = SampleSheet()
    qtbot.addWidget(sheet)
    sheet.show_file(tmp_path / "none.png")
    assert len(sheet) == 0
    write_png(tmp_path / "s.png", np.zeros((4 * 32, 3 * 32, 3), np.uint8))
    sheet.show_file(tmp_path / "s.png")
    assert len(sheet) == 4


def test_the_chart_takes_back_what_a_resume_repeats(qtbot) -> None:
    chart = LossChart()
    qtbot.addWidget(chart)
    for step in (10, 20, 30, 20):
        chart.add(step, {"noise": 0.1, "mask": 0.1})
    assert len(chart) == 2


def test_the_time_left_is_not_guessed_too_early() -> None:
    assert time_left(Progress("train", 1)) == "Time left: not known yet"
    assert time_left(Progress("calibrate", 1)) == ""


def test_the_paper_preset_starts_from_nothing(step: TrainStep) -> None:
    step.preset.setCurrentIndex(step.preset.findData("paper"))
    assert not step.origin.isEnabled()
    assert step.draft.request().start_from is None
    step.preset.setCurrentIndex(step.preset.findData("edge"))
    step.origin.setCurrentIndex(step.origin.findData(False))
    assert step.draft.request().start_from is None
    assert step.origin.isEnabled()


@pytest.mark.parametrize("height", [60, 80, 150, 400])
@pytest.mark.parametrize("decades", [0.6, 1.7, 4.0])
def test_labels_of_the_losses_never_touch_and_never_lack(qtbot, height: int, decades: float) -> None:
    axis = LossAxis("left")
    ((_, places),) = axis.tickValues(-2.3, -2.3 + decades, height)
    pixels = sorted(place * height / decades for place in places)
    assert all(above - below >= 14 for below, above in itertools.pairwise(pixels))
    assert any(-2.3 <= place <= -2.3 + decades for place in places)
