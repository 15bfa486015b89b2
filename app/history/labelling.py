"""Saying afterwards what a part really was."""

import getpass

from PySide6.QtCore import QSettings, Signal
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QLineEdit, QPushButton, QWidget

from app.history.facts import event_text
from app.history.part import Part
from app.theme import palette
from app.widgets import Card, button, label

CHOICES = (
    ("true_defect", "True defect", "D", "The part has a defect"),
    ("false_reject", "False reject", "F", "The part was rejected although it is good"),
    ("good", "Good", "G", "The part is good"),
    ("", "No label", "", "Take the label back"),
)


def person(settings: QSettings) -> str:
    """Who sits here: the name last given on this machine, else the system's user."""
    name = str(settings.value("person/name", ""))
    if name:
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


class LabelPanel(Card):
    """The label of a part, a note and who gives them.

    Signals:
        asked(label, note, by): a label was pressed.
    """

    asked = Signal(str, str, str)

    def __init__(self, settings: QSettings, parent: QWidget | None = None) -> None:
        super().__init__("What was this part really?", parent)
        self._settings = settings
        self.note = QLineEdit()
        self.note.setPlaceholderText("Note (optional)")
        self.by = QLineEdit(person(settings))
        self.by.setPlaceholderText("Your name")
        self.by.editingFinished.connect(lambda: settings.setValue("person/name", self.by.text().strip()))
        self.log = label("", "muted", wrap=True)
        self.buttons: dict[str, QPushButton] = {}
        group = QButtonGroup(self)
        grid = QGridLayout()
        grid.setSpacing(palette.SPACE_XS)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        for place, (value, text, key, tip) in enumerate(CHOICES):
            choice = button(text, tip=tip, key=key, owner=self)
            choice.setCheckable(True)
            choice.clicked.connect(lambda _checked=False, value=value: self._ask(value))
            group.addButton(choice)
            self.buttons[value] = choice
            grid.addWidget(choice, place // 2, place % 2)
        grid.addWidget(self.note, 2, 0)
        grid.addWidget(self.by, 2, 1)
        self.body.addLayout(grid)
        self.body.addWidget(self.log)

    def show_part(self, part: Part) -> None:
        """Show what was said of `part` until now."""
        inspection = part.inspection
        self.buttons.get(inspection.label, self.buttons[""]).setChecked(True)
        self.note.setText(inspection.note)
        self.log.setText(event_text(part.events[0]) if part.events else "Nobody has labelled this part yet.")
        self.log.setToolTip("\n".join(event_text(event) for event in part.events))

    def _ask(self, value: str) -> None:
        self.asked.emit(value, self.note.text().strip(), self.by.text().strip())
