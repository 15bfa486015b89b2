"""The second step: pictures of good parts, with the quality gate."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.context import AppContext
from app.products.draft import Draft
from app.products.picture_check import LEAST, Picture, judge_set, summary
from app.products.picture_grid import PictureGrid
from app.products.wizard.camera_panel import CameraPanel
from app.products.wizard.folder_panel import FolderPanel
from app.products.wizard.step import Step
from app.theme import palette
from app.widgets import button, label, words
from inspector_core.inspection.recipe import CameraSettings


class SourceStep(Step):
    """From a folder or from a camera; each keeps its own pictures."""

    title = "Pictures"
    advice = "Photographs of good parts, as the line will see them."

    def __init__(self, context: AppContext, draft: Draft, parent: QWidget | None = None) -> None:
        super().__init__(context, draft, parent)
        self._kept: dict[str, list[Picture]] = {"folder": [], "camera": []}
        self.folder = FolderPanel()
        self.camera = CameraPanel(context, draft)
        self.grid = PictureGrid()
        self.grid.toggled.connect(self._toggle)
        self._summary = label("", "section", wrap=True)
        self.folder.checked.connect(self._folder_checked)
        self.folder.failed.connect(self._failed)
        self.folder.working.connect(lambda _: self.changed.emit())
        self.folder.problem_chosen.connect(lambda row: self.grid.scrollToItem(self.grid.item(row)))
        self.camera.taken.connect(self._taken)
        self.camera.failed.connect(self._failed)
        self.camera.camera_chosen.connect(self._camera_chosen)
        self._build()

    def enter(self) -> None:
        if self.draft.source == "camera":
            # The name, and so the folder of what was taken, may have been changed meanwhile.
            self._kept["camera"] = self.draft.pictures
            self.camera.enter()
        self._show()

    def leave(self) -> None:
        self.camera.leave()

    def abandon(self) -> None:
        self.folder.abandon()
        self.camera.leave()

    def wait(self) -> None:
        self.folder.wait()
        self.camera.wait()

    def problem(self) -> str:
        if self.folder.busy:
            return "The pictures are being checked."
        used = len(self.draft.used)
        if not self.draft.pictures:
            choose = "Choose a folder of pictures." if self.draft.source == "folder" else "Take pictures."
            return f"{choose} At least {LEAST} are needed."
        return "" if used >= LEAST else f"{used} pictures can be used; at least {LEAST} are needed."

    def choose(self, source: str) -> None:
        """Show the panel for a folder or a camera."""
        self._kept[self.draft.source] = self.draft.pictures
        self.draft.source = "camera" if source == "camera" else "folder"
        self.draft.pictures = self._kept[source]
        self._panels.setCurrentWidget(self.camera if source == "camera" else self.folder)
        if source == "camera":
            self.camera.enter()
        else:
            self.camera.leave()
        self._show()

    def _folder_checked(self, folder: Path, pictures: list[Picture]) -> None:
        self.draft.folder = folder
        self.draft.pictures = pictures
        self._show()

    def _taken(self, picture: Picture) -> None:
        self.draft.pictures = judge_set([*self.draft.pictures, picture])
        self._show()
        self.grid.scrollToBottom()

    def _camera_chosen(self, settings: CameraSettings) -> None:
        self.draft.capture = settings

    def _failed(self, error: BaseException) -> None:
        self.said.emit(words(error), "error")

    def _toggle(self, index: int) -> None:
        picture = self.draft.pictures[index]
        if picture.readable:
            self.draft.pictures[index] = replace(picture, chosen=not picture.used)
            self._show()

    def _show(self) -> None:
        pictures = self.draft.pictures
        self.grid.show_pictures(pictures)
        self._summary.setText(summary(pictures) if pictures else "No pictures yet")
        if self.draft.source == "folder":
            self.folder.show_problems(pictures)
        self.changed.emit()

    def _build(self) -> None:
        choice = QHBoxLayout()
        choice.setSpacing(palette.SPACE_S)
        group = QButtonGroup(self)
        self.choices = {}
        for source, text, sign in (
            ("folder", "From a folder", "folder"),
            ("camera", "From a camera", "cameras"),
        ):
            entry = button(text, sign, partial(self.choose, source))
            entry.setCheckable(True)
            entry.setChecked(source == self.draft.source)
            group.addButton(entry)
            self.choices[source] = entry
            choice.addWidget(entry, 1)
        self._panels = QStackedWidget()
        for panel in (self.folder, self.camera):
            self._panels.addWidget(panel)
        left = QWidget()
        left.setMinimumWidth(380)
        left.setMaximumWidth(560)
        at_left = QVBoxLayout(left)
        at_left.setContentsMargins(0, 0, 0, 0)
        at_left.addLayout(choice)
        at_left.addWidget(self._panels, 1)
        at_right = QVBoxLayout()
        at_right.setSpacing(palette.SPACE_XS)
        at_right.addWidget(self._summary)
        at_right.addWidget(self.grid, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(palette.SPACE_L)
        row.addWidget(left, 2)
        row.addLayout(at_right, 3)
