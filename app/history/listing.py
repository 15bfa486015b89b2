"""The list of inspections with its filter, and a preview of the one that is selected."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QObject, QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.background import Background
from app.history.filter_bar import FilterBar
from app.history.preview import Preview
from app.history.table import COLUMNS, PAGE, InspectionTable
from app.theme import palette
from app.widgets import EmptyState, button, label
from inspector_core.inspection.verdict import Inspection
from inspector_core.records import Choices, InspectionFilter, Records

REFRESH_MS = 500
"""How often at most the list looks for new rows while the line runs."""


class _Table(QTableView):
    """Shares its width among the columns whenever it is resized."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        left = max(0, self.viewport().width() - sum(least for _, least, *_ in COLUMNS))
        shares = sum(share for _, _, share, *_ in COLUMNS)
        for column, (_, least, share, *_) in enumerate(COLUMNS):
            self.setColumnWidth(column, least + left * share // shares)


class InspectionList(QWidget):
    """Reads pages in threads; what a newer filter has replaced is dropped.

    Signals:
        opened(id): an inspection was opened.
        failed(error): a page can't be read.
        rows_changed(): rows were added, replaced or removed.
    """

    opened = Signal(object)
    failed = Signal(object)
    rows_changed = Signal()

    def __init__(
        self, records: Callable[[], Records | None], settings: QSettings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._records = records
        self._background = Background(self, self._say_failed)
        self._page_job = self._newer_job = 0
        self._wanted = InspectionFilter()
        self.filter = FilterBar(settings)
        self.rows = InspectionTable()
        self.table = _Table()
        self.preview = Preview()
        self.count = label("", "muted")
        self.empty = EmptyState("", "", "history")
        self._stack = QStackedWidget()
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(REFRESH_MS)
        self._build()
        self._connect()

    # filling

    def reload(self) -> None:
        """Fetch the first page of the chosen filter, and what there is to choose from."""
        records = self._records()
        if records is None:
            self._show_empty("The database is being opened", "The list appears as soon as it is ready.")
            return
        self._wanted = wanted = self.filter.wanted()
        self._background.forget(self._page_job)
        self._background.forget(self._newer_job)
        self._newer_job = 0

        def read() -> tuple[list[Inspection], Choices]:
            return records.find(wanted, PAGE), records.choices()

        self._page_job = self._background.run(read, self._show_first_page)

    @property
    def wanted(self) -> InspectionFilter:
        """The filter of the listed rows."""
        return self._wanted

    def look_for_newer(self) -> None:
        """New rows were committed: show them soon, where the list can be seen."""
        if self.isVisible() and not self._refresh.isActive():
            self._refresh.start()

    def select(self, row: int) -> None:
        """Select a row and bring it into view."""
        index = self.rows.index(row, 0)
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.table.selectionModel().setCurrentIndex(index, flags)
        self.table.scrollTo(index)

    def stop(self) -> None:
        """No timer runs afterwards."""
        self._refresh.stop()

    def _fetch_page(self, after: int) -> None:
        records, wanted = self._records(), self._wanted
        if records is None:
            return
        self._page_job = self._background.run(
            lambda: records.find(wanted, PAGE, before_id=after), self._add_page, self._page_failed
        )

    def _fetch_newer(self) -> None:
        records, wanted = self._records(), self._wanted
        if records is None or self._newer_job or not self.isVisible():
            return
        if self.table.viewport().underMouse() and self._at_top():
            self._refresh.start()  # rows must not slide away under the pointer
            return
        self._newer_job = self._background.run(
            lambda: records.find(wanted, PAGE), self._add_newer, self._newer_failed
        )

    def _show_first_page(self, found: tuple[list[Inspection], Choices]) -> None:
        rows, choices = found
        self.filter.set_choices(choices)
        self.rows.replace(rows)
        self.table.scrollToTop()
        self.preview.clear()
        self._rows_changed()
        if not rows and not choices.recipes:
            self._show_empty("Nothing has been inspected yet", "Start the line on the Live page.")

    def _add_page(self, rows: list[Inspection]) -> None:
        self.rows.add_page(rows)
        self._rows_changed()

    def _add_newer(self, page: list[Inspection]) -> None:
        """Put what is new above the rest; what the person looks at stays where it is."""
        self._newer_job = 0
        known = self.rows.newest_id
        ids = [row.id for row in page]
        if known not in ids:
            new = page
            self.rows.replace(page)
            self.table.scrollToTop()
        else:
            new = page[: ids.index(known)]
            bar = self.table.verticalScrollBar()
            at_top, position = self._at_top(), bar.value()
            self.rows.add_newer(new)
            if at_top:
                self.table.scrollToTop()
                self.rows.trim()
            else:
                bar.setValue(position + len(new))
        if new:
            self._rows_changed()

    def _page_failed(self, error: BaseException) -> None:
        self.rows.fetch_failed()
        self.failed.emit(error)

    def _newer_failed(self, error: BaseException) -> None:
        self._newer_job = 0
        self.failed.emit(error)

    def _say_failed(self, error: BaseException) -> None:
        self._show_empty("The list can't be read", "The message above says why.")
        self.failed.emit(error)

    def _at_top(self) -> bool:
        return self.table.verticalScrollBar().value() == 0

    def _rows_changed(self) -> None:
        number = self.rows.rowCount()
        if number:
            self._stack.setCurrentIndex(0)
            more = "" if self.rows.complete else "; scroll down for older ones"
            self.count.setText(f"{number:,} inspections{more}")
        else:
            self._show_empty("No inspection matches this filter", "Choose a longer time or clear the filter.")
        self.rows_changed.emit()

    def _show_empty(self, text: str, remedy: str) -> None:
        self.empty.set_text(text, remedy)
        self.count.setText("")
        self._stack.setCurrentIndex(1)

    # choosing

    def _row_selected(self, index: QModelIndex) -> None:
        records = self._records()
        if index.isValid() and records is not None:
            self.preview.show_inspection(self.rows.inspection(index.row()), records)

    def _open(self, index: QModelIndex) -> None:
        if index.isValid():
            self.opened.emit(self.rows.inspection(index.row()).id)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.preview.set_width(round(self.width() * 0.24))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        pressed: Any = event
        if event.type() == QEvent.Type.KeyPress and pressed.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.table.currentIndex())
            return True
        return super().eventFilter(watched, event)

    # building

    def _connect(self) -> None:
        self.filter.changed.connect(self.reload)
        self.rows.page_wanted.connect(self._fetch_page)
        self._refresh.timeout.connect(self._fetch_newer)
        self.table.doubleClicked.connect(self._open)
        self.table.selectionModel().currentRowChanged.connect(lambda now, _before: self._row_selected(now))
        self.table.installEventFilter(self)
        self.preview.opened.connect(self.opened)

    def _build(self) -> None:
        table = self.table
        table.setModel(self.rows)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setAlternatingRowColors(True)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.verticalHeader().setDefaultSectionSize(34)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        self.empty.add_action(button("Clear the filter", "undo", self.filter.clear))
        self._stack.addWidget(table)
        self._stack.addWidget(self.empty)
        left = QVBoxLayout()
        left.setSpacing(palette.SPACE_XS)
        left.addWidget(self._stack, 1)
        left.addWidget(self.count)
        body = QHBoxLayout()
        body.setSpacing(palette.SPACE_S)
        body.addLayout(left, 1)
        body.addWidget(self.preview)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(palette.SPACE_S)
        whole.addWidget(self.filter)
        whole.addLayout(body, 1)
