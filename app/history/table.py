"""The rows of the history, fetched a page at a time as the person scrolls."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QIcon

from app.history.part import LABEL_WORDS
from app.theme import pixmap, verdict_style
from inspector_core.inspection.verdict import Inspection, Verdict

PAGE = 200
MOST = 5000
"""Rows kept while new ones arrive at the top; older ones are fetched again when they are scrolled to."""

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter

COLUMNS = (
    ("Verdict", 104, 0, _LEFT, lambda row: row.verdict.shown),
    ("Time", 178, 0, _LEFT, lambda row: f"{row.captured_at.astimezone():%Y-%m-%d  %H:%M:%S}"),
    ("Score", 78, 0, _RIGHT, lambda row: "–" if row.score is None else f"{row.score:.4f}"),
    ("Recipe", 156, 3, _LEFT, lambda row: f"{row.recipe}  v{row.recipe_version}"),
    ("Part", 66, 0, _RIGHT, lambda row: f"{row.part:,}"),
    ("Label", 108, 1, _LEFT, lambda row: LABEL_WORDS.get(row.label, row.label)),
    ("Lot", 90, 2, _LEFT, lambda row: row.lot),
    ("Operator", 98, 2, _LEFT, lambda row: row.operator),
)
"""Heading, least width in pixels, share of the width that is left, alignment, and the text of a row."""


class InspectionTable(QAbstractTableModel):
    """Newest first. Holds what was fetched; asks for more by a signal and never waits for it.

    Signals:
        page_wanted(id): the page after the inspection of that row number.
    """

    page_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Inspection] = []
        self._complete = True
        self._fetching = False
        self._signs: dict[Verdict, QIcon] = {}

    @property
    def complete(self) -> bool:
        """Whether the oldest match is among the rows."""
        return self._complete

    @property
    def newest_id(self) -> int | None:
        return self._rows[0].id if self._rows else None

    def inspection(self, row: int) -> Inspection:
        return self._rows[row]

    def row_of(self, inspection_id: int) -> int | None:
        """Row of an inspection, None where it is not among the fetched."""
        return next((i for i, row in enumerate(self._rows) if row.id == inspection_id), None)

    # filling

    def replace(self, rows: list[Inspection]) -> None:
        """Begin with a first page."""
        self.beginResetModel()
        self._rows = list(rows)
        self._complete = len(rows) < PAGE
        self._fetching = False
        self.endResetModel()

    def add_page(self, rows: list[Inspection]) -> None:
        """Add the page that was asked for."""
        self._fetching = False
        self._complete = len(rows) < PAGE
        if rows:
            first = len(self._rows)
            self.beginInsertRows(_ROOT, first, first + len(rows) - 1)
            self._rows += rows
            self.endInsertRows()

    def fetch_failed(self) -> None:
        """The page that was asked for can't be read; no other is asked for by itself."""
        self._fetching, self._complete = False, True

    def add_newer(self, rows: list[Inspection]) -> None:
        """Put new rows, newest first, at the top."""
        if rows:
            self.beginInsertRows(_ROOT, 0, len(rows) - 1)
            self._rows[:0] = rows
            self.endInsertRows()

    def trim(self) -> None:
        """Drop the oldest rows beyond `MOST`."""
        if len(self._rows) > MOST and not self._fetching:
            self.beginRemoveRows(_ROOT, MOST, len(self._rows) - 1)
            del self._rows[MOST:]
            self._complete = False
            self.endRemoveRows()

    def update(self, inspection: Inspection) -> None:
        """Show a changed inspection in its row."""
        row = self.row_of(inspection.id)
        if row is not None:
            self._rows[row] = inspection
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    # what the view asks for

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def canFetchMore(self, parent: Index = _ROOT) -> bool:
        return not parent.isValid() and not self._complete and not self._fetching

    def fetchMore(self, parent: Index = _ROOT) -> None:
        if self.canFetchMore(parent):
            self._fetching = True
            self.page_wanted.emit(self._rows[-1].id)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section][0]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return COLUMNS[section][3]
        return None

    def data(self, index: Index, role: int = 0) -> Any:
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[column][4](row)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return COLUMNS[column][3]
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.note or row.reason or COLUMNS[column][4](row)
        if column == 0 and role == Qt.ItemDataRole.DecorationRole:
            return self._sign(row.verdict)
        return None

    def _sign(self, verdict: Verdict) -> QIcon:
        if verdict not in self._signs:
            look, sign = verdict_style(verdict), QIcon()
            for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):  # a selection must not tint it
                sign.addPixmap(pixmap(look.icon, 20, look.color, look.on_color, ratio=2.0), mode)
            self._signs[verdict] = sign
        return self._signs[verdict]
