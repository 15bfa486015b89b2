"""The fourth step: training, in a process of its own."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.background import Background
from app.context import AppContext
from app.products.draft import Draft, write_normals
from app.products.form import Form
from app.products.wizard.step import Step
from app.products.wizard.training_view import LossChart, SampleSheet
from app.products.words import duration
from app.theme import palette
from app.widgets import Card, button, label, words
from inspector_core.detectors.model_file import ModelMetadata, read_metadata
from inspector_core.detectors.names import DETECTORS
from inspector_core.detectors.tiling import Tiling
from inspector_core.training.job import JobState, TrainingJob
from inspector_core.training.request import Progress

POLL_MS = 200
SIZES = (128, 192, 256, 384, 512)
GRIDS = (1, 2, 3, 4, 6, 8)
POSES = {"auto": "As the photographs show", "on": "Turned or shifted", "off": "Always alike"}
PRESETS = {"edge": "Edge (needs no GPU)", "paper": "Paper (needs a GPU)"}
PHASES = {
    "prepare": "Preparing",
    "train": "Training",
    "validate": "Checking with drawn defects",
    "calibrate": "Scoring the good parts",
    "done": "Done",
}


class TrainStep(Step):
    """Asks how long, trains, shows how it goes; a stopped run can be resumed."""

    title = "Train"
    advice = "Norma learns what a good part looks like. The line keeps inspecting meanwhile."
    _written = Signal(int, int)

    def __init__(self, context: AppContext, draft: Draft, parent: QWidget | None = None) -> None:
        super().__init__(context, draft, parent)
        self._background = Background(self, self._failed)
        self.job: TrainingJob | None = None
        self._preparing = False
        self._stopping = False
        self._resumable: tuple[object, ...] = ()
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)
        self._written.connect(self._show_written, Qt.ConnectionType.QueuedConnection)
        self.chart = LossChart()
        self.samples = SampleSheet()
        self._build()
        self._show()

    # what the wizard asks

    def enter(self) -> None:
        if self.draft.model is not None and self.draft.trained_on != self.draft.what_is_trained():
            self._say("Pictures or settings were changed: train again.")
            self.draft.model = None
        self._show()

    def problem(self) -> str:
        if self.busy():
            return "Training is under way. Stop it to change something."
        return "" if self.draft.model is not None else "Start the training."

    def busy(self) -> bool:
        return self._preparing or self.job is not None

    def abandon(self) -> None:
        self._stopping = True
        self._timer.stop()
        if self.job is not None:
            self.job.cancel()

    def wait(self) -> None:
        if self.job is not None:
            self.job.close(10.0)
        self._background.wait(5.0)

    # what the person does

    def start(self) -> None:
        """Write the pictures into the workspace, then train; takes up a stopped run of the same settings."""
        if self.busy():
            return
        self.draft.model = None
        self._stopping = False
        if self._resumable != self.draft.what_is_trained():
            self.chart.clear()
            self.samples.clear()
        self._preparing = True
        self._say("Writing the pictures into the workspace")
        self.progress.setRange(0, 0)
        draft = self.draft
        self._background.run(lambda: write_normals(draft, self._written.emit), self._begin)
        self._show()

    def stop(self) -> None:
        """Ask the run to store its state and end."""
        self._stopping = True
        if self.job is not None:
            self.job.cancel()
        self._say("Stopping: the state is stored")
        self._show()

    # what happens

    def _begin(self, _: object) -> None:
        self._preparing = False
        if self._stopping:
            self._end("Stopped before the first step.")
            return
        self.job = TrainingJob(self.draft.request())
        self.job.start()
        self._say("Starting the training process")
        self._timer.start()
        self._show()

    def _show_written(self, done: int, total: int) -> None:
        if self._preparing:
            self.progress.setRange(0, total)
            self.progress.setValue(done)

    def _poll(self) -> None:
        job = self.job
        if job is None:
            return
        for progress in job.poll():
            self._show_progress(progress)
        if job.state is JobState.RUNNING:
            return
        self._timer.stop()
        self.job = None
        self._background.run(lambda: job.close())  # its process has ended or is about to
        self._show_end(job)

    def _show_progress(self, progress: Progress) -> None:
        if progress.phase == "prepare":
            self.progress.setRange(0, 0)
        else:
            self.progress.setRange(0, 1000)
            self.progress.setValue(round(1000 * progress.fraction))
        if not self._stopping:
            text = PHASES[progress.phase]
            if progress.phase == "train":
                text += f": step {progress.step:,}"
            elif progress.message:
                text += f": {progress.message}"
            self._say(text, time_left(progress))
        if progress.losses:
            self.chart.add(progress.step, progress.losses)
        if progress.samples is not None:
            self.samples.show_file(progress.samples)

    def _show_end(self, job: TrainingJob) -> None:
        if job.state is JobState.DONE:
            trained_on = self.draft.what_is_trained()
            path = self.draft.model_file
            self._preparing = True  # reading the file is the last part of the work
            self._background.run(
                lambda: read_metadata(path), lambda model: self._trained(model, trained_on), self._failed
            )
            return
        self._resumable = self.draft.what_is_trained()
        if job.state is JobState.CANCELLED:
            self._end("Stopped. The state is kept: resume where it stopped, or change the settings.")
        else:
            self._end("The training failed.")
            self.said.emit(job.error[:1].upper() + job.error[1:], "error")

    def _trained(self, model: ModelMetadata, trained_on: tuple[object, ...]) -> None:
        self.draft.model, self.draft.trained_on = model, trained_on
        self._resumable = ()
        self._preparing = False
        info = model.training
        self.samples.show_file(self.draft.samples)
        self.progress.setRange(0, 1000)
        self.progress.setValue(1000)
        auroc = info.validation.get("image_auroc")
        found = (
            "" if auroc is None else f"Drawn defects are told from good parts with an AUROC of {auroc:.3f}."
        )
        self._say(f"Trained: {info.steps:,} steps in {duration(info.seconds)}", found)
        self._show()
        self.changed.emit()

    def _failed(self, error: BaseException) -> None:
        self._preparing = False
        self._end("The training failed.")
        self.said.emit(words(error), "error")

    def _end(self, text: str) -> None:
        self.progress.setRange(0, 1000)
        self.progress.setValue(0)
        self._say(text)
        self._show()

    def _say(self, text: str, more: str = "") -> None:
        self._phase.setText(text)
        self._left.setText(more)

    def _show(self) -> None:
        """What can be pressed now."""
        busy = self.busy()
        resume = self._resumable and self._resumable == self.draft.what_is_trained()
        self._settings.setEnabled(not busy)
        self.start_button.setVisible(not busy)
        self.start_button.setText(
            "Resume" if resume else "Train again" if self.draft.model else "Start training"
        )
        self._stress(self.start_button, self.draft.model is None)
        self.stop_button.setVisible(busy)
        self.stop_button.setEnabled(not self._stopping)
        self.changed.emit()

    @staticmethod
    def _stress(pressed: QPushButton, primary: bool) -> None:
        """Only one button of the wizard is the one to press next."""
        role = "primary" if primary else ""
        if pressed.property("role") != role:
            pressed.setProperty("role", role)
            pressed.style().unpolish(pressed)
            pressed.style().polish(pressed)

    # settings

    def _take_settings(self) -> None:
        self.draft.detector = self.detector.currentData()
        self.draft.preset = str(self.preset.currentData())
        self.draft.from_base = bool(self.origin.currentData())
        self.origin.setEnabled(self.draft.preset == "edge")
        self.draft.size = int(self.input_size.currentData())
        grid = int(self.tiles.currentData())
        self.draft.tiling = Tiling(rows=grid, columns=grid) if grid > 1 else None
        self.draft.registration = self.pose.currentData()
        steps = self.unit.currentData() == "steps"
        self.draft.steps = int(self.length.value()) if steps else None
        self.draft.minutes = None if steps else self.length.value()
        if self.draft.model is not None and self.draft.trained_on != self.draft.what_is_trained():
            self.draft.model = None
        self._show()

    def _unit_changed(self) -> None:
        self._scale_length()
        self._take_settings()

    def _scale_length(self) -> None:
        steps = self.unit.currentData() == "steps"
        self.length.blockSignals(True)
        self.length.setDecimals(0 if steps else 1)
        self.length.setRange(1 if steps else 0.1, 1_000_000 if steps else 6_000)
        self.length.setValue(2_000 if steps else 10.0)
        self.length.blockSignals(False)

    def _build(self) -> None:
        left = QWidget()
        left.setFixedWidth(350)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        column.addWidget(self._build_settings())
        column.addWidget(self._build_progress())
        chart = Card()
        chart.body.addWidget(self.chart, 1)
        column.addWidget(chart, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(palette.SPACE_M)
        row.addWidget(left)
        row.addWidget(self.samples, 1)

    def _build_settings(self) -> Card:
        self._settings = Card()
        self.detector, self.preset, self.origin = QComboBox(), QComboBox(), QComboBox()
        self.input_size, self.tiles, self.pose, self.unit = (QComboBox() for _ in range(4))
        for pose, title in POSES.items():
            self.pose.addItem(title, pose)
        self.pose.setToolTip(
            "Parts that lie turned or shifted are brought into one pose before they are inspected. Where "
            "they always lie alike, one that does not is a defect."
        )
        for grid in GRIDS:
            self.tiles.addItem(f"{grid} × {grid} tiles" if grid > 1 else "Whole picture", grid)
        self.tiles.setToolTip(
            "Tiles are inspected one by one at the input size: for defects too small to be seen when the "
            "picture is scaled down. Each tile costs as much time as a picture."
        )
        for detector, title in DETECTORS.items():
            self.detector.addItem(title, detector)
        self.detector.setToolTip("HDM also generates defects while it learns, and takes a little longer.")
        self.origin.addItem("Base model", True)
        self.origin.addItem("Nothing", False)
        self.origin.setToolTip("The base model has seen hundreds of drawn products; it learns yours sooner.")
        for name, title in PRESETS.items():
            self.preset.addItem(title, name)
        for size in SIZES:
            self.input_size.addItem(f"{size} × {size}", size)
        self.input_size.setCurrentIndex(SIZES.index(self.draft.size))
        self.input_size.setToolTip(
            "Pictures are scaled to this. Larger shows finer defects and takes longer."
        )
        self.unit.addItem("minutes", "minutes")
        self.unit.addItem("steps", "steps")
        self.length = QDoubleSpinBox()
        self._scale_length()
        for box in (self.detector, self.preset, self.origin, self.input_size, self.tiles, self.pose):
            box.currentIndexChanged.connect(lambda _: self._take_settings())
        self.unit.currentIndexChanged.connect(lambda _: self._unit_changed())
        self.length.valueChanged.connect(lambda _: self._take_settings())
        length = QHBoxLayout()
        length.addWidget(self.length, 1)
        length.addWidget(self.unit)
        form = Form()
        form.add("Detector", self.detector)
        form.add("Network", self.preset)
        form.add("Start from", self.origin)
        form.add("Input size", self.input_size)
        form.add("Look at", self.tiles)
        form.add("Parts lie", self.pose)
        form.add("Length", length)
        self._settings.body.addLayout(form)
        return self._settings

    def _build_progress(self) -> Card:
        card = Card()
        self._phase = label("Ready to train", "section", wrap=True)
        self._left = label("", "muted", wrap=True)
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.start_button = button("Start training", "start", self.start, role="primary", touch=True)
        self.stop_button = button("Stop", "stop", self.stop, touch=True, tip="Stop and keep the state")
        for widget in (self._phase, self._left, self.progress, self.start_button, self.stop_button):
            card.body.addWidget(widget)
        return card


def time_left(progress: Progress) -> str:
    """How much longer, in words."""
    if progress.phase != "train":
        return ""
    if progress.seconds_left is None:
        return "Time left: not known yet"
    return f"About {duration(progress.seconds_left)} left"
