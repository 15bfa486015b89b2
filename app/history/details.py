"""One inspection, opened."""

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.history.facts import FactsPanel
from app.history.labelling import LabelPanel
from app.history.part import Part
from app.history.pictures import PartPictures
from app.theme import palette, pixmap, verdict_style
from app.widgets import button, label
from inspector_core.inspection.verdict import Verdict

SIDE = 372
"""Width of the column of facts."""


class VerdictChip(QFrame):
    """A verdict in colour, word and shape, one line high."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.word = label("", "section")
        self._sign = QLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(palette.SPACE_M, 5, palette.SPACE_L, 5)
        row.addWidget(self._sign)
        row.addWidget(self.word, 1)
        self.setMinimumWidth(118)

    def show_verdict(self, verdict: Verdict) -> None:
        look = verdict_style(verdict)
        self.setStyleSheet(f"VerdictChip {{ background: {look.color}; border-radius: {palette.RADIUS}px; }}")
        self.word.setStyleSheet(f"color: {look.on_color};")
        self.word.setText(look.word)
        self._sign.setPixmap(pixmap(look.icon, 24, look.on_color, look.color, ratio=2.0))


class DetailView(QWidget):
    """Pictures at the left, facts and label at the right, previous and next above.

    Signals:
        back(): to the list. step(n): -1 for the part before, 1 for the one after in the list.
    """

    back = Signal()
    step = Signal(int)

    def __init__(self, settings: QSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.part: Part | None = None
        self.verdict = VerdictChip()
        self.title = label("", "section")
        self.pictures = PartPictures(settings)
        self.facts = FactsPanel()
        self.labels = LabelPanel(settings)
        self._build()

    def show_part(self, part: Part) -> None:
        """Show everything of `part`."""
        self.part = part
        inspection = part.inspection
        self.verdict.show_verdict(inspection.verdict)
        time = f"{inspection.captured_at.astimezone():%Y-%m-%d  %H:%M:%S}"
        self.title.setText(f"Part {inspection.part:,}   ·   {inspection.recipe}   ·   {time}")
        self.pictures.show_part(part)
        self.facts.show_part(part)
        self.labels.show_part(part)

    def set_neighbours(self, newer: bool, older: bool) -> None:
        """Whether the list has parts beside this one."""
        self.newer.setEnabled(newer)
        self.older.setEnabled(older)

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(palette.SPACE_S)
        back = button("List", "back", self.back.emit, tip="Back to the list", key="Escape", owner=self)
        self.newer = button("Newer", "arrow-up", tip="The part above it in the list", key="PgUp", owner=self)
        self.older = button(
            "Older", "arrow-down", tip="The part below it in the list", key="PgDown", owner=self
        )
        self.newer.clicked.connect(lambda: self.step.emit(-1))
        self.older.clicked.connect(lambda: self.step.emit(1))
        for widget in (back, self.verdict, self.title):
            top.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        top.addStretch(1)
        top.addWidget(self.newer)
        top.addWidget(self.older)
        side = QVBoxLayout()
        side.setSpacing(palette.SPACE_S)
        side.addWidget(self.facts, 1)
        side.addWidget(self.labels)
        holder = QWidget()
        holder.setLayout(side)
        side.setContentsMargins(0, 0, 0, 0)
        holder.setFixedWidth(SIDE)
        body = QHBoxLayout()
        body.setSpacing(palette.SPACE_S)
        body.addWidget(self.pictures, 1)
        body.addWidget(holder)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        column.addLayout(top)
        column.addLayout(body, 1)
