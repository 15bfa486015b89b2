"""Fields for the camera of a recipe."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.background import Background
from app.cameras.known import added_producers, camera_title, search, settings_of
from app.context import AppContext
from app.products.form import Form
from app.theme import palette
from app.widgets import button, label
from inspector_core.cameras.camera import CameraInfo
from inspector_core.inspection.recipe import CameraSettings

KINDS = {"playback": "Folder or video", "genicam": "GenICam camera"}


class CameraForm(QWidget):
    """Edits CameraSettings; cameras are searched for in a thread.

    Signals:
        changed()
    """

    changed = Signal()

    def __init__(self, context: AppContext, settings: CameraSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._before = settings
        self._background = Background(self)
        self._searched = False
        self._cameras: dict[str, CameraSettings] = {}
        self._build()
        self._show(settings)

    def settings(self) -> CameraSettings:
        """As the fields say; what they do not show is kept."""
        if self.kind.currentData() == "playback":
            rate = self.rate.value() or None
            return CameraSettings(
                kind="playback", source=self.source.text().strip(), rate=rate, loop=self.loop.isChecked()
            )
        device = self.device.currentText().strip()
        return self._cameras.get(
            device, self._before.model_copy(update={"kind": "genicam", "source": device})
        )

    def problem(self) -> str:
        """What is wrong, as a sentence."""
        if self.kind.currentData() == "playback" and not self.source.text().strip():
            return "Name the folder or the video that is played."
        return ""

    def _show(self, settings: CameraSettings) -> None:
        self.kind.setCurrentIndex(list(KINDS).index(settings.kind))
        self._panels.setCurrentIndex(self.kind.currentIndex())
        if settings.kind == "playback":
            self.source.setText(settings.source)
            self.rate.setValue(settings.rate or 0.0)
            self.loop.setChecked(settings.loop)
        else:
            self._cameras[settings.source] = settings
            self.device.addItem(settings.source)
            self._search()

    def _kind_chosen(self, index: int) -> None:
        self._panels.setCurrentIndex(index)
        if self.kind.currentData() == "genicam":
            self._search()
        self.changed.emit()

    def _search(self) -> None:
        if not self._searched:
            self._searched = True
            added = added_producers(self._context.settings)
            self._background.run(lambda: search(added), self._offer)

    def _offer(self, found: list[CameraInfo]) -> None:
        for info in found:
            if info.id and info.id not in self._cameras:
                self._cameras[info.id] = settings_of(info, self._context.settings)
                self.device.addItem(info.id)
                self.device.setItemData(
                    self.device.count() - 1, camera_title(info), Qt.ItemDataRole.ToolTipRole
                )
        self.changed.emit()

    def _browse(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder to play", self.source.text())
        if name:
            self.source.setText(name)

    def _build(self) -> None:
        self.kind = QComboBox()
        for kind, title in KINDS.items():
            self.kind.addItem(title, kind)
        self.kind.currentIndexChanged.connect(self._kind_chosen)
        self._panels = QStackedWidget()
        self.setStyleSheet("CameraForm, QStackedWidget, QWidget#panel { background: transparent; }")
        for panel in (self._playback_panel(), self._genicam_panel()):
            self._panels.addWidget(panel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        column.addWidget(self.kind)
        column.addWidget(self._panels)

    def _playback_panel(self) -> QWidget:
        self.source = QLineEdit()
        self.source.textChanged.connect(lambda _: self.changed.emit())
        self.rate = QDoubleSpinBox()
        self.rate.setRange(0.0, 1000.0)
        self.rate.setDecimals(1)
        self.rate.setSpecialValueText("as fast as taken")
        self.rate.setSuffix(" frames/s")
        self.rate.valueChanged.connect(lambda _: self.changed.emit())
        self.loop = QCheckBox("Begin again at the end")
        self.loop.toggled.connect(lambda _: self.changed.emit())
        row = QHBoxLayout()
        row.addWidget(self.source, 1)
        row.addWidget(button("", "folder", self._browse, tip="Choose a folder"))
        panel = QWidget()
        panel.setObjectName("panel")
        form = Form(panel)
        form.add_wide(row)
        form.add("Rate", self.rate)
        form.add_wide(self.loop)
        return panel

    def _genicam_panel(self) -> QWidget:
        line = QLineEdit()
        line.setPlaceholderText("id or serial number; empty: the first found")
        line.setStyleSheet("border: 0; padding: 0; min-height: 0; background: transparent;")
        self.device = QComboBox()
        self.device.setEditable(True)
        self.device.setLineEdit(line)
        self.device.currentTextChanged.connect(lambda _: self.changed.emit())
        panel = QWidget()
        panel.setObjectName("panel")
        form = Form(panel)
        form.add_wide(self.device)
        form.add_wide(label("Its features are those set on the Cameras page.", "muted", wrap=True))
        return panel
