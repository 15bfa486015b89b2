"""The two image thresholds as numbers, and in sentences what they would do."""

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.theme import palette
from app.tuning.evidence import Replay, escape_words, false_reject_words, labelled_good_words, replay_words
from app.tuning.material import Material
from app.tuning.scale import score_text
from app.widgets import button, indent, label
from inspector_core.inspection.recipe import Thresholds

DIGITS = 6


class ThresholdPanel(QWidget):
    """FAIL and REVIEW to six digits, and the evidence.

    Signals:
        fail_typed(score), review_typed(score or None): the person entered a number.
        undo_asked(): the active version's thresholds are wanted back.
    """

    fail_typed = Signal(float)
    review_typed = Signal(object)
    undo_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._calibrated: float | None = None
        self._published: Thresholds | None = None
        self.fail, self.review = _score_box(), _score_box()
        self.has_review = QCheckBox("REVIEW from")
        self.use_model = button("Model's threshold", "tick", self._take_calibrated)
        self.undo = button(
            "Undo", "undo", self.undo_asked.emit, tip="Back to the active version's thresholds"
        )
        self.false_rejects, self.escapes, self.replay = (_words(lines) for lines in (7, 4, 5))
        self._build()
        self.fail.valueChanged.connect(self.fail_typed)
        self.review.valueChanged.connect(lambda value: self.review_typed.emit(value))
        self.has_review.toggled.connect(self._toggle_review)

    def show_material(self, material: Material) -> None:
        """Take the calibrated and the published threshold from `material`."""
        calibration = material.calibration
        self._calibrated = None if calibration is None else calibration.threshold
        self._published = material.recipe.thresholds
        self.use_model.setEnabled(calibration is not None)
        if calibration is None:
            self.use_model.setText("Model's threshold")
        else:
            self.use_model.setText(f"Model's {score_text(calibration.threshold)}")
            self.use_model.setToolTip(
                f"{calibration.threshold:.6g}, found from the scores of {calibration.n} normal parts "
                f"for a false-reject rate of {calibration.requested_rate:.2%}"
            )

    def show_thresholds(self, thresholds: Thresholds) -> None:
        """Show the numbers; what they round away is kept by the owner."""
        with QSignalBlocker(self.fail), QSignalBlocker(self.review), QSignalBlocker(self.has_review):
            self.has_review.setChecked(thresholds.review is not None)
            self.review.setEnabled(thresholds.review is not None)
            for box, value in ((self.fail, thresholds.fail), (self.review, thresholds.review)):
                if value is not None:
                    box.setSingleStep(max(10**-DIGITS, round(value / 20, DIGITS)))
                    box.setValue(value)
        self.undo.setEnabled(thresholds != self._published)

    def show_evidence(self, material: Material, thresholds: Thresholds, result: Replay, period: str) -> None:
        """Say what `thresholds` would do."""
        lines = [material.problem or false_reject_words(material.calibration, thresholds.fail)]
        lines.append(labelled_good_words(material.table, thresholds))
        self.false_rejects.setText("\n".join(line for line in lines if line))
        self.escapes.setText(escape_words(material.table, thresholds))
        self.replay.setText(replay_words(result, period))

    def _toggle_review(self, on: bool) -> None:
        self.review_typed.emit(0.5 * self.fail.value() if on else None)

    def _take_calibrated(self) -> None:
        if self._calibrated is not None:
            self.fail_typed.emit(self._calibrated)

    def _build(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(palette.SPACE_S)
        grid.setVerticalSpacing(palette.SPACE_XS)
        grid.addWidget(label("NG from"), 0, 0)
        grid.addWidget(self.fail, 0, 1)
        grid.addWidget(self.has_review, 1, 0)
        grid.addWidget(self.review, 1, 1)
        grid.addWidget(self.use_model, 2, 0)
        grid.addWidget(self.undo, 2, 1)
        grid.setColumnStretch(1, 1)
        inside = QWidget()
        words = QVBoxLayout(inside)
        words.setContentsMargins(0, 0, palette.SPACE_XS, 0)
        words.setSpacing(palette.SPACE_XS)
        for title, text in (
            ("Replay", self.replay),
            ("False rejects", self.false_rejects),
            ("Escapes", self.escapes),
        ):
            words.addWidget(label(title, "section"))
            words.addWidget(text)
        words.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        column = QVBoxLayout(self)
        column.setContentsMargins(palette.SPACE_S, palette.SPACE_S, palette.SPACE_S, 0)
        column.setSpacing(palette.SPACE_S)
        column.addLayout(grid)
        column.addWidget(scroll, 1)


def _score_box() -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setDecimals(DIGITS)
    box.setRange(0.0, 1.0)
    box.setKeyboardTracking(False)
    indent(box)
    return box


def _words(lines: int) -> QLabel:
    """A text that keeps room for `lines`, so that nothing below it jumps while a line is dragged."""
    made = label("", "muted", wrap=True, selectable=True)
    made.setAlignment(Qt.AlignmentFlag.AlignTop)
    made.setMinimumHeight(lines * 18)
    made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return made
