"""The third step: which part of the picture is inspected."""

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from app.background import Background
from app.context import AppContext
from app.products.draft import Draft
from app.products.form import Form
from app.products.wizard.step import Step
from app.theme import palette
from app.widgets import Card, ImageEditor, button, label, words
from inspector_core.images import read_rgb
from inspector_core.inspection.recipe import Region

FIELDS = ("x", "y", "width", "height")


class RegionStep(Step):
    """Draws the region on one of the pictures; without one the whole picture is inspected."""

    title = "Region"
    advice = "Drag a rectangle around the part, or leave it: then the whole picture is inspected."

    def __init__(self, context: AppContext, draft: Draft, parent: QWidget | None = None) -> None:
        super().__init__(context, draft, parent)
        self._background = Background(self, lambda error: self.said.emit(words(error), "error"))
        self._shown = 0
        self._reading = 0
        self.editor = ImageEditor("", "Reading the picture…")
        self.editor.set_tool("region")
        self.editor.setToolTip("Drag: draw the region · wheel: zoom · double click: fit")
        self.editor.region_changed.connect(self._drawn)
        self.fields = {name: QSpinBox() for name in FIELDS}
        self._about = label("", wrap=True)
        self._build()

    def enter(self) -> None:
        width, height = self.draft.used[0].size
        for name, field in self.fields.items():
            field.blockSignals(True)
            field.setRange(
                8 if name in ("width", "height") else 0, width if name in ("x", "width") else height
            )
            field.blockSignals(False)
        self.show_picture(0)
        self._show()

    def problem(self) -> str:
        region = self.draft.region
        if region is None:
            return ""
        width, height = self.draft.used[0].size
        if region.x + region.width > width or region.y + region.height > height:
            return f"The region lies outside the picture ({width} × {height})."
        return ""

    def wait(self) -> None:
        self._background.wait(2.0)

    def show_picture(self, index: int) -> None:
        """Lay the region over another of the pictures."""
        pictures = self.draft.used
        self._shown = index % len(pictures)
        path = pictures[self._shown].path
        self.editor.caption = f"{path.name}   ({self._shown + 1} of {len(pictures)})"
        self._background.forget(self._reading)
        self._reading = self._background.run(lambda: read_rgb(path), self.editor.set_image)

    def set_region(self, region: Region | None) -> None:
        """Take `region`; None for the whole picture."""
        self.draft.region = region
        self._show()
        self.changed.emit()

    def _drawn(self, rectangle: QRect | None) -> None:
        self.set_region(
            None
            if rectangle is None
            else Region(x=rectangle.x(), y=rectangle.y(), width=rectangle.width(), height=rectangle.height())
        )

    def _typed(self) -> None:
        self.set_region(Region(**{name: field.value() for name, field in self.fields.items()}))

    def _show(self) -> None:
        region = self.draft.region
        width, height = self.draft.used[0].size
        shown = region or Region(x=0, y=0, width=width, height=height)
        for name, field in self.fields.items():
            field.blockSignals(True)
            field.setValue(getattr(shown, name))
            field.blockSignals(False)
        drawn = None if region is None else QRect(region.x, region.y, region.width, region.height)
        self.editor.set_region(drawn)
        self.whole.setEnabled(region is not None)
        self._about.setText(_about(shown, region is None, self.draft.size))

    def _build(self) -> None:
        card = Card("Region")
        card.setFixedWidth(290)
        form = Form()
        for name, title in zip(FIELDS, ("Left", "Top", "Width", "Height"), strict=True):
            self.fields[name].setSuffix(" px")
            self.fields[name].setKeyboardTracking(False)
            self.fields[name].valueChanged.connect(self._typed)
            form.add(title, self.fields[name])
        self.whole = button("Whole picture", "fullscreen", lambda: self.set_region(None))
        card.body.addWidget(self._about)
        card.body.addLayout(form)
        card.body.addWidget(self.whole)
        card.body.addStretch(1)
        card.body.addWidget(label("See that the region fits every part:", "muted", wrap=True))
        turn = QHBoxLayout()
        turn.addWidget(button("Before", "back", lambda: self.show_picture(self._shown - 1)))
        turn.addWidget(button("Next", "next", lambda: self.show_picture(self._shown + 1)))
        card.body.addLayout(turn)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(palette.SPACE_M)
        left = QVBoxLayout()
        left.addWidget(self.editor, 1)
        row.addLayout(left, 1)
        row.addWidget(card)


def _about(region: Region, whole: bool, size: int) -> str:
    """What is inspected, and what the network's input size makes of it."""
    what = "The whole picture" if whole else "A region"
    text = f"{what}, {region.width} × {region.height} pixels."
    scale = max(region.width, region.height) / size
    if scale > 1.5:
        text += (
            f" At the input size of {size} it is reduced {scale:.1f} times: a defect narrower than about "
            f"{2 * scale:.0f} pixels may be missed. A tighter region or a larger input size keeps it."
        )
    return text
