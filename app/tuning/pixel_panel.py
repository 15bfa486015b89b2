"""Pixel threshold and least area, tried on the stored map of an archived part."""

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.history.part import Part, missing_words
from app.history.pictures import show_map
from app.theme import palette
from app.tuning.material import Material
from app.widgets import ImageView, button, indent, label
from inspector_core.inspection.judge import defect_regions
from inspector_core.inspection.recipe import Thresholds

STEPS = 1000


class PixelPanel(QWidget):
    """Redraws the outlines of the chosen part with every change.

    Signals:
        changed(pixel threshold, least area): the person moved one of them.
        open_asked(id): the part is wanted in the history.
    """

    changed = Signal(float, int)
    open_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.part: Part | None = None
        self._material: Material | None = None
        self._thresholds = Thresholds(fail=1.0)
        self.title = label("", "muted")
        self.view = ImageView("", "Click a thumbnail below the histogram to try these on that part")
        self.found = label("", wrap=True)
        self.pixel = QDoubleSpinBox()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.area = QSpinBox()
        self.open_button = button("Open in History", "history", self._open)
        self._build()
        self.pixel.valueChanged.connect(lambda value: self._say(value, self.area.value()))
        self.slider.valueChanged.connect(lambda step: self._say(step / STEPS, self.area.value()))
        self.area.valueChanged.connect(lambda area: self._say(self._thresholds.pixel, area))

    def show_material(self, material: Material) -> None:
        """The recipe changed; the chosen part stays where it is one of its parts."""
        self._material = material
        if self.part is not None and self.part.inspection.recipe != material.recipe.name:
            self.part = None
        self._redraw()

    def show_part(self, part: Part) -> None:
        """Try the thresholds on `part`."""
        self.part = part
        self.view.set_placeholder(missing_words(part))
        self.view.set_image(None if part.images is None else part.images.image)
        self._redraw()

    def show_thresholds(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        with QSignalBlocker(self.pixel), QSignalBlocker(self.slider), QSignalBlocker(self.area):
            self.pixel.setValue(thresholds.pixel)
            self.slider.setValue(round(thresholds.pixel * STEPS))
            self.area.setValue(thresholds.least_area)
        self._redraw()

    def _say(self, pixel: float, area: int) -> None:
        self.changed.emit(pixel, area)

    def _open(self) -> None:
        if self.part is not None:
            self.open_asked.emit(self.part.inspection.id)

    def _redraw(self) -> None:
        self.open_button.setEnabled(self.part is not None)
        part = self.part
        if part is None:
            self.title.setText("No part chosen")
            self.view.set_placeholder("Click a thumbnail below the histogram to try these on that part")
            self.view.set_image(None)
            self.found.setText("")
            return
        inspection = part.inspection
        score = "no score" if inspection.score is None else f"{inspection.score:.4f}"
        self.title.setText(f"#{inspection.part}  ·  {inspection.verdict.shown}  ·  {score}")
        anomaly_map = None if part.images is None else part.images.anomaly_map
        if anomaly_map is None:
            self.found.setText("Without a stored map nothing can be tried on this part.")
            show_map(self.view, None, 0.5)
            return
        limits = self._thresholds
        ignore = None if self._material is None else self._material.ignore
        if ignore is not None and ignore.shape != anomaly_map.shape:
            ignore = None
        area = show_map(self.view, anomaly_map, limits.pixel, limits.least_area, ignore)
        every = defect_regions(anomaly_map, limits.pixel, 0, ignore)
        self.found.setText(_found_words([region.area for region in every], limits.least_area, area))

    def _build(self) -> None:
        self.pixel.setDecimals(3)
        self.pixel.setRange(0.0, 1.0)
        self.pixel.setSingleStep(0.01)
        self.slider.setRange(0, STEPS)
        self.area.setRange(0, 1_000_000)
        self.area.setSuffix(" px")
        self.area.setSpecialValueText("any size")
        indent(self.pixel)
        indent(self.area)
        grid = QGridLayout()
        grid.setHorizontalSpacing(palette.SPACE_S)
        grid.setVerticalSpacing(palette.SPACE_XS)
        grid.addWidget(label("Pixel threshold"), 0, 0)
        grid.addWidget(self.pixel, 0, 1)
        grid.addWidget(self.slider, 0, 2)
        grid.addWidget(label("Least area"), 1, 0)
        grid.addWidget(self.area, 1, 1)
        grid.setColumnStretch(2, 1)
        self.found.setMinimumHeight(2 * 18)
        self.found.setAlignment(Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(palette.SPACE_S, palette.SPACE_S, palette.SPACE_S, palette.SPACE_S)
        column.setSpacing(palette.SPACE_S)
        column.addLayout(grid)
        chosen = QHBoxLayout()
        chosen.addWidget(self.title, 1)
        chosen.addWidget(self.open_button)
        column.addLayout(chosen)
        column.addWidget(self.view, 1)
        column.addWidget(self.found)


def _found_words(areas: list[int], least: int, counted: int) -> str:
    if not areas:
        return "No pixel of this part reaches the pixel threshold."
    large = sum(area >= max(least, 1) for area in areas)
    text = (
        f"{len(areas)} areas, the largest {max(areas):,} px."
        if len(areas) > 1
        else f"1 area, {areas[0]:,} px."
    )
    if not least:
        return f"{text} Marked: {counted:,} px."
    if large:
        return f"{text} {large} of the least area or more: {counted:,} px marked."
    return f"{text} None reaches the least area: an NG part would be held for review."
