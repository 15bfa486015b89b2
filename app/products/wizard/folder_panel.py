"""Pictures of good parts from a folder, read and checked in a thread."""

import threading
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from app.background import Background
from app.products.picture_check import Picture, find_pictures, is_category, judge_set, read_picture
from app.theme import icon, palette
from app.widgets import button, label
from inspector_core.errors import DataError

INDEX = Qt.ItemDataRole.UserRole


class FolderPanel(QWidget):
    """Asks for a folder.

    Signals:
        checked(folder, list of Picture): all is read and judged.
        failed(error): the folder can't be used.
        working(bool)
        problem_chosen(index): of a picture in the list of problems.
    """

    checked = Signal(object, list)
    failed = Signal(object)
    working = Signal(bool)
    problem_chosen = Signal(int)
    _counted = Signal(object, int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._background = Background(self)
        self._stop = threading.Event()
        self._checking = ""
        self.path = QLineEdit()
        self.path.setPlaceholderText("Folder of photographs of good parts")
        self.path.editingFinished.connect(self._entered)
        self.browse = button("Browse…", "folder", self._browse, role="primary")
        self.progress = QProgressBar()
        self.progress.setFormat("Checking %v of %m")
        self.progress.hide()
        self.problems = QListWidget()
        self.problems.setWordWrap(True)
        self.problems.itemClicked.connect(lambda item: self.problem_chosen.emit(item.data(INDEX)))
        self._found = label("", "section")
        self._counted.connect(self._count, Qt.ConnectionType.QueuedConnection)
        row = QHBoxLayout()
        row.addWidget(self.path, 1)
        row.addWidget(self.browse)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        column.addLayout(row)
        column.addWidget(self.progress)
        column.addWidget(
            label(
                "PNG, JPEG, TIFF, BMP or WebP, or a category in MVTec layout (its train/good is used). "
                "Each picture is checked for blur, light, size and duplicates.",
                "muted",
                wrap=True,
            )
        )
        column.addSpacing(palette.SPACE_S)
        column.addWidget(self._found)
        column.addWidget(self.problems, 1000)
        column.addStretch(1)
        self.show_problems([])

    @property
    def busy(self) -> bool:
        return not self.progress.isHidden()

    def check(self, folder: Path) -> None:
        """Read and judge every picture of `folder`."""
        self._stop.set()
        self._stop = stop = threading.Event()
        self.path.setText(str(folder))
        self._checking = str(folder)
        self.progress.setRange(0, 0)
        self.progress.show()
        self.working.emit(True)
        self._background.run(
            lambda: self._read(folder, stop),
            lambda pictures: None if stop.is_set() else self._done(folder, pictures),
            lambda error: None if stop.is_set() else self._fail(error),
        )

    def show_problems(self, pictures: list[Picture]) -> None:
        """List what the check found, a line for each picture."""
        self.problems.clear()
        for index, picture in enumerate(pictures):
            if picture.problem:
                used = "" if not picture.used else "  (used all the same)"
                item = QListWidgetItem(
                    icon("warning", palette.REVIEW), f"{picture.path.name}: {picture.problem}{used}"
                )
                item.setData(INDEX, index)
                self.problems.addItem(item)
        count = self.problems.count()
        self.problems.setVisible(count > 0)
        good = "No problem found" if pictures else ""
        self._found.setText(f"{count} with a problem" if count else good)

    def abandon(self) -> None:
        """Stop checking."""
        self._stop.set()

    def wait(self) -> None:
        """Wait, in any thread, for the end of it."""
        self._background.wait(5.0)

    def _read(self, folder: Path, stop: threading.Event) -> list[Picture]:
        if not folder.is_dir():
            raise DataError(f"the folder {folder} is missing", "check the path")
        try:
            paths = find_pictures(folder)
        except OSError as error:
            problem = f"the folder {folder} can't be read ({error.strerror})"
            raise DataError(problem, "check its permissions") from error
        if not paths:
            raise DataError(f"the folder {folder} holds no images", "put photographs of good parts there")
        pictures = []
        for number, path in enumerate(paths, start=1):
            if stop.is_set():
                break
            pictures.append(read_picture(path))
            self._counted.emit(stop, number, len(paths))
        return judge_set(pictures, any_size=is_category(folder))

    def _count(self, job: threading.Event, done: int, total: int) -> None:
        if job is self._stop:
            self.progress.setRange(0, total)
            self.progress.setValue(done)

    def _done(self, folder: Path, pictures: list[Picture]) -> None:
        self.progress.hide()
        self.working.emit(False)
        self.checked.emit(folder, pictures)

    def _fail(self, error: BaseException) -> None:
        self.progress.hide()
        self._checking = ""
        self.working.emit(False)
        self.failed.emit(error)

    def _browse(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder of good parts", self.path.text())
        if name:
            self.check(Path(name))

    def _entered(self) -> None:
        text = self.path.text().strip()
        if text and text != self._checking:
            self.check(Path(text).expanduser())
