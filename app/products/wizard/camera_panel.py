"""Pictures of good parts from a camera: live view, what the picture is like, and the button that takes it."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from app.background import Background
from app.cameras.feed import CameraFeed
from app.cameras.known import added_producers, camera_title, search, settings_of
from app.context import AppContext
from app.products.draft import Draft
from app.products.picture_check import Picture, measure
from app.theme import palette
from app.widgets import ImageView, button, indent, label
from app.widgets.rasters import shrink
from inspector_core.cameras.camera import CameraInfo
from inspector_core.cameras.factory import open_camera
from inspector_core.cameras.frame import Frame
from inspector_core.images import write_png
from inspector_core.inspection.recipe import CameraSettings

LONGEST = 800
LOOK_MS = 400


class CameraPanel(QWidget):
    """Shows a camera live and takes pictures into the draft's folder.

    Signals:
        taken(Picture): a picture was written.
        failed(error)
        camera_chosen(CameraSettings)
    """

    taken = Signal(object)
    failed = Signal(object)
    camera_chosen = Signal(object)

    def __init__(self, context: AppContext, draft: Draft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._draft = context, draft
        self._background = Background(self, self.failed.emit)
        self._frame: Frame | None = None
        self._taken = 0
        self._sharpest = 0.0
        self.found: list[CameraInfo] | None = None
        self.settings: CameraSettings | None = None
        self.feed = CameraFeed(self)
        self.feed.frame_shown.connect(self._show_frame)
        self.feed.failed.connect(self.failed)
        self._look = QTimer(self)
        self._look.setInterval(LOOK_MS)
        self._look.timeout.connect(self._judge_frame)
        self._automatic = QTimer(self)
        self._automatic.timeout.connect(self.take)
        self._build()

    def enter(self) -> None:
        """Search where that was not done; else show the chosen camera again."""
        if self.found is None:
            self.search()
        elif self.settings is not None and self.feed.state == "closed":
            self._open(self.settings)

    def leave(self) -> None:
        """Let go of the camera."""
        self.every.setChecked(False)
        self._look.stop()
        self.feed.close()

    def wait(self) -> None:
        """Wait, in any thread, until the camera is closed and all pictures are written."""
        self.feed.wait()
        self._background.wait(5.0)

    def search(self) -> None:
        """Look for cameras, in a thread."""
        self.cameras.clear()
        self.cameras.setPlaceholderText("Searching for cameras…")
        added = added_producers(self._context.settings)
        self._background.run(lambda: search(added), self._show_found)

    def take(self) -> None:
        """Write the picture that is shown, in a thread."""
        frame = self._frame
        if frame is None or self.feed.state != "live":
            return
        self._taken += 1
        path = self._draft.captured / f"{self._taken:04d}.png"

        def write() -> Picture:
            write_png(path, frame.image)
            return measure(path, frame.image)

        self._background.run(write, self.taken.emit)

    def _show_found(self, found: list[CameraInfo]) -> None:
        self.found = [info for info in found if info.id]
        self.cameras.clear()
        self.cameras.setPlaceholderText("Choose a camera" if self.found else "No camera found")
        for info in self.found:
            self.cameras.addItem(camera_title(info))
        self.cameras.setCurrentIndex(-1)
        if len(self.found) == 1:
            self.cameras.setCurrentIndex(0)
            self._choose(0)

    def _choose(self, index: int) -> None:
        assert self.found is not None
        self.settings = settings_of(self.found[index], self._context.settings)
        self.camera_chosen.emit(self.settings)
        self._open(self.settings)

    def _open(self, settings: CameraSettings) -> None:
        self._frame = None
        self._sharpest = 0.0
        self.view.set_image(None)
        self.view.set_placeholder("Connecting…")
        self.feed.open(
            lambda: open_camera(settings.kind, settings.source, settings.producer, features=settings.features)
        )
        self._look.start()

    def _show_frame(self, frame: Frame) -> None:
        self._frame = frame
        self.button.setEnabled(True)
        self.view.set_image(shrink(frame.image, LONGEST))

    def _judge_frame(self) -> None:
        frame = self._frame
        if frame is None:
            return
        picture = measure(self._draft.captured, shrink(frame.image, LONGEST))
        self._sharpest = max(self._sharpest, picture.sharpness)
        sharp = picture.sharpness / self._sharpest if self._sharpest else 0.0
        light = picture.fault or f"mean brightness {picture.light / 255:.0%}"
        self._about.setText(f"Sharpness {sharp:.0%} of the best seen here  ·  {light}")

    def _switch(self, on: bool) -> None:
        if on:
            self._automatic.start(1000 * self.pause.value())
        else:
            self._automatic.stop()

    def _build(self) -> None:
        self.cameras = QComboBox()
        self.cameras.activated.connect(self._choose)
        self.view = ImageView("", "Choose a camera above")
        self._about = label("", "muted")
        self.button = button("Take picture", "cameras", self.take, role="primary", key="Space", touch=True,
                             tip="Take the picture that is shown", owner=self)  # fmt: skip
        self.button.setEnabled(False)
        self.every = button("One every", "", tip="Take pictures by itself while parts pass")
        self.every.setCheckable(True)
        self.every.toggled.connect(self._switch)
        self.pause = QSpinBox()
        indent(self.pause)
        self.pause.setRange(1, 60)
        self.pause.setValue(2)
        self.pause.setSuffix(" s")
        self.pause.valueChanged.connect(lambda _: self._switch(self.every.isChecked()))
        top = QHBoxLayout()
        top.addWidget(self.cameras, 1)
        top.addWidget(button("", "refresh", self.search, tip="Search for cameras again"))
        row = QHBoxLayout()
        row.addWidget(self.button, 1)
        row.addWidget(self.every)
        row.addWidget(self.pause)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        column.addLayout(top)
        column.addWidget(self.view, 1)
        column.addWidget(self._about)
        column.addLayout(row)
