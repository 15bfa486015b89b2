"""The versions of a recipe: who made which and why, and the way back."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.theme import palette
from app.widgets import button, label
from inspector_core.inspection.recipe import Recipe


class VersionsPanel(QWidget):
    """Lists the versions, newest first.

    Signals:
        activate_asked(version): an earlier version is wanted back.
    """

    activate_asked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._active = 0
        self.list = QListWidget()
        self.list.setWordWrap(True)
        self.list.setSpacing(2)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.activate = button("Make active", "undo", self._activate)
        self.list.currentItemChanged.connect(lambda _now, _before: self._choose())
        column = QVBoxLayout(self)
        column.setContentsMargins(palette.SPACE_S, palette.SPACE_S, palette.SPACE_S, palette.SPACE_S)
        column.setSpacing(palette.SPACE_S)
        column.addWidget(label("A version never changes; the line uses the active one.", "muted", wrap=True))
        column.addWidget(self.list, 1)
        column.addWidget(self.activate)

    def show_versions(self, versions: list[Recipe], active: int) -> None:
        self._active = active
        self.list.clear()
        for recipe in reversed(versions):
            item = QListWidgetItem(version_text(recipe, recipe.version == active))
            item.setData(Qt.ItemDataRole.UserRole, recipe.version)
            self.list.addItem(item)
            if recipe.version == active:
                self.list.setCurrentItem(item)
        self._choose()

    def _chosen(self) -> int:
        item = self.list.currentItem()
        return self._active if item is None else int(item.data(Qt.ItemDataRole.UserRole))

    def _choose(self) -> None:
        chosen = self._chosen()
        self.activate.setEnabled(chosen != self._active)
        self.activate.setText(
            "Choose another version to go back to"
            if chosen == self._active
            else f"Make version {chosen} active"
        )

    def _activate(self) -> None:
        self.activate_asked.emit(self._chosen())


def version_text(recipe: Recipe, active: bool) -> str:
    """Three lines on a version."""
    limits = recipe.thresholds
    review = "" if limits.review is None else f", REVIEW {limits.review:.4g}"
    area = f", area {limits.least_area:,} px" if limits.least_area else ""
    when = f"{recipe.created_at.astimezone():%Y-%m-%d %H:%M}"
    head = f"Version {recipe.version}   ·   {when}{'   ·   ACTIVE' if active else ''}"
    who = f"{recipe.author}: " if recipe.author else ""
    numbers = f"NG {limits.fail:.4g}{review}, pixel {limits.pixel:.3g}{area}"
    return f"{head}\n{numbers}\n{who}{recipe.reason or 'no reason was given'}"
