"""All versions of a recipe, the newest first."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from app.products.words import date
from app.theme import icon, palette
from inspector_core.inspection.recipe import Recipe

COLUMNS = ("Version", "Published", "By", "FAIL from", "Model", "Reason")


class VersionsTable(QTableWidget):
    """A row a version; the active one is marked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self._versions: list[Recipe] = []
        self.setHorizontalHeaderLabels(COLUMNS)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(32)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        for column, width in enumerate((116, 150, 120, 96, 240)):
            self.setColumnWidth(column, width)
        header.setSectionResizeMode(len(COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)

    def show_versions(self, versions: list[Recipe], active: int | None) -> None:
        """Replace all; the active version is selected."""
        self._versions = sorted(versions, key=lambda recipe: recipe.version, reverse=True)
        self.setRowCount(len(self._versions))
        for row, recipe in enumerate(self._versions):
            is_active = recipe.version == active
            fail = f"{recipe.thresholds.fail:.4f}"
            texts = (
                f"{recipe.version}  active" if is_active else str(recipe.version),
                date(recipe.created_at),
                recipe.author or "–",
                fail,
                recipe.model,
                recipe.reason or "–",
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if is_active and column == 0:
                    font = item.font()
                    font.setBold(True)
                    item.setFont(font)
                    item.setIcon(icon("tick", palette.OK))
                self.setItem(row, column, item)
            if is_active:
                self.selectRow(row)

    def select(self, version: int) -> None:
        """Select a version, where it is there."""
        for row, recipe in enumerate(self._versions):
            if recipe.version == version:
                self.selectRow(row)

    def chosen(self) -> Recipe | None:
        """The selected version."""
        row = self.currentRow()
        return self._versions[row] if 0 <= row < len(self._versions) else None
