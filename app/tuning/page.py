"""Thresholds with evidence: what the stored scores say, what would change, publish or roll back."""

from datetime import datetime
from functools import partial

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.background import Background
from app.context import AppContext
from app.history import periods
from app.history.part import load_part
from app.theme import palette
from app.tuning.evidence import Replay, best_bad, replay, worst_good
from app.tuning.histogram import ScoreHistogram
from app.tuning.material import Material, load_material, load_thumbnail, with_review
from app.tuning.part_strips import BEST_BAD, CHANGED, MOST, WORST_GOOD, Loaded, PartStrips
from app.tuning.pixel_panel import PixelPanel
from app.tuning.publish_bar import PublishBar
from app.tuning.threshold_panel import ThresholdPanel
from app.tuning.versions_panel import VersionsPanel
from app.widgets import Card, EmptyState, Notice, button, label
from inspector_core.errors import NormaError
from inspector_core.inspection.recipe import Recipe, Thresholds

SIDE = 404
STRIP_HEIGHT = 218
PAUSE_MS = 200
"""Rest after the last change of a threshold before thumbnails are read."""


class TuningPage(QWidget):
    """Holds the thresholds that are being tried; every panel shows them and asks for changes."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._background = Background(self, self._failed)
        self._job = self._part_job = 0
        self.material: Material | None = None
        self._start_from(Thresholds(fail=1.0))
        self.result: Replay | None = None
        self.notice = Notice()
        self.recipe = QComboBox()
        self.periods: dict[str, QPushButton] = {}
        self.histogram = ScoreHistogram()
        self.strips = PartStrips(self._load_thumbnail)
        self.panel, self.pixels, self.versions = ThresholdPanel(), PixelPanel(), VersionsPanel()
        self.publish_bar = PublishBar(context.settings)
        self.side = QTabWidget()
        self.empty = EmptyState("", "", "tuning")
        self.stack = QStackedWidget()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(PAUSE_MS)
        self._build()
        self._connect()
        self.reload_recipes()

    # choosing what to look at

    def choose_recipe(self, name: str) -> None:
        """Tune the recipe `name`."""
        self.recipe.setCurrentIndex(self.recipe.findText(name))

    def choose_period(self, name: str) -> None:
        """Look at the scores of one of `periods.NAMES`."""
        self.periods[name].setChecked(True)
        self._context.settings.setValue("tuning/period", name)
        self.reload()

    def reload_recipes(self, _name: str = "") -> None:
        """Offer the recipes that there are now, and read the chosen one afresh."""
        chosen = self.recipe.currentText() or str(self._context.settings.value("tuning/recipe", ""))
        names = self._context.recipes.products()
        self.recipe.blockSignals(True)
        self.recipe.clear()
        self.recipe.addItems(names)
        self.recipe.setCurrentIndex(max(0, self.recipe.findText(chosen)) if names else -1)
        self.recipe.blockSignals(False)
        self.reload()

    def reload(self) -> None:
        """Read scores, versions and calibration of the chosen recipe and period."""
        name, records = self.recipe.currentText(), self._context.bridge.records
        if not name:
            self._show_empty("There is no recipe yet", "Make a product on the Products page.")
            return
        if records is None:
            self._show_empty("The database is being opened", "The scores appear as soon as it is ready.")
            return
        context, settings = self._context, self._context.settings
        settings.setValue("tuning/recipe", name)
        since = periods.since(self.period, datetime.now().astimezone(), periods.shift_starts(settings))
        self._background.forget(self._job)
        self._job = self._background.run(
            lambda: load_material(name, since, context.recipes, records, context.workspace),
            self._show_material,
            self._reading_failed,
        )

    @property
    def period(self) -> str:
        return next(name for name, choice in self.periods.items() if choice.isChecked())

    def entered(self) -> None:
        """Parts may have been inspected or labelled meanwhile; what is being tried is kept."""
        self.reload()

    def shut_down(self) -> None:
        """The window closes."""
        self._rest.stop()

    def _show_material(self, material: Material) -> None:
        before, self.material = self.material, material
        tried = before is not None and self.changed_from(before.recipe)
        same = before is not None and before.recipe == material.recipe
        if not (same and tried):
            self._start_from(material.recipe.thresholds)
        self.panel.show_material(material)
        self.pixels.show_material(material)
        self.versions.show_versions(material.versions, material.recipe.version)
        if not len(material.table.id) and material.calibration is None:
            self._show_empty(
                "No scores in this period", "Choose a longer period, or start the line on the Live page."
            )
            return
        self.stack.setCurrentIndex(0)
        calibration = () if material.calibration is None else material.calibration.scores
        self.histogram.show_scores(material.table, calibration, self.thresholds)
        self.strips.forget()
        self.strips.show_parts(WORST_GOOD, worst_good(material.table, MOST).tolist())
        self.strips.show_parts(BEST_BAD, best_bad(material.table, MOST).tolist())
        self._try(self.thresholds)

    # trying thresholds

    def changed_from(self, recipe: Recipe) -> bool:
        """Whether other thresholds are being tried than those of `recipe`."""
        return self.thresholds != recipe.thresholds

    def _start_from(self, thresholds: Thresholds) -> None:
        self.thresholds = thresholds
        self._review = thresholds.review

    def _try(self, thresholds: Thresholds) -> None:
        self.thresholds = thresholds
        material = self.material
        if material is None:
            return
        self.result = replay(material.table, thresholds, material.recipe.thresholds)
        self.histogram.show_thresholds(thresholds)
        self.panel.show_thresholds(thresholds)
        self.panel.show_evidence(material, thresholds, self.result, periods.WORDS[self.period])
        self.pixels.show_thresholds(thresholds)
        newest = material.versions[-1].version
        self.publish_bar.show_change(material.recipe.version, newest, self.changed_from(material.recipe))
        self._rest.start()

    def _moved_fail(self, score: float) -> None:
        """REVIEW gives way to a lower FAIL and comes back with it."""
        self._try(with_review(self.thresholds.model_copy(update={"fail": score}), self._review))

    def _moved_review(self, score: float | None) -> None:
        self._review = score
        self._try(with_review(self.thresholds, score))

    def _moved_pixels(self, pixel: float, area: int) -> None:
        self._try(self.thresholds.model_copy(update={"pixel": pixel, "least_area": area}))

    def _undo(self) -> None:
        if self.material is not None:
            self._start_from(self.material.recipe.thresholds)
            self._try(self.thresholds)

    def _show_changed(self) -> None:
        if self.result is not None:
            changed = self.result.changed
            self.strips.show_parts(CHANGED, changed[:MOST].tolist(), len(changed))

    def _load_thumbnail(self, row: int) -> Loaded:
        return load_thumbnail(self._context.bridge.opened_records(), self._context.workspace, row)

    def _choose_part(self, row: int) -> None:
        bridge = self._context.bridge
        self._background.forget(self._part_job)
        self._part_job = self._background.run(
            lambda: load_part(bridge.opened_records(), row, facts=False), self.pixels.show_part
        )
        self.side.setCurrentWidget(self.pixels)

    def _open_in_history(self, row: int) -> None:
        open_inspection = getattr(self._context.go("History"), "open_inspection", None)
        if open_inspection is not None:  # the page may have failed, and then says so itself
            open_inspection(row)

    # publishing

    def _publish(self, reason: str, author: str) -> None:
        material = self.material
        if material is None:
            return
        old, new = material.recipe, material.recipe.model_copy(update={"thresholds": self.thresholds})
        try:
            made = self._context.recipes.publish(new, reason=reason, author=author)
        except NormaError as error:
            self.notice.show_error(error)
            return
        self.publish_bar.published()
        self._now_active(made, f"v{old.version}", reason, author)

    def _roll_back(self, version: int) -> None:
        if self.material is None:
            return
        old = self.material.recipe
        try:
            made = self._context.recipes.activate(old.name, version)
        except NormaError as error:
            self.notice.show_error(error)
            return
        self._now_active(made, f"v{old.version}", "rolled back", self.publish_bar.author.text().strip())

    def _now_active(self, made: Recipe, old: str, reason: str, author: str) -> None:
        bridge, message, new = self._context.bridge, f"{made.name}: {reason}", f"v{made.version}"
        self._background.run(
            lambda: bridge.opened_records().log_event("recipe", message, by=author, old=old, new=new)
        )
        later = " The running line takes it at its next start." if bridge.running else ""
        self.notice.show_message(f"Version {made.version} of {made.name} is active.{later}", "good")
        self._start_from(made.thresholds)
        bridge.recipes_changed.emit(made.name)

    def _failed(self, error: BaseException) -> None:
        self.notice.show_error(error)

    def _reading_failed(self, error: BaseException) -> None:
        self._show_empty("This recipe can't be tuned", "The message above says why.")
        self._failed(error)

    def _show_empty(self, text: str, remedy: str) -> None:
        self.empty.set_text(text, remedy)
        self.stack.setCurrentIndex(1)

    # building

    def _connect(self) -> None:
        bridge = self._context.bridge
        bridge.records_opened.connect(lambda _records: self.reload())
        bridge.recipes_changed.connect(self.reload_recipes)
        self.recipe.currentTextChanged.connect(lambda _name: self.reload())
        self.histogram.fail_moved.connect(self._moved_fail)
        self.histogram.review_moved.connect(self._moved_review)
        self.histogram.released.connect(lambda: self.histogram.show_thresholds(self.thresholds))
        self.panel.fail_typed.connect(self._moved_fail)
        self.panel.review_typed.connect(self._moved_review)
        self.panel.undo_asked.connect(self._undo)
        self.pixels.changed.connect(self._moved_pixels)
        self.pixels.open_asked.connect(self._open_in_history)
        self.strips.chosen.connect(self._choose_part)
        self.versions.activate_asked.connect(self._roll_back)
        self.publish_bar.publish_asked.connect(self._publish)
        self._rest.timeout.connect(self._show_changed)

    def _build(self) -> None:
        for panel, title in ((self.panel, "Threshold"), (self.pixels, "Pixels"), (self.versions, "Versions")):
            self.side.addTab(panel, title)
        chart = Card(margin=palette.SPACE_S)
        chart.body.addWidget(self.histogram)
        self.strips.setFixedHeight(STRIP_HEIGHT)
        left, right = QVBoxLayout(), QVBoxLayout()
        left.addWidget(chart, 1)
        left.addWidget(self.strips)
        right.addWidget(self.side, 1)
        right.addWidget(self.publish_bar)
        holder = QWidget()
        holder.setFixedWidth(SIDE)
        holder.setLayout(right)
        right.setContentsMargins(0, 0, 0, 0)
        body = QWidget()
        row = QHBoxLayout(body)
        row.setContentsMargins(0, 0, 0, 0)
        row.addLayout(left, 1)
        row.addWidget(holder)
        for layout in (left, right, row):
            layout.setSpacing(palette.SPACE_S)
        self.stack.addWidget(body)
        self.stack.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        column.addLayout(self._choices())
        column.addWidget(self.notice)
        column.addWidget(self.stack, 1)

    def _choices(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(palette.SPACE_XS)
        self.recipe.setMinimumWidth(240)
        self.recipe.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        row.addWidget(label("Recipe", "muted"))
        row.addWidget(self.recipe)
        row.addSpacing(palette.SPACE_M)
        row.addWidget(label("Scores of", "muted"))
        group = QButtonGroup(self)
        chosen = str(self._context.settings.value("tuning/period", periods.WEEK))
        for name in periods.NAMES:
            choice = button(name, on_click=partial(self.choose_period, name))
            choice.setCheckable(True)
            choice.setChecked(name == (chosen if chosen in periods.NAMES else periods.WEEK))
            group.addButton(choice)
            row.addWidget(choice)
            self.periods[name] = choice
        row.addStretch(1)
        row.addWidget(button("", "refresh", self.reload, tip="Read the scores again", key="F5", owner=self))
        return row
