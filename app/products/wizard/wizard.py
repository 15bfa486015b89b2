"""The wizard's frame: the steps at the side, the present one, and the buttons below."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMessageBox, QStackedWidget, QVBoxLayout, QWidget

from app.background import Background
from app.context import AppContext
from app.products.draft import Draft, discard
from app.products.wizard.calibrate_step import CalibrateStep
from app.products.wizard.name_step import NameStep
from app.products.wizard.publish_step import PublishStep
from app.products.wizard.region_step import RegionStep
from app.products.wizard.source_step import SourceStep
from app.products.wizard.step import Step
from app.products.wizard.step_rail import StepRail
from app.products.wizard.train_step import TrainStep
from app.theme import icon, palette
from app.widgets import EmptyState, Notice, PageHeader, button, label

STEPS: tuple[type[Step], ...] = (NameStep, SourceStep, RegionStep, TrainStep, CalibrateStep, PublishStep)


class NewProductWizard(QWidget):
    """Makes a product from pictures of good parts.

    Signals:
        closed(): the person is done or has given up; what was not published is removed.
        published(Recipe): it is on the line's list.
        start_asked(name): start the line with it.
    """

    closed = Signal()
    published = Signal(object)
    start_asked = Signal(str)

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._background = Background(self)
        self.draft = Draft(context.workspace)
        self.steps = [kind(context, self.draft) for kind in STEPS]
        self.index = 0
        self._complete = False
        self.rail = StepRail([step.title for step in self.steps])
        self.header = PageHeader("New product")
        self.notice = Notice()
        self.done = EmptyState("", "", "tick")
        self._stack = QStackedWidget()
        self._build()
        for step in self.steps:
            step.changed.connect(self._show_buttons)
            step.completed.connect(self._completed)
            step.said.connect(self.notice.show_message)
        self.show_step(0)

    @property
    def step(self) -> Step:
        """The present step."""
        return self.steps[self.index]

    def show_step(self, index: int) -> None:
        """Go to a step."""
        if index != self.index:
            self.step.leave()
        self.index = index
        self.notice.dismiss()
        self._stack.setCurrentWidget(self.step)
        self.rail.set_current(index)
        name = f": {self.draft.name}" if self.draft.name else ""
        self.header.title.setText(f"New product{name}")
        self.header.set_subtitle(self.step.advice)
        self.step.enter()
        self._show_buttons()

    def go_on(self) -> None:
        """The button at the right."""
        if self._complete and self.draft.published is not None:
            self.start_asked.emit(self.draft.published.name)
            return
        if self.step.problem():
            return
        self.notice.dismiss()
        if self.step.advance():
            self.show_step(self.index + 1)

    def go_back(self) -> None:
        if self.index > 0 and not self.step.busy():
            self.show_step(self.index - 1)

    def cancel(self) -> None:
        """Ask where work would be lost, then remove what was written."""
        if self.may_close():
            self.close_draft()

    def may_close(self) -> bool:
        """Whether nothing is lost by closing, or the person agrees."""
        if not self.draft.dirty:
            return True
        text = f"Discard the new product {self.draft.name}? Its pictures and its training are lost."
        buttons = QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel
        answer = QMessageBox.question(self, "Norma", text, buttons, QMessageBox.StandardButton.Cancel)
        return answer == QMessageBox.StandardButton.Discard

    def close_draft(self) -> None:
        """Leave the workspace as it was; what runs is ended in a thread."""
        self.setEnabled(False)
        self._abandon()
        self._background.run(self._clear, lambda _: self.closed.emit(), lambda _: self.closed.emit())

    def entered(self) -> None:
        """The page is shown again."""
        if not self._complete:
            self.step.enter()

    def left(self) -> None:
        """Another page of the window is shown; a training goes on."""
        self.step.leave()

    def shut_down(self) -> None:
        """The window closes: leave the workspace as it was, and wait for that."""
        self._abandon()
        self._clear()
        self._background.wait(5.0)

    def _abandon(self) -> None:
        for step in self.steps:
            step.abandon()

    def _clear(self) -> None:
        for step in self.steps:
            step.wait()
        discard(self.draft)

    def _completed(self) -> None:
        recipe = self.draft.published
        if recipe is None:
            self.show_step(self.index + 1)
            return
        self._complete = True
        self.rail.set_current(len(self.steps))
        self._stack.setCurrentWidget(self.done)
        self.header.title.setText(recipe.name)
        self.header.set_subtitle(f"Published as version {recipe.version}.")
        self.done.set_text(
            f"{recipe.name} is ready", "The line can be started with it now. Watch the first parts closely."
        )
        self._show_buttons()
        self.published.emit(recipe)

    def _show_buttons(self) -> None:
        publishing = self.step is self.steps[-1] and self.step.busy()
        self.cancel_button.setEnabled(not publishing)
        if self._complete:
            self.cancel_button.setText("Close")
            self.back.hide()
            self.next.setText("Start on Live")
            self.next.setIcon(icon("start", "#ffffff"))
            self.next.setEnabled(True)
            self._hint.setText("")
            return
        problem = self.step.problem()
        self.back.setEnabled(self.index > 0 and not self.step.busy())
        self.next.setText(self.step.next_text)
        self.next.setIcon(icon(self.step.next_icon, "#ffffff"))
        self.next.setEnabled(not problem)
        self._hint.setText(problem)

    def _build(self) -> None:
        self._stack.addWidget(self.done)
        for step in self.steps:
            self._stack.addWidget(step)
        self.cancel_button = button("Cancel", "close", self.cancel, touch=True)
        self.back = button("Back", "back", self.go_back, touch=True)
        self.next = button("Next", "next", self.go_on, role="primary", touch=True)
        self.next.setMinimumWidth(150)
        self._hint = label("", "muted", wrap=True)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        below = QHBoxLayout()
        below.setSpacing(palette.SPACE_S)
        below.addWidget(self.cancel_button)
        below.addSpacing(palette.SPACE_L)
        below.addWidget(self._hint, 1)
        below.addWidget(self.back)
        below.addWidget(self.next)
        right = QVBoxLayout()
        right.setSpacing(palette.SPACE_S)
        right.addWidget(self.header)
        right.addWidget(self.notice)
        right.addWidget(self._stack, 1)
        right.addLayout(below)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(palette.SPACE_L)
        row.addWidget(self.rail)
        row.addLayout(right, 1)
