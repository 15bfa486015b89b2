"""Every producer and every camera that was found, and what is wrong with those that could not be asked."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QTreeWidget, QTreeWidgetItem, QWidget

from app.cameras.known import camera_title, producer_title
from app.theme import icon, palette
from inspector_core.cameras.camera import CameraInfo

INFO = Qt.ItemDataRole.UserRole + 1


class CameraList(QTreeWidget):
    """Producers with their cameras below them.

    Signals:
        chosen(CameraInfo): a camera was clicked.
        trouble_chosen(sentence): a producer that has a fault was clicked.
    """

    chosen = Signal(object)
    trouble_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setHeaderHidden(True)
        self.setIndentation(14)
        self.setIconSize(QSize(20, 20))
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.currentItemChanged.connect(self._tell)

    def show_found(self, found: list[CameraInfo]) -> None:
        """Show what a search gave; a camera that was selected stays so."""
        current = self.current()
        self.blockSignals(True)
        self.clear()
        for producer in dict.fromkeys(info.producer for info in found):
            cameras = [info for info in found if info.producer == producer]
            self.addTopLevelItem(self._producer(producer, cameras))
        self.expandAll()
        self.blockSignals(False)
        if current is not None:
            self.select(current.id)

    def current(self) -> CameraInfo | None:
        """The selected camera."""
        item = self.currentItem()
        info = None if item is None else item.data(0, INFO)
        return info if isinstance(info, CameraInfo) and info.id else None

    def cameras(self) -> list[QTreeWidgetItem]:
        """The entries of all cameras, from the top."""
        items = self.findItems("", Qt.MatchFlag.MatchContains | Qt.MatchFlag.MatchRecursive)
        return [item for item in items if isinstance(item.data(0, INFO), CameraInfo)]

    def select(self, camera: str) -> None:
        """Choose a camera by its id, where it is in the list."""
        for item in self.cameras():
            if item.data(0, INFO).id == camera:
                self.setCurrentItem(item)

    def _producer(self, producer: str, cameras: list[CameraInfo]) -> QTreeWidgetItem:
        top = QTreeWidgetItem([producer_title(producer)])
        top.setToolTip(0, producer)
        font = top.font(0)
        font.setBold(True)
        top.setFont(0, font)
        problem = next((info.details.get("error", "") for info in cameras if not info.id), "")
        if problem:
            top.setIcon(0, icon("warning", palette.REVIEW))
            top.setToolTip(0, problem)
            top.setData(0, INFO, problem)
        for info in cameras:
            if info.id:
                child = QTreeWidgetItem([camera_title(info)])
                child.setIcon(0, icon("cameras"))
                child.setToolTip(0, f"{info.vendor} {info.model}\n{info.id}".strip())
                child.setData(0, INFO, info)
                top.addChild(child)
        if not problem and top.childCount() == 0:
            none = QTreeWidgetItem(["No camera found"])
            none.setFlags(Qt.ItemFlag.NoItemFlags)
            top.addChild(none)
        return top

    def _tell(self, item: QTreeWidgetItem | None, _before: object = None) -> None:
        data = None if item is None else item.data(0, INFO)
        if isinstance(data, CameraInfo):
            self.chosen.emit(data)
        elif isinstance(data, str) and data:
            self.trouble_chosen.emit(data)
