"""The fifth step: the FAIL threshold from good parts, and how far it can be trusted."""

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.background import Background
from app.context import AppContext
from app.products.draft import Draft
from app.products.form import Form
from app.products.strangest import StrangePart, strangest_parts
from app.products.wizard.step import Step
from app.theme import palette
from app.widgets import Card, ThumbnailStrip, label, plot_widget, thumbnail
from inspector_core.inspection.statistics import calibration_in_words

RATES = (0.001, 0.005, 0.01, 0.02, 0.05)


class CalibrateStep(Step):
    """Shows the scores of the good parts, each by evidence without it, and their threshold."""

    title = "Calibrate"
    advice = "The threshold comes from your good parts, each scored by what the others teach as normal."

    def __init__(self, context: AppContext, draft: Draft, parent: QWidget | None = None) -> None:
        super().__init__(context, draft, parent)
        self._background = Background(self, self._not_scored)
        self._shown = ""
        self.rate = QComboBox()
        for rate in RATES:
            self.rate.addItem(f"{rate:.1%} of good parts", rate)
        self.rate.setCurrentIndex(RATES.index(draft.rate))
        self.rate.currentIndexChanged.connect(self._rate_chosen)
        self.threshold = label("–", "number")
        self.bound = label("", wrap=True)
        self.plot = plot_widget("score", "good parts")
        self.plot.setMouseEnabled(False, False)
        self.plot.getAxis("bottom").enableAutoSIPrefix(False)
        self._bars = pg.BarGraphItem(
            x=[], height=[], width=1.0, brush=palette.ACCENT_STRONG, pen=palette.ACCENT
        )
        self._line = pg.InfiniteLine(
            angle=90, pen=pg.mkPen(palette.NG, width=3), label="FAIL",
            labelOpts={"position": 0.92, "color": "#ffffff", "fill": palette.NG},
        )  # fmt: skip
        self.plot.addItem(self._bars)
        self.plot.addItem(self._line)
        self.strip = ThumbnailStrip(8, "")
        self._build()

    def enter(self) -> None:
        model = self.draft.model
        assert model is not None
        if model.sha256 == self._shown:
            return
        self._shown = model.sha256
        self._show()
        self.strip.placeholder = "Reading the pictures…"
        self.strip.clear()
        calibration, normals = model.calibration, self.draft.normals
        if calibration is not None:
            self._background.run(lambda: strangest_parts(calibration, normals), self._show_strangest)

    def wait(self) -> None:
        self._background.wait(10.0)

    def _rate_chosen(self, _index: int) -> None:
        self.draft.rate = float(self.rate.currentData())
        self._show()

    def _show(self) -> None:
        model = self.draft.model
        if model is None or model.calibration is None:
            return
        scores = np.array(model.calibration.scores)
        threshold = self.draft.threshold
        self.threshold.setText(f"{threshold:.4f}")
        self.bound.setText(calibration_in_words(model.calibration, threshold, self.draft.rate))
        low, top = float(scores.min()), max(float(scores.max()), threshold)
        margin = 0.2 * (top - low) or 0.05
        low, top = max(0.0, low - margin), top + margin
        bins = min(40, max(14, len(scores)))
        counts, edges = np.histogram(scores, bins=bins, range=(low, top))
        width = float(edges[1] - edges[0])
        self._bars.setOpts(x=edges[:-1] + width / 2, height=counts, width=0.92 * width)
        self._line.setValue(threshold)
        step = max(1, math.ceil(int(counts.max()) / 5))
        self.plot.getAxis("left").setTickSpacing(levels=[(step, 0)])
        self.plot.setXRange(low, top, padding=0.02)
        self.plot.setYRange(0, max(1, int(counts.max())) * 1.15, padding=0)

    def _show_strangest(self, parts: list[StrangePart]) -> None:
        self.strip.set_items(
            [thumbnail(str(p.path), p.image, None, f"{p.path.stem}   {p.score:.4f}") for p in parts]
        )

    def _not_scored(self, error: BaseException) -> None:
        self.strip.placeholder = "Their pictures could not be read."
        self.strip.update()

    def _build(self) -> None:
        card = Card("FAIL threshold")
        card.setFixedWidth(350)
        form = Form()
        form.add("May reject", self.rate)
        card.body.addWidget(self.threshold)
        card.body.addLayout(form)
        card.body.addSpacing(palette.SPACE_S)
        card.body.addWidget(self.bound)
        card.body.addStretch(1)
        card.body.addWidget(
            label(
                "Found later that good parts are rejected? Move the threshold on the Tuning page, with the "
                "scores of real parts before you.",
                "muted",
                wrap=True,
            )
        )
        scores = Card("Scores of the good parts")
        scores.body.addWidget(self.plot, 1)
        strange = Card("The strangest of them: are they really good parts?")
        strange.body.addWidget(self.strip, 1)
        right = QVBoxLayout()
        right.setSpacing(palette.SPACE_S)
        right.addWidget(scores, 5)
        right.addWidget(strange, 3)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(palette.SPACE_M)
        row.addWidget(card)
        row.addLayout(right, 1)
