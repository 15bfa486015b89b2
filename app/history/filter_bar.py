"""Which inspections are listed."""

from datetime import datetime

from PySide6.QtCore import QDateTime, QLocale, QSettings, QTimer, Signal
from PySide6.QtGui import QDoubleValidator
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDateTimeEdit,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.history import periods
from app.theme import icon, palette, verdict_style
from app.widgets import button, label
from inspector_core.inspection.verdict import Verdict
from inspector_core.records import Choices, InspectionFilter

CUSTOM = "From … to"
TYPING_MS = 300
"""Pause after the last key before a typed score takes effect."""


class FilterBar(QWidget):
    """Two rows of choices; `wanted()` is what they amount to.

    Signals:
        changed(): another filter was chosen.
    """

    changed = Signal()

    def __init__(self, settings: QSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._quiet = False
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._typing.timeout.connect(self.changed)
        self.periods: dict[str, QPushButton] = {}
        self.verdicts: dict[Verdict, QCheckBox] = {}
        self.recipe, self.lot, self.operator = (_choice() for _ in range(3))
        self.least, self.most = (self._score_field(text) for text in ("from", "to"))
        self.begin, self.end = self._time_field(-1), self._time_field(0)
        self.tools = QHBoxLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        column.addLayout(self._time_row())
        column.addLayout(self._fact_row())
        self.set_choices(Choices([], [], []))
        self._show_range()

    def wanted(self, now: datetime | None = None) -> InspectionFilter:
        """The filter as it is chosen now."""
        begin, end = self._times(now or datetime.now().astimezone())
        chosen = {verdict for verdict, box in self.verdicts.items() if box.isChecked()}
        return InspectionFilter(
            since=begin,
            until=end,
            verdicts=frozenset() if len(chosen) == len(Verdict) else frozenset(chosen),
            recipe=self.recipe.currentData() or "",
            lot=self.lot.currentData() or "",
            operator=self.operator.currentData() or "",
            min_score=_number(self.least),
            max_score=_number(self.most),
        )

    def choose_period(self, name: str) -> None:
        """Choose one of `periods.NAMES` or `CUSTOM`."""
        self.periods[name].setChecked(True)
        self._period_chosen()

    def set_choices(self, choices: Choices) -> None:
        """Offer the recipes, lots and operators that there are; what is chosen stays chosen."""
        self._quiet = True
        for box, everything, names in (
            (self.recipe, "All recipes", choices.recipes),
            (self.lot, "All lots", choices.lots),
            (self.operator, "All operators", choices.operators),
        ):
            _offer(box, everything, names)
        self._quiet = False

    def clear(self) -> None:
        """Everything that was ever inspected."""
        self._quiet = True
        for box in (self.recipe, self.lot, self.operator):
            box.setCurrentIndex(0)
        for check in self.verdicts.values():
            check.setChecked(True)
        for field in (self.least, self.most):
            field.clear()
        self.choose_period(periods.ALL)
        self._typing.stop()
        self._quiet = False
        self.changed.emit()

    # building

    def _time_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(palette.SPACE_XS)
        group = QButtonGroup(self)
        chosen = str(self._settings.value("history/period", periods.TODAY))
        for name in (*periods.NAMES, CUSTOM):
            choice = button(name)
            choice.setCheckable(True)
            choice.setChecked(name == chosen)
            choice.clicked.connect(self._period_chosen)
            group.addButton(choice)
            row.addWidget(choice)
            self.periods[name] = choice
        if group.checkedButton() is None:
            self.periods[periods.TODAY].setChecked(True)
        row.addSpacing(palette.SPACE_S)
        self._dash = label("to", "muted")
        for widget in (self.begin, self._dash, self.end):
            row.addWidget(widget)
        row.addStretch(1)
        row.addLayout(self.tools)
        return row

    def _fact_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(palette.SPACE_S)
        row.addWidget(self.recipe, 3)
        for verdict in Verdict:
            look = verdict_style(verdict)
            box = QCheckBox(look.word)
            box.setIcon(icon(look.icon, look.color, look.on_color))
            box.setChecked(True)
            box.toggled.connect(self._say)
            self.verdicts[verdict] = box
            row.addWidget(box)
        row.addSpacing(palette.SPACE_S)
        for widget in (label("Score", "muted"), self.least, label("–", "muted"), self.most):
            row.addWidget(widget)
        row.addWidget(self.lot, 2)
        row.addWidget(self.operator, 2)
        row.addWidget(button("Clear", "undo", self.clear, tip="List everything that was ever inspected"))
        for choice in (self.recipe, self.lot, self.operator):
            choice.currentIndexChanged.connect(self._say)
        return row

    def _score_field(self, text: str) -> QLineEdit:
        field = QLineEdit()
        field.setPlaceholderText(text)
        field.setFixedWidth(84)
        validator = QDoubleValidator(field)
        validator.setLocale(QLocale.c())
        field.setValidator(validator)
        field.textChanged.connect(lambda _text: self._typing.start())
        return field

    def _time_field(self, days: int) -> QDateTimeEdit:
        field = QDateTimeEdit(QDateTime.currentDateTime().addDays(days))
        field.setDisplayFormat("yyyy-MM-dd  HH:mm")
        field.setCalendarPopup(True)
        field.setMinimumWidth(176)
        field.dateTimeChanged.connect(self._say)
        return field

    # choosing

    def _period_chosen(self) -> None:
        self._settings.setValue("history/period", self._period())
        self._show_range()
        self._say()

    def _period(self) -> str:
        return next(name for name, choice in self.periods.items() if choice.isChecked())

    def _show_range(self) -> None:
        custom = self._period() == CUSTOM
        for widget in (self.begin, self._dash, self.end):
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)
            widget.setVisible(custom)

    def _times(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        name = self._period()
        if name == CUSTOM:
            return _aware(self.begin), _aware(self.end)
        return periods.since(name, now, periods.shift_starts(self._settings)), None

    def _say(self) -> None:
        if not self._quiet:
            self.changed.emit()


def _choice() -> QComboBox:
    box = QComboBox()
    box.setMinimumWidth(96)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return box


def _offer(box: QComboBox, everything: str, names: list[str]) -> None:
    chosen = box.currentData() or ""
    if chosen and chosen not in names:
        names = [*names, chosen]
    box.clear()
    box.addItem(everything, "")
    for name in names:
        box.addItem(name, name)
    box.setCurrentIndex(max(0, box.findData(chosen)))


def _number(field: QLineEdit) -> float | None:
    try:
        return float(field.text())
    except ValueError:
        return None


def _aware(field: QDateTimeEdit) -> datetime:
    return datetime.fromtimestamp(field.dateTime().toSecsSinceEpoch()).astimezone()
