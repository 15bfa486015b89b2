"""The camera screen: what is found, what it sees, how it is set and what it loses."""

from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from app.background import Background
from app.cameras.camera_list import CameraList
from app.cameras.feature_tree import FeatureTree
from app.cameras.feed import CameraFeed
from app.cameras.known import (
    add_producer,
    added_producers,
    camera_title,
    features_of,
    producer_name,
    remember_features,
    search,
)
from app.context import AppContext
from app.theme import icon, palette
from app.widgets import Card, ImageView, Notice, PageHeader, StatTile, button, label
from app.widgets.rasters import shrink
from inspector_core.cameras.camera import Camera, CameraInfo, Feature, FeatureValue
from inspector_core.cameras.factory import open_camera
from inspector_core.cameras.frame import Frame

LONGEST = 1024
FIGURES_MS = 400
FIGURES = ("Frames a second", "Delivered", "Lost", "Incomplete", "Restarts")


class CamerasPage(QWidget):
    """Finds cameras in a thread, shows the chosen one live and edits its features."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._background = Background(self, self._search_failed)
        self._info: CameraInfo | None = None
        self._wanted: dict[str, FeatureValue] = {}
        self.found: list[CameraInfo] | None = None
        self.feed = CameraFeed(self)
        self.notice = Notice()
        self.list = CameraList()
        self.view = ImageView("Live picture", "Choose a camera at the left")
        self.features = FeatureTree()
        self.tiles = {name: StatTile(name) for name in FIGURES}
        self._figures = QTimer(self)
        self._figures.setInterval(FIGURES_MS)
        self._figures.timeout.connect(self._show_figures)
        self._build()
        self._connect()

    # what the window asks of a page

    def entered(self) -> None:
        """Search when first opened; afterwards show the camera again that was shown."""
        if self.found is None:
            self.search()
        elif self._info is not None:
            self.show_camera(self._info)

    def left(self) -> None:
        """Let go of the camera: the line may need it."""
        self.feed.close()
        self._figures.stop()

    def shut_down(self) -> None:
        self._figures.stop()
        self.feed.shut_down()
        self._background.wait(2.0)

    # what the person does

    def search(self) -> None:
        """Ask every producer for its cameras, in a thread."""
        if self._background.busy:
            return
        self.again.setEnabled(False)
        self.hint.setText("Searching for cameras…")
        added = added_producers(self._context.settings)
        self._background.run(lambda: search(added), self._show_found)

    def add_producer(self) -> None:
        """Choose a `.cti` file and search again."""
        name, _ = QFileDialog.getOpenFileName(self, "Add a GenTL producer", "", "GenTL producers (*.cti)")
        if name:
            add_producer(self._context.settings, Path(name))
            self.search()

    def show_camera(self, info: CameraInfo) -> None:
        """Connect `info` and show it live."""
        self._info = info
        self.notice.dismiss()
        producer = producer_name(info.producer)
        self._wanted = features_of(producer, info.id, self._context.settings)
        self.view.set_image(None)
        self.view.set_placeholder(f"Connecting to {camera_title(info)}…")
        features = dict(self._wanted)
        self.feed.open(lambda: open_camera("genicam", info.id, producer, features=features))
        self._figures.start()

    def set_feature(self, name: str, value: FeatureValue) -> None:
        """Set it in the camera; the tree then shows what the camera made of it."""

        def change(camera: Camera) -> list[Feature]:
            camera.set_feature(name, value)
            return camera.features()

        def changed(features: list[Feature]) -> None:
            self.notice.dismiss()
            feature = next(f for f in features if f.name == name)
            if feature.kind != "command":
                self._wanted.pop(name, None)
                self._wanted[name] = value
                self._remember()
            self.features.set_features(features)

        self.feed.ask(change, changed)

    def forget_features(self) -> None:
        """Connect again without the settings made here."""
        self._wanted = {}
        self._remember()
        if self._info is not None:
            self.show_camera(self._info)

    # what comes back

    def _show_found(self, found: list[CameraInfo]) -> None:
        self.found = found
        self.again.setEnabled(True)
        cameras = sum(bool(info.id) for info in found)
        faults = [info for info in found if not info.id]
        self.hint.setText(f"{cameras} camera{'' if cameras == 1 else 's'} found")
        self.list.show_found(found)
        if faults:
            problem = faults[0].details["error"]
            self.notice.show_message(problem[:1].upper() + problem[1:], "warning")

    def _search_failed(self, error: BaseException) -> None:
        self.again.setEnabled(True)
        self.hint.setText("The search failed")
        self.notice.show_error(error)

    def _show_state(self, state: str) -> None:
        self.live.setEnabled(state in ("live", "paused"))
        self.live.setChecked(state == "live")
        self.live.setText("Pause" if state == "live" else "Live")
        self.live.setIcon(icon("stop" if state == "live" else "start"))
        self.again.setEnabled(not self._background.busy)
        self.forget.setVisible(bool(self._wanted) and state != "closed")
        if state == "closed":
            self._figures.stop()
            self.features.set_features([])
            self.view.set_image(None)
            self.view.set_placeholder("Choose a camera at the left")
        elif (state == "live" and self.features.feature("Width") is not None) or state == "paused":
            self._reload_features()

    def _reload_features(self) -> None:
        """A running stream locks features: show which."""
        self.feed.ask(lambda camera: camera.features(), self.features.set_features)

    def _show_failure(self, error: BaseException) -> None:
        self.notice.show_error(error)
        if self.feed.state in ("closed", "opening"):
            self.view.set_placeholder("No picture")

    def _show_frame(self, frame: Frame) -> None:
        height, width = frame.image.shape[:2]
        self.view.caption = f"{frame.camera_id}   {width} × {height}   frame {frame.frame_id:,}"
        self.view.set_image(shrink(frame.image, LONGEST))

    def _show_figures(self) -> None:
        counters, rate = self.feed.counters, self.feed.rate
        self.tiles["Frames a second"].set_value(f"{rate:.1f}" if rate else "–")
        for name in ("Delivered", "Lost", "Incomplete", "Restarts"):
            self.tiles[name].set_value(f"{getattr(counters, name.lower()):,}")
        if self.feed.fault and self.notice.kind != "error":
            self.notice.show_error(f"The camera is being reconnected: {self.feed.fault}.")

    def _remember(self) -> None:
        if self._info is not None:
            producer = producer_name(self._info.producer)
            remember_features(producer, self._info.id, self._wanted, self._context.settings)
        self.forget.setVisible(bool(self._wanted))

    # building

    def _connect(self) -> None:
        self.list.chosen.connect(self.show_camera)
        self.list.trouble_chosen.connect(self.notice.show_error)
        self.feed.opened.connect(self.features.set_features)
        self.feed.frame_shown.connect(self._show_frame)
        self.feed.failed.connect(self._show_failure)
        self.feed.state_changed.connect(self._show_state)
        self.features.change_asked.connect(self.set_feature)
        self.features.refused.connect(self.notice.show_error)
        self.live.clicked.connect(self.feed.set_live)

    def _build(self) -> None:
        header = PageHeader("Cameras", "Every GenTL producer and camera that this station finds.")
        self.again = button("Search again", "refresh", self.search)
        add = button("Add producer…", "add", self.add_producer, tip="Choose a camera maker's .cti file")
        for action in (add, self.again):
            header.add_action(action)
        split = QSplitter()
        split.setChildrenCollapsible(False)
        split.setHandleWidth(palette.SPACE_S)
        split.setStyleSheet("QSplitter::handle { background: transparent; }")
        for widget, width in ((self._found_card(), 250), (self._middle(), 570), (self._feature_card(), 400)):
            split.addWidget(widget)
            widget.setMinimumWidth(min(width, 340))
        split.setSizes([250, 570, 400])
        for place, stretch in enumerate((0, 1, 0)):
            split.setStretchFactor(place, stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        column.addWidget(header)
        column.addWidget(self.notice)
        column.addWidget(split, 1)

    def _found_card(self) -> Card:
        card = Card("Found")
        self.hint = label("", "muted", wrap=True)
        card.body.addWidget(self.list, 1)
        card.body.addWidget(self.hint)
        return card

    def _middle(self) -> QWidget:
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        controls = QHBoxLayout()
        self.live = button("Live", "start", tip="Show the camera live; pause to change what a stream locks")
        self.live.setCheckable(True)
        self.live.setEnabled(False)
        self.forget = button("Forget settings", "undo", self.forget_features,
                             tip="Connect again as the camera starts by itself")  # fmt: skip
        self.forget.hide()
        controls.addWidget(self.live)
        controls.addWidget(button("Fit", "fit", self.view.fit, tip="Show the whole picture"))
        controls.addStretch(1)
        controls.addWidget(self.forget)
        figures = QHBoxLayout()
        figures.setSpacing(palette.SPACE_S)
        for tile in self.tiles.values():
            tile.setFixedHeight(72)
            figures.addWidget(tile, 1)
        column.addWidget(self.view, 1)
        column.addLayout(controls)
        column.addLayout(figures)
        return middle

    def _feature_card(self) -> Card:
        card = Card("Features")
        card.body.addWidget(self.features, 1)
        return card
