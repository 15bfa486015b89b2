"""The first step: what the product is called."""

from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from app.context import AppContext
from app.products.draft import Draft, name_problem
from app.products.wizard.step import Step
from app.theme import palette
from app.widgets import Card, label
from inspector_core.inspection.recipe_store import slug

NEEDED = """\
20 to 300 photographs of good parts (8 at the least), taken as the line will take them: same camera, same \
light, same place. Defective parts are not needed.

Norma learns what a good part looks like, rebuilds every part it sees accordingly, and rejects what differs. \
Training takes minutes and runs beside the line; you can look at other pages meanwhile."""


class NameStep(Step):
    """Asks for the name."""

    title = "Name"
    advice = "What is the product called? The operator chooses it by this name."

    def __init__(self, context: AppContext, draft: Draft, parent: QWidget | None = None) -> None:
        super().__init__(context, draft, parent)
        self.name = QLineEdit(draft.name)
        self.name.setPlaceholderText("e.g. Bracket 4711, anodised")
        self.name.setMinimumHeight(palette.TOUCH)
        self.name.setMaximumWidth(560)
        self.name.setMaxLength(100)
        self.name.textChanged.connect(self._typed)
        self._folder = label("", "muted", wrap=True)
        needed = Card("What you need")
        needed.setMaximumWidth(720)
        needed.body.addWidget(label(NEEDED, wrap=True))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        column.addWidget(self.name)
        column.addWidget(self._folder)
        column.addSpacing(palette.SPACE_L)
        column.addWidget(needed)
        column.addStretch(1)

    def enter(self) -> None:
        self.name.setFocus()

    def problem(self) -> str:
        return name_problem(self.name.text(), self.context.recipes, self.context.workspace)

    def advance(self) -> bool:
        try:
            self.draft.rename(self.name.text())
        except OSError as error:
            self.said.emit(f"The product can't be renamed ({error.strerror}).", "error")
            return False
        return True

    def _typed(self, text: str) -> None:
        folder = f"Kept in the workspace as “{slug(text)}”." if text.strip() else ""
        self._folder.setText(folder)
        self.changed.emit()
