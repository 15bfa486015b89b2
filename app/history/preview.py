"""A first look at the selected inspection, before it is opened."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.background import Background
from app.history.part import LABEL_WORDS, Part, load_part, missing_words
from app.history.pictures import show_map
from app.theme import palette
from app.widgets import Card, ImageView, ScoreBar, button, label
from inspector_core.inspection.verdict import Inspection
from inspector_core.records import Records

NARROW, WIDE = 284, 460
"""Least and greatest width in pixels."""


class Preview(Card):
    """Picture, score and the few facts that decide whether to look closer.

    Signals:
        opened(id): the person wants to see all of it.
    """

    opened = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._background = Background(self)
        self._job = 0
        self._shown: Inspection | None = None
        self.view = ImageView("", "Select an inspection")
        self.score = ScoreBar()
        self.facts = label("", "muted", wrap=True)
        self.open_button = button("Open", "search", self._open, role="primary", tip="All facts  [Enter]")
        self.body.addWidget(self.view)
        self.body.addWidget(self.score)
        self.body.addWidget(self.facts)
        self.body.addStretch(1)
        self.body.addWidget(self.open_button)
        self.set_width(NARROW)
        self.clear()

    def set_width(self, width: int) -> None:
        """Take `width` pixels, within limits; the picture stays square."""
        width = min(max(width, NARROW), WIDE)
        self.setFixedWidth(width)
        self.view.setFixedHeight(width - 2 * palette.SPACE_M)

    def clear(self) -> None:
        """Nothing is selected."""
        self._background.forget(self._job)
        self._shown = None
        self.view.set_image(None)
        self.view.set_placeholder("Select an inspection")
        self.score.hide()
        self.facts.setText("")
        self.open_button.setEnabled(False)

    def show_inspection(self, inspection: Inspection, records: Records) -> None:
        """Show the facts at once and the picture as soon as it is read."""
        self._shown = inspection
        self._background.forget(self._job)
        self._job = self._background.run(
            lambda: load_part(records, inspection.id, facts=False), self._show_part, self._show_failure
        )
        self.score.show()
        self.score.show_score(inspection.score, inspection.fail_threshold, inspection.review_threshold)
        lines = [f"Part {inspection.part:,}   ·   {inspection.recipe}  v{inspection.recipe_version}"]
        if inspection.defect_area:
            lines.append(f"{inspection.defect_area:,} px marked")
        lines += [
            text for text in (inspection.reason, LABEL_WORDS.get(inspection.label), inspection.note) if text
        ]
        self.facts.setText("\n".join(lines))
        self.open_button.setEnabled(True)

    def _show_part(self, part: Part) -> None:
        self.view.set_placeholder(missing_words(part))
        self.view.set_image(part.images.image if part.images else None)
        if part.images is not None:
            show_map(self.view, part.images.anomaly_map, part.inspection.pixel_threshold)

    def _show_failure(self, _error: BaseException) -> None:
        self.view.set_image(None)
        self.view.set_placeholder("This part can't be read")

    def _open(self) -> None:
        if self._shown is not None:
            self.opened.emit(self._shown.id)
