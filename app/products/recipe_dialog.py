"""Editing a recipe: what is changed is published as a new version, with a reason."""

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.context import AppContext
from app.products.camera_form import CameraForm
from app.products.form import Form
from app.products.words import author_of
from app.theme import palette
from app.widgets import Card, button, label
from inspector_core.inspection.recipe import ArchivePolicy, Recipe, Region, Thresholds

DIGITS = 5
MOST = 1_000_000
MODES = {"free_run": "Free running: the newest frame wins", "triggered": "Triggered: every frame is a part"}
KEPT = {"rejects": "Rejects", "sample": "Rejects and one part in …", "all": "All parts"}


class RecipeDialog(QDialog):
    """Shows a version's settings; read `recipe`, `reason` and `author` when it was accepted."""

    def __init__(self, context: AppContext, recipe: Recipe, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Edit recipe: {recipe.name}")
        self.resize(860, 560)
        self._context, self._before = context, recipe
        self.camera = CameraForm(context, recipe.camera)
        self.camera.changed.connect(self._check)
        self._hint = label("", "muted", wrap=True)
        self.publish = button("Publish as a new version", "publish", self.accept, role="primary")
        cards = QHBoxLayout()
        cards.setSpacing(palette.SPACE_S)
        for pair in ((self._camera_card(), self._region_card()), (self._limits_card(), self._line_card())):
            stack = QVBoxLayout()
            stack.setSpacing(palette.SPACE_S)
            for card in pair:
                stack.addWidget(card)
            stack.addStretch(1)
            cards.addLayout(stack, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self._hint, 1)
        buttons.addWidget(button("Cancel", "", self.reject))
        buttons.addWidget(self.publish)
        column = QVBoxLayout(self)
        column.setContentsMargins(*(palette.SPACE_L,) * 4)
        column.setSpacing(palette.SPACE_M)
        column.addLayout(cards, 1)
        column.addWidget(self._why_card())
        column.addLayout(buttons)
        self._check()

    @property
    def reason(self) -> str:
        return self.reason_line.text().strip()

    @property
    def author(self) -> str:
        return self.author_line.text().strip()

    def recipe(self) -> Recipe:
        """The recipe as the fields say; numbers that were not touched keep all their digits."""
        limits = self._before.thresholds
        review = _exact(self.review, limits.review) if self.with_review.isChecked() else None
        archive = ArchivePolicy(what=self.kept.currentData(), one_in=self.one_in.value())
        changes = {
            "camera": self.camera.settings(),
            "region": self.region(),
            "thresholds": Thresholds(
                fail=_exact(self.fail, limits.fail),
                review=review,
                pixel=_exact(self.pixel, limits.pixel),
                least_area=self.least_area.value(),
            ),
            "mode": self.mode.currentData(),
            "archive": archive,
            "frame_timeout_s": _exact(self.timeout, self._before.frame_timeout_s),
        }
        return self._before.model_copy(update=changes)

    def region(self) -> Region | None:
        """The region of the fields; None for the whole picture."""
        if self.whole.isChecked():
            return None
        return Region(**{name: field.value() for name, field in self.edges.items()})

    def problem(self) -> str:
        """What is missing before it can be published, as a sentence."""
        if self.camera.problem():
            return self.camera.problem()
        if self.with_review.isChecked() and self.review.value() > self.fail.value():
            return "REVIEW must not be above FAIL."
        if self.recipe() == self._before:
            return "Nothing is changed yet."
        if not self.reason:
            return "Say why, for those who ask later."
        return "" if self.author else "Say who publishes it."

    def accept(self) -> None:
        self._context.settings.setValue("person/name", self.author)
        super().accept()

    def _check(self) -> None:
        if not hasattr(self, "reason_line"):
            return
        for field in self.edges.values():
            field.setEnabled(not self.whole.isChecked())
        self.review.setEnabled(self.with_review.isChecked())
        self.one_in.setEnabled(self.kept.currentData() == "sample")
        problem = self.problem()
        self.publish.setEnabled(not problem)
        self._hint.setText(problem)

    # building

    def _camera_card(self) -> Card:
        card = Card("Camera")
        card.body.addWidget(self.camera)
        return card

    def _region_card(self) -> Card:
        card = Card("Region")
        region = self._before.region
        self.whole = QCheckBox("Whole picture")
        self.whole.setChecked(region is None)
        self.whole.toggled.connect(self._check)
        card.body.addWidget(self.whole)
        self.edges = {name: QSpinBox() for name in ("x", "y", "width", "height")}
        pairs = Form()
        for titles, names in (("Left, top", ("x", "y")), ("Width, height", ("width", "height"))):
            row = QHBoxLayout()
            for name in names:
                field = self.edges[name]
                field.setRange(0 if name in ("x", "y") else 8, 65_535)
                field.setSuffix(" px")
                field.setValue(getattr(region, name) if region else 0)
                field.valueChanged.connect(self._check)
                row.addWidget(field, 1)
            pairs.add(titles, row)
        card.body.addLayout(pairs)
        if region is not None:
            told = "The model was trained on this region: after a large change, train again."
            card.body.addWidget(label(told, "muted", wrap=True))
        return card

    def _limits_card(self) -> Card:
        card, limits = Card("Thresholds"), self._before.thresholds
        self.fail = self._number(limits.fail)
        self.with_review = QCheckBox("REVIEW from")
        self.with_review.setChecked(limits.review is not None)
        self.with_review.toggled.connect(self._check)
        self.review = self._number(limits.review if limits.review is not None else limits.fail)
        self.pixel = self._number(limits.pixel)
        self.pixel.setMaximum(1.0)
        self.least_area = QSpinBox()
        self.least_area.setRange(0, MOST)
        self.least_area.setSuffix(" px")
        self.least_area.setSpecialValueText("the score alone decides")
        self.least_area.setValue(limits.least_area)
        self.least_area.valueChanged.connect(self._check)
        form = Form()
        form.add("FAIL from score", self.fail)
        form.add(self.with_review, self.review)
        form.add("Defect pixels from", self.pixel)
        form.add("Least defect area", self.least_area)
        card.body.addLayout(form)
        return card

    def _line_card(self) -> Card:
        card = Card("Line")
        self.mode, self.kept, self.one_in = QComboBox(), QComboBox(), QSpinBox()
        for box, entries, chosen in (
            (self.mode, MODES, self._before.mode),
            (self.kept, KEPT, self._before.archive.what),
        ):
            for value, title in entries.items():
                box.addItem(title, value)
            box.setCurrentIndex(list(entries).index(chosen))
            box.currentIndexChanged.connect(self._check)
        self.one_in.setRange(1, MOST)
        self.one_in.setValue(self._before.archive.one_in)
        self.one_in.valueChanged.connect(self._check)
        self.timeout = self._number(self._before.frame_timeout_s, 3600.0, 1)
        self.timeout.setMinimum(0.1)
        self.timeout.setSuffix(" s")
        kept = QHBoxLayout()
        kept.addWidget(self.kept, 1)
        kept.addWidget(self.one_in)
        form = Form()
        form.add("Mode", self.mode)
        form.add("Keep pictures of", kept)
        form.add("Camera silent after", self.timeout)
        card.body.addLayout(form)
        return card

    def _why_card(self) -> Card:
        card = Card()
        self.reason_line = QLineEdit()
        self.reason_line.setPlaceholderText("Why is it changed?")
        self.author_line = QLineEdit(author_of(self._context.settings))
        row = QHBoxLayout()
        row.setSpacing(palette.SPACE_S)
        row.addWidget(label("Reason", "muted"))
        row.addWidget(self.reason_line, 3)
        row.addWidget(label("Published by", "muted"))
        row.addWidget(self.author_line, 1)
        for line in (self.reason_line, self.author_line):
            line.textChanged.connect(self._check)
        card.body.addLayout(row)
        return card

    def _number(self, value: float, most: float = 1000.0, digits: int = DIGITS) -> QDoubleSpinBox:
        box = QDoubleSpinBox()
        box.setDecimals(digits)
        box.setRange(0.0, most)
        box.setSingleStep(0.01 if digits == DIGITS else 1.0)
        box.setValue(value)
        box.valueChanged.connect(self._check)
        return box


def _exact(box: QDoubleSpinBox, before: float | None) -> float:
    """The field's number, or the one before where the field only shows it rounded."""
    if before is not None and abs(box.value() - before) <= 0.51 * 10.0 ** -box.decimals():
        return before
    return box.value()
