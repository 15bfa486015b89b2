"""Past inspections: the list, and the one that is opened."""

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QStackedWidget, QVBoxLayout, QWidget

from app.background import Background
from app.context import AppContext
from app.history.details import DetailView
from app.history.listing import InspectionList
from app.history.part import Part, load_part
from app.theme import palette
from app.widgets import Notice, button
from inspector_core.records import Records


class HistoryPage(QWidget):
    """Finds, opens, labels and exports what was inspected."""

    AHEAD = 5
    """Rows before the end of the list at which stepping through it fetches the next page."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._background = Background(self, self._failed)
        self._job = 0
        self.notice = Notice()
        self.list = InspectionList(lambda: context.bridge.records, context.settings)
        self.details = DetailView(context.settings)
        self.stack = QStackedWidget()
        self.export_button = button("Export CSV…", "export", self._choose_file, tip="Write all that match")
        self._build()
        self._connect()
        self.list.reload()

    # what other pages ask for

    def open_inspection(self, row: int) -> None:
        """Open one inspection by its row number, whatever the list shows."""
        records = self._records()
        if records is None:
            return
        self._background.forget(self._job)
        self._job = self._background.run(lambda: load_part(records, row), self._show_part)

    show_inspection = open_inspection

    def show_list(self) -> None:
        """Back to the list, at the inspection that was open."""
        self.stack.setCurrentWidget(self.list)
        if self.details.part is not None:
            row = self.list.rows.row_of(self.details.part.inspection.id)
            if row is not None:
                self.list.select(row)
        self.list.look_for_newer()
        self.list.table.setFocus()

    def export_to(self, path: Path) -> None:
        """Write every inspection that matches the filter as CSV, in a thread."""
        records = self._records()
        if records is None:
            return
        wanted = self.list.wanted
        self.export_button.setEnabled(False)
        self.notice.show_message("The inspections are being written…")
        self._background.run(
            lambda: records.export_csv(wanted, path), lambda n: self._exported(n, path), self._export_failed
        )

    def entered(self) -> None:
        """The page is shown: parts may have been inspected meanwhile."""
        self.list.look_for_newer()

    def shut_down(self) -> None:
        """The window closes."""
        self.list.stop()

    # what happens

    def _records(self) -> Records | None:
        records: Records | None = self._context.bridge.records
        if records is None:
            self.notice.show_message("The database is not open yet.", "warning")
        return records

    def _show_part(self, part: Part) -> None:
        self.details.show_part(part)
        self._show_neighbours()
        self.stack.setCurrentWidget(self.details)

    def _show_neighbours(self) -> None:
        rows = self.list.rows
        row = None if self.details.part is None else rows.row_of(self.details.part.inspection.id)
        if row is None:
            self.details.set_neighbours(False, False)
            return
        if row >= rows.rowCount() - self.AHEAD:
            rows.fetchMore()
        self.details.set_neighbours(row > 0, row < rows.rowCount() - 1)

    def _step(self, by: int) -> None:
        rows = self.list.rows
        row = None if self.details.part is None else rows.row_of(self.details.part.inspection.id)
        if row is not None and 0 <= row + by < rows.rowCount():
            self.open_inspection(rows.inspection(row + by).id)

    def _relabel(self, label: str, note: str, by: str) -> None:
        records = self._records()
        if records is None or self.details.part is None:
            return
        row = self.details.part.inspection.id

        def change() -> Part:
            records.relabel(row, label, note, by)
            return load_part(records, row)

        self._background.run(change, self._relabelled)

    def _relabelled(self, part: Part) -> None:
        self.list.rows.update(part.inspection)
        if self.details.part is not None and self.details.part.inspection.id == part.inspection.id:
            self.details.show_part(part)

    def _choose_file(self) -> None:
        folder = str(self._context.settings.value("history/export_folder", str(Path.home())))
        chosen, _ = QFileDialog.getSaveFileName(
            self, "Export inspections", f"{folder}/inspections.csv", "CSV (*.csv)"
        )
        if chosen:
            path = Path(chosen if Path(chosen).suffix else f"{chosen}.csv")
            self._context.settings.setValue("history/export_folder", str(path.parent))
            self.export_to(path)

    def _exported(self, number: int, path: Path) -> None:
        self.export_button.setEnabled(True)
        self.notice.show_message(f"{number:,} inspections were written to {path}", "good")

    def _export_failed(self, error: BaseException) -> None:
        self.export_button.setEnabled(True)
        self._failed(error)

    def _failed(self, error: BaseException) -> None:
        self.notice.show_error(error)

    # building

    def _connect(self) -> None:
        bridge = self._context.bridge
        bridge.records_opened.connect(lambda _records: self.list.reload())
        bridge.committed.connect(lambda _parts: self.list.look_for_newer())
        self.list.opened.connect(self.open_inspection)
        self.list.failed.connect(self._failed)
        self.list.rows_changed.connect(self._show_neighbours)
        self.details.back.connect(self.show_list)
        self.details.step.connect(self._step)
        self.details.labels.asked.connect(self._relabel)

    def _build(self) -> None:
        refresh = button("", "refresh", self.list.reload, tip="Read the list again", key="F5", owner=self)
        self.list.filter.tools.setSpacing(palette.SPACE_S)
        self.list.filter.tools.addWidget(refresh)
        self.list.filter.tools.addWidget(self.export_button)
        self.stack.addWidget(self.list)
        self.stack.addWidget(self.details)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        column.addWidget(self.notice)
        column.addWidget(self.stack, 1)
