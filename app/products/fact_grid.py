"""Names and values below each other."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from app.theme import palette
from app.widgets import label


class FactGrid(QWidget):
    """Shows pairs of name and value; values wrap and can be copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setStyleSheet("FactGrid { background: transparent; }")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(palette.SPACE_L)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)
        self.facts: list[tuple[str, str]] = []

    def show_facts(self, facts: list[tuple[str, str]]) -> None:
        """Replace all."""
        if facts == self.facts:
            return
        self.facts = list(facts)
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for row, (name, value) in enumerate(facts):
            title = label(name, "muted")
            shown = label(_breakable(value), wrap=True, selectable=True)
            shown.setToolTip(value)
            for column, widget in enumerate((title, shown)):
                self._grid.addWidget(widget, row, column, Qt.AlignmentFlag.AlignTop)


def _breakable(text: str) -> str:
    """Long words (paths, hashes) may break after a separator, or every 16 letters."""
    broken = text.replace("/", "/\u200b")
    return " ".join(
        "\u200b".join(word[k : k + 16] for k in range(0, len(word), 16)) if len(word) > 40 and "/" not in word
        else word
        for word in broken.split(" ")
    )  # fmt: skip
