"""All that is known of an inspection, in rows of name and value."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QGridLayout,
    QPlainTextEdit,
    QScrollArea,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.history.part import LABEL_WORDS, Part
from app.theme import font, palette
from app.widgets import ScoreBar, label
from inspector_core.inspection.verdict import Inspection
from inspector_core.records import Event

NAMES = (
    "Part", "Reason", "Time", "Cycle time", "Marked area", "NG from", "REVIEW from", "Pixel threshold",
    "Camera", "Frame", "Lost before it", "Source", "Lot", "Operator", "Recipe", "Model", "Row number",
)  # fmt: skip


def facts(inspection: Inspection) -> dict[str, str]:
    """The facts of an inspection by name, as they stand on the screen; empty ones are left out."""
    review = inspection.review_threshold
    known = {
        "Part": f"{inspection.part:,} of its run",
        "Time": f"{inspection.captured_at.astimezone():%Y-%m-%d  %H:%M:%S.%f}"[:-3],
        "Cycle time": f"{inspection.latency_ms:.1f} ms",
        "Marked area": f"{inspection.defect_area:,} px",
        "NG from": f"{inspection.fail_threshold:.6g}",
        "REVIEW from": "no such band" if review is None else f"{review:.6g}",
        "Pixel threshold": f"{inspection.pixel_threshold:.4g}",
        "Camera": inspection.camera_id,
        "Frame": f"{inspection.frame_id:,}",
        "Lost before it": f"{inspection.lost_before:,} frames" if inspection.lost_before else "",
        "Source": inspection.source,
        "Lot": inspection.lot,
        "Operator": inspection.operator,
        "Recipe": f"{inspection.recipe}, version {inspection.recipe_version}",
        "Model": inspection.model_sha256[:16] + "…" if inspection.model_sha256 else "none",
        "Row number": str(inspection.id),
        "Reason": inspection.reason,
    }
    return {name: text for name, text in known.items() if text}


def model_text(model: dict[str, Any] | None) -> str:
    """A model's metadata as lines `name: value`, sections indented; long lists are counted."""
    if not model:
        return "No model scored this part."
    return "\n".join(_lines({"sha256": model.get("sha256", "")} | model, ""))


def _lines(values: dict[str, Any], indent: str) -> list[str]:
    lines = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", *_lines(value, indent + "  ")]
        elif isinstance(value, list) and len(value) > 8:
            lines.append(f"{indent}{name}: {len(value)} values")
        elif value not in (None, ""):
            lines.append(f"{indent}{name}: {value}")
    return lines


def event_text(event: Event) -> str:
    """One line on who said what of a part."""
    who = event.by or "somebody"
    new = LABEL_WORDS.get(event.new, event.new) or "no label"
    note = f" – {event.message}" if event.message else ""
    return f"{event.at.astimezone():%Y-%m-%d %H:%M}  {who}: {new}{note}"


class FactsPanel(QTabWidget):
    """Score and facts, the recipe and the model as they were."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.score = ScoreBar()
        self.values = {name: label("", wrap=True, selectable=True) for name in NAMES}
        self._names = {name: label(name, "muted") for name in NAMES}
        self.recipe, self.model = _text_view(), _text_view()
        self.addTab(self._facts_tab(), "Facts")
        self.addTab(self.recipe, "Recipe")
        self.addTab(self.model, "Model")

    def show_part(self, part: Part) -> None:
        inspection = part.inspection
        self.score.show_score(inspection.score, inspection.fail_threshold, inspection.review_threshold)
        known = facts(inspection)
        for name, value in self.values.items():
            value.setText(known.get(name, ""))
            value.setVisible(name in known)
            self._names[name].setVisible(name in known)
        self.values["Model"].setToolTip(inspection.model_sha256)
        self.recipe.setPlainText(part.recipe_toml)
        self.model.setPlainText(model_text(part.model))

    def _facts_tab(self) -> QScrollArea:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(palette.SPACE_S, palette.SPACE_S, palette.SPACE_S, palette.SPACE_S)
        column.addWidget(self.score)
        grid = QGridLayout()
        grid.setHorizontalSpacing(palette.SPACE_M)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(1, 1)
        for row, name in enumerate(NAMES):
            self.values[name].setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            grid.addWidget(self._names[name], row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(self.values[name], row, 1)
        column.addLayout(grid)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        return scroll


def _text_view() -> QPlainTextEdit:
    view = QPlainTextEdit()
    view.setReadOnly(True)
    view.setFont(font(13, mono=True))
    return view
