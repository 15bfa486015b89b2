"""Forms: names at the left, fields at the right, both centred on their line."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLayout, QWidget

from app.theme import palette
from app.widgets import indent, label


class Form(QGridLayout):
    """Rows of a name (or a check box) and a field."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setContentsMargins(0, 0, 0, 0)
        self.setHorizontalSpacing(palette.SPACE_M)
        self.setVerticalSpacing(palette.SPACE_S)
        self.setColumnStretch(1, 1)

    def add(self, name: "str | QCheckBox", field: QWidget | QLayout) -> None:
        """Append a row."""
        row = self.rowCount()
        indent(field)
        title = label(name, "muted") if isinstance(name, str) else name
        self.addWidget(title, row, 0, Qt.AlignmentFlag.AlignVCenter)
        if isinstance(field, QWidget):
            self.addWidget(field, row, 1)
        else:
            field.setSpacing(palette.SPACE_S)
            self.addLayout(field, row, 1)

    def add_wide(self, field: QWidget | QLayout) -> None:
        """Append a row that takes the whole width."""
        row = self.rowCount()
        indent(field)
        if isinstance(field, QWidget):
            self.addWidget(field, row, 0, 1, 2)
        else:
            field.setSpacing(palette.SPACE_S)
            self.addLayout(field, row, 0, 1, 2)
