"""Three pictures of the newest part: as the camera saw it, as it should look, and the difference."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from app.context import whole_number
from app.theme import palette
from app.widgets import ImageView, button, label
from app.widgets.rasters import DIFFERENCE_GAIN, difference, outlines, shrink
from inspector_core.inspection.line import Latest

LONGEST = 1024
"""Pictures are scaled down to this first: more pixels than the screen has cost only time."""


class PartPictures(QWidget):
    """Shows a part; the anomaly map's cover is set by a slider and switched by the key O."""

    def __init__(self, settings: QSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.camera = ImageView("Camera picture", "The next part appears here")
        self.expected = ImageView("What this part should look like", "Norma's reconstruction")
        self.difference = ImageView(f"Difference  ×{DIFFERENCE_GAIN}", "Where the two differ")
        self.expected.follow(self.camera)
        self.difference.follow(self.camera)
        self.expected.view_changed.connect(self.difference.set_view)
        self.difference.view_changed.connect(self.expected.set_view)
        row = QHBoxLayout()
        row.setSpacing(palette.SPACE_S)
        for view in (self.camera, self.expected, self.difference):
            row.addWidget(view, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_XS)
        column.addLayout(row, 1)
        column.addLayout(self._controls())

    def show_part(self, part: Latest) -> None:
        """Show the pictures of `part`; what it lacks is left empty and says so."""
        images, inspection = part.images, part.inspection
        if images is None:
            reason = inspection.reason or "no picture of this part"
            self.camera.set_placeholder(reason[:1].upper() + reason[1:])
            self.clear()
            return
        shown = shrink(images.image, LONGEST)
        self.camera.set_image(shown)
        if images.anomaly_map is None or images.reconstruction is None:
            self.camera.set_map(None)
            self.camera.set_contours([])
            self._show_expected(None, None)
            return
        self._show_map(images.anomaly_map, inspection.pixel_threshold)
        expected = shrink(images.reconstruction, LONGEST)
        self._show_expected(expected, difference(shown, expected))

    def clear(self) -> None:
        """Show no picture; what stands in its place is kept."""
        self.camera.set_image(None)
        self._show_expected(None, None)

    def _show_map(self, anomaly_map: NDArray[np.float32], threshold: float) -> None:
        height, width = anomaly_map.shape
        small = shrink(anomaly_map, LONGEST)
        scale = max(height, width) / max(small.shape)
        self.camera.set_map(small, threshold)
        self.camera.set_contours(outlines(small >= threshold, round(4 / scale**2)))

    def _show_expected(self, expected: NDArray[np.uint8] | None, changed: NDArray[np.uint8] | None) -> None:
        self.expected.set_image(expected)
        self.difference.set_image(changed)

    def _controls(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(palette.SPACE_S)
        self.overlay = button(
            "Anomaly map", "overlay", tip="Show or hide the anomaly map", key="O", owner=self
        )
        self.overlay.setCheckable(True)
        self.overlay.setChecked(bool(self._settings.value("live/overlay", True, bool)))
        self.overlay.toggled.connect(self._switch)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setValue(whole_number(self._settings, "live/opacity", 70))
        self.opacity.setMaximumWidth(220)
        self.opacity.setToolTip("Cover of the anomaly map")
        self.opacity.valueChanged.connect(self._cover)
        self._percent = label("", "muted")
        self._percent.setFixedWidth(48)
        fit = button("Fit", "fit", self.camera.fit, tip="Show the whole part")
        for widget in (self.overlay, label("Cover", "muted"), self.opacity, self._percent):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(fit)
        self._switch(self.overlay.isChecked())
        self._cover(self.opacity.value())
        return row

    def _switch(self, shown: bool) -> None:
        self.camera.set_overlay_shown(shown)
        self.opacity.setEnabled(shown)
        self._settings.setValue("live/overlay", shown)

    def _cover(self, percent: int) -> None:
        self.camera.set_opacity(percent / 100.0)
        self._percent.setText(f"{percent} %")
        self._settings.setValue("live/opacity", percent)
