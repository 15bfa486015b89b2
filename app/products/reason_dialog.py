"""Asks why, and who says so, before something on the line changes."""

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.products.form import Form
from app.products.words import author_of
from app.theme import palette
from app.widgets import button, label


class ReasonDialog(QDialog):
    """Needs a reason and a name; read `reason` and `author` when it was accepted."""

    def __init__(self, question: str, do: str, settings: QSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Norma")
        self.setMinimumWidth(480)
        self._settings = settings
        self.reason_line = QLineEdit()
        self.reason_line.setPlaceholderText("e.g. version 3 rejects too many good parts")
        self.author_line = QLineEdit(author_of(settings))
        self.do = button(do, "tick", self.accept, role="primary")
        for line in (self.reason_line, self.author_line):
            line.textChanged.connect(lambda _: self._check())
        form = Form()
        form.add("Reason", self.reason_line)
        form.add("By", self.author_line)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(button("Cancel", "", self.reject))
        buttons.addWidget(self.do)
        column = QVBoxLayout(self)
        column.setContentsMargins(*(palette.SPACE_L,) * 4)
        column.setSpacing(palette.SPACE_M)
        column.addWidget(label(question, wrap=True))
        column.addLayout(form)
        column.addLayout(buttons)
        self._check()

    @property
    def reason(self) -> str:
        return self.reason_line.text().strip()

    @property
    def author(self) -> str:
        return self.author_line.text().strip()

    def accept(self) -> None:
        self._settings.setValue("person/name", self.author)
        super().accept()

    def _check(self) -> None:
        self.do.setEnabled(bool(self.reason and self.author))
