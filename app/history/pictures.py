"""The archived pictures of a part: as the camera saw it, what was expected, and the difference."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from app.history.part import Part, missing_words
from app.theme import palette
from app.widgets import ImageView, button, label
from app.widgets.rasters import DIFFERENCE_GAIN, difference
from inspector_core.inspection.judge import defect_regions


class OverlayControls(QHBoxLayout):
    """Switch (key O) and cover of the anomaly map over `view`, kept in the settings."""

    def __init__(self, view: ImageView, settings: QSettings, owner: QWidget) -> None:
        super().__init__()
        self._view, self._settings = view, settings
        self.setSpacing(palette.SPACE_S)
        self.shown = button(
            "Anomaly map", "overlay", tip="Show or hide the anomaly map", key="O", owner=owner
        )
        self.shown.setCheckable(True)
        self.shown.setChecked(bool(settings.value("history/overlay", True, bool)))
        self.shown.toggled.connect(self._switch)
        self.cover = QSlider(Qt.Orientation.Horizontal)
        self.cover.setRange(0, 100)
        self.cover.setValue(int(str(settings.value("history/opacity", 60, int))))
        self.cover.setMaximumWidth(200)
        self.cover.setToolTip("Cover of the anomaly map")
        self.cover.valueChanged.connect(self._set_cover)
        self._percent = label("", "muted")
        self._percent.setFixedWidth(44)
        for widget in (self.shown, label("Cover", "muted"), self.cover, self._percent):
            self.addWidget(widget)
        self.addStretch(1)
        self.addWidget(button("Fit", "fit", view.fit, tip="Show the whole part"))
        self._switch(self.shown.isChecked())
        self._set_cover(self.cover.value())

    def _switch(self, shown: bool) -> None:
        self._view.set_overlay_shown(shown)
        self.cover.setEnabled(shown)
        self._settings.setValue("history/overlay", shown)

    def _set_cover(self, percent: int) -> None:
        self._view.set_opacity(percent / 100.0)
        self._percent.setText(f"{percent} %")
        self._settings.setValue("history/opacity", percent)


class PartPictures(QWidget):
    """Pictures that zoom and move together; what is missing is said in its place."""

    def __init__(self, settings: QSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.camera = ImageView("Camera picture", "")
        self.expected = ImageView("What this part should look like", "")
        self.difference = ImageView(f"Difference  ×{DIFFERENCE_GAIN}", "")
        self.camera.follow(self.expected)
        self.camera.follow(self.difference)
        self.expected.view_changed.connect(self.difference.set_view)
        self.difference.view_changed.connect(self.expected.set_view)
        self.missing = label("", "muted", wrap=True, selectable=True)
        self.controls = OverlayControls(self.camera, settings, self)
        grid = QGridLayout()
        grid.setSpacing(palette.SPACE_S)
        grid.addWidget(self.camera, 0, 0, 2, 1)
        grid.addWidget(self.expected, 0, 1)
        grid.addWidget(self.difference, 1, 1)
        grid.setColumnStretch(0, 19)
        grid.setColumnStretch(1, 10)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_XS)
        column.addLayout(grid, 1)
        column.addWidget(self.missing)
        column.addLayout(self.controls)
        self.missing.hide()

    def show_part(self, part: Part) -> None:
        """Show the pictures of `part`, with outlines of what its pixel threshold marked."""
        images, words = part.images, missing_words(part)
        self.missing.setText(words)
        self.missing.setVisible(bool(words) and images is not None)
        self.camera.set_placeholder(words)
        if images is None:
            for view in (self.camera, self.expected, self.difference):
                view.set_image(None)
            self.expected.set_placeholder("Not kept")
            self.difference.set_placeholder("Not kept")
            return
        self.camera.set_image(images.image)
        show_map(self.camera, images.anomaly_map, part.inspection.pixel_threshold)
        self._show_expected(images.image, images.reconstruction)

    def _show_expected(self, image: NDArray[np.uint8], expected: NDArray[np.uint8] | None) -> None:
        self.expected.set_placeholder("There is no reconstruction of this part")
        self.difference.set_placeholder("Nothing to compare with")
        comparable = expected is not None and expected.shape == image.shape
        self.expected.set_image(expected)
        self.difference.set_image(
            difference(image, expected) if comparable and expected is not None else None
        )


def show_map(
    view: ImageView,
    anomaly_map: NDArray[np.float32] | None,
    pixel_threshold: float,
    least_area: int = 4,
    ignore: NDArray[np.bool_] | None = None,
) -> int:
    """Lay map and outlines over `view`; returns the pixels inside the outlines."""
    if anomaly_map is None:
        view.set_map(None)
        view.set_contours([])
        return 0
    regions = defect_regions(anomaly_map, pixel_threshold, least_area, ignore)
    view.set_map(anomaly_map, pixel_threshold)
    view.set_contours([region.contour.astype(np.float32) for region in regions])
    return sum(region.area for region in regions)
