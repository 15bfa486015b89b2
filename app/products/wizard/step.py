"""What every step of the wizard is."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.context import AppContext
from app.products.draft import Draft


class Step(QWidget):
    """One page of the wizard; reads and writes the shared draft.

    Signals:
        changed(): `problem`, `busy` or `next_text` may be others now.
        completed(): what `advance` began is done: go to the next step.
        said(text, kind): a message for the person, kinds as of `Notice`.

    Attributes:
        title, advice: the heading, and one sentence on what to do.
        next_text, next_icon: on the button that goes on.
    """

    changed = Signal()
    completed = Signal()
    said = Signal(str, str)

    title = ""
    advice = ""
    next_text = "Next"
    next_icon = "next"

    def __init__(self, context: AppContext, draft: Draft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.draft = draft

    def problem(self) -> str:
        """What is missing before the person can go on, as a sentence; empty where nothing is."""
        return ""

    def busy(self) -> bool:
        """Whether work is under way that must end or be stopped before another step is shown."""
        return False

    def enter(self) -> None:
        """The step is shown."""

    def leave(self) -> None:
        """Another step is shown, or another page of the window."""

    def advance(self) -> bool:
        """The person goes on; True where the next step may be shown at once, else `completed` follows."""
        return True

    def abandon(self) -> None:
        """The step is not used any more: tell threads and processes to end, without waiting."""

    def wait(self) -> None:
        """Wait, in any thread, until what was told to end has ended."""
