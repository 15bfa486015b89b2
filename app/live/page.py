"""The operator's screen: is the line running, is this part good, where is the fault, what do I do now."""

from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.context import AppContext, whole_number
from app.line_bridge import Figures
from app.live.controls import ControlBar
from app.live.drift_hint import DriftHint
from app.live.figures import FigureTiles
from app.live.pictures import PartPictures
from app.live.states import PREPARING, StateLook, advice, state_look
from app.theme import palette
from app.widgets import Card, Notice, ScoreBar, ThumbnailStrip, TrendChart, VerdictBanner, thumbnail
from inspector_core.errors import NormaError
from inspector_core.inspection.line import Latest, LineState
from inspector_core.inspection.recipe import Recipe
from inspector_core.inspection.verdict import Inspection, Verdict

ALARM_AFTER = 5
"""Rejects in a row after which the operator is called, where the settings name no other number."""


class LivePage(QWidget):
    """Shows the running line; a click on a reject opens it on the History page."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._bridge = context.bridge
        self._alarm_after = max(1, whole_number(context.settings, "live/alarm_after", ALARM_AFTER))
        self._row = 0
        self._newest: Latest | None = None
        self._preparing = ""
        self._next: Recipe | None = None
        self._to_trend: list[tuple[int, float | None, Verdict]] = []
        self.notice = Notice()
        self.controls = ControlBar(self)
        self.banner = VerdictBanner()
        self.pictures = PartPictures(context.settings)
        self.score = ScoreBar()
        self.drift = DriftHint()
        self.trend = TrendChart()
        self.rejects = ThumbnailStrip(placeholder="No rejects in this run")
        self.figures = FigureTiles()
        self._build()
        self._connect()
        self.reload_recipes()
        self._show_state()

    # what happens

    def start(self, name: str, parts: int | None = None) -> None:
        """Start the line with the active version of the recipe `name`; it ends after `parts`, if given."""
        try:
            recipe = self._context.recipes.active(name)
        except NormaError as error:
            self.notice.show_error(error)
            return
        if recipe is None:
            self.notice.show_error(f"{name} has no active recipe version. Publish one on the Products page.")
            return
        self.notice.dismiss()
        self._context.settings.setValue("live/recipe", name)
        self._forget_run(recipe)
        self._bridge.start(recipe, parts)

    def preparing(self, text: str) -> None:
        """Say what is being set up before a line can be started; until `prepared`."""
        self._preparing = text
        self._show_state()

    def prepared(self) -> None:
        """Nothing is being set up any more."""
        self._preparing = ""
        self._show_state()

    def acknowledge(self) -> None:
        """The operator has seen the rejects in a row; also after the line has stopped."""
        self._row = 0
        self._bridge.acknowledge()
        self._show_state()

    def reload_recipes(self, _name: str = "") -> None:
        """Offer the recipes that there are now."""
        names = self._context.recipes.products()
        chosen = self.controls.recipe.currentText() or str(self._context.settings.value("live/recipe", ""))
        if self._bridge.running and self._bridge.recipe is not None:
            chosen = self._bridge.recipe.name
            self._next = self._next_recipe(self._bridge.recipe)
        self.controls.set_recipes(names, chosen)
        self._show_state()

    def entered(self) -> None:
        """Newer recipes may have been published while another page was open."""
        self.reload_recipes()
        if self._newest is not None:
            self.pictures.show_part(self._newest)

    def _next_recipe(self, running: Recipe) -> Recipe | None:
        """What the next start takes instead of `running`; None where that is the same version."""
        try:
            active = self._context.recipes.active(running.name)
        except NormaError:
            return None  # the next start says it
        return None if active is None or active.version == running.version else active

    def _open_inspection(self, row: int) -> None:
        history = self._context.go("History")
        open_inspection = getattr(history, "open_inspection", None)
        if open_inspection is not None:  # the page may have failed, and then says so itself
            open_inspection(row)

    def _choose(self, name: str) -> None:
        self._context.settings.setValue("live/recipe", name)

    def _forget_run(self, recipe: Recipe) -> None:
        self._newest = None
        self._row = 0
        self._to_trend = []
        self._next = None
        self.drift.show_drift(None)
        self.trend.clear()
        self.rejects.clear()
        self.pictures.clear()
        self.figures.show_figures(Figures())
        thresholds = recipe.thresholds
        self.trend.set_thresholds(thresholds.fail, thresholds.review)
        self.score.show_score(None, thresholds.fail, thresholds.review)

    # what the line says

    def _show_state(self, *_: object) -> None:
        bridge = self._bridge
        look = self._look()
        busy = bridge.running or bool(self._preparing)
        self.controls.set_running(busy, bridge.stopping or not bridge.running)
        text = self._preparing or advice(look, bridge.reason)
        if look.word == "STOPPED" and not self.controls.recipe.count():
            text = "There is no recipe yet: make a product on the Products page."
        self._show_chip(look, text)
        self._show_banner(look, text)

    def _look(self) -> StateLook:
        if self._preparing:
            return PREPARING
        return state_look(self._bridge.state, stopping=self._bridge.stopping)

    def _show_chip(self, look: StateLook, text: str) -> None:
        alarm = self._row >= self._alarm_after
        self.controls.set_alarm(alarm)
        if alarm:
            self.controls.state.say(
                f"{self._row} rejects in a row", "Check the line, then acknowledge (F8).", "alarm",
                palette.NG, "#ffffff",
            )  # fmt: skip
        elif look.word == "RUNNING":
            text = self._running_text()
            self.controls.state.say("Running", text, look.icon, palette.RAISED, palette.OK)
        else:
            waiting = self._change_over() if look.word == "WAITING" else ""
            self.controls.state.say(look.word.capitalize(), waiting or text, look.icon, look.color, look.ink)

    def _running_text(self) -> str:
        watch = self._bridge.watch
        if watch.archive_error:
            return f"Pictures are not archived: {watch.archive_error}"
        if watch.dropped_images:
            return f"{watch.dropped_images:,} pictures were not archived: the disk is too slow."
        return self._change_over()

    def _change_over(self) -> str:
        """That another version of the running recipe waits for the next start; empty where none does."""
        bridge = self._bridge
        if self._next is None or bridge.recipe is None or not bridge.running:
            return ""
        version = self._next.version
        done = "published" if version > bridge.recipe.version else "active again"
        return f"Version {version} is {done}; it is used at the next start."

    def _show_banner(self, look: StateLook, text: str) -> None:
        if self._newest is None or look.blocks:
            self.banner.show_state(look.word, text, look.icon, look.color, look.ink)
        else:
            self._show_verdict(self._newest.inspection)

    def _show_verdict(self, inspection: Inspection) -> None:
        detail = f"Part {inspection.part:,}"
        if inspection.verdict is Verdict.ERROR:
            detail += f"  ·  {inspection.reason or 'not inspected'}  ·  take the part out"
        elif inspection.score is not None:
            detail += f"  ·  score {inspection.score:.4f}"
            if inspection.defect_area:
                detail += f"  ·  {inspection.defect_area:,} px marked"
        self.banner.show_verdict(inspection.verdict, detail)

    def _show_part(self, part: Latest) -> None:
        self._newest = part
        inspection = part.inspection
        if not self._look().blocks:
            self._show_verdict(inspection)
        self.score.show_score(inspection.score, inspection.fail_threshold, inspection.review_threshold)
        if self.isVisible():
            self.pictures.show_part(part)

    def _show_committed(self, inspections: list[Inspection]) -> None:
        self._to_trend += [(part.part, part.score, part.verdict) for part in inspections]
        rejected = [part for part in inspections if part.verdict is not Verdict.PASS]
        for part in rejected[-self.rejects.capacity :]:
            picture = self._bridge.watch.picture(part.part)
            score = "" if part.score is None else f"  {part.score:.3f}"
            self.rejects.add(thumbnail(part.id, picture, part.verdict, f"#{part.part}{score}"))

    def _show_figures(self, figures: Figures) -> None:
        self.figures.show_figures(figures)
        self.drift.show_drift(figures.drift)
        self.trend.append(self._to_trend)  # a chart is dear to draw: with the figures, four times a second
        self._to_trend = []
        self._row = figures.rejects_in_a_row
        look = self._look()
        self._show_chip(look, advice(look, self._bridge.reason))

    def _show_failure(self, error: BaseException) -> None:
        if self._bridge.state is LineState.STOPPED:  # else the banner says it
            self.notice.show_error(error)

    # building

    def _connect(self) -> None:
        bridge, controls = self._bridge, self.controls
        bridge.state_changed.connect(self._show_state)
        bridge.started.connect(self._show_state)
        bridge.stopped.connect(self._show_state)
        bridge.part_inspected.connect(self._show_part)
        bridge.committed.connect(self._show_committed)
        bridge.figures_changed.connect(self._show_figures)
        bridge.failed.connect(self._show_failure)
        bridge.recipes_changed.connect(self.reload_recipes)
        controls.start_asked.connect(self.start)
        controls.stop_asked.connect(bridge.stop)
        controls.acknowledged.connect(self.acknowledge)
        controls.recipe_chosen.connect(self._choose)
        self.rejects.chosen.connect(self._open_inspection)

    def _build(self) -> None:
        score = Card("Score")
        score.body.addWidget(self.score)
        score.body.addWidget(self.drift)
        score.body.addWidget(self.trend, 1)
        rejects = Card("Last rejects")
        rejects.body.addWidget(self.rejects, 1)
        grid = QGridLayout()
        grid.setSpacing(palette.SPACE_S)
        grid.addWidget(self.pictures, 0, 0, 1, 2)
        grid.addWidget(score, 1, 0)
        grid.addWidget(rejects, 1, 1)
        grid.addWidget(self.figures, 0, 2, 2, 1)
        grid.setColumnStretch(0, 10)
        grid.setColumnStretch(1, 9)
        grid.setRowStretch(0, 10)
        grid.setRowStretch(1, 6)
        self.figures.setFixedWidth(300)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        for widget in (self.notice, self.controls, self.banner):
            column.addWidget(widget)
        column.addLayout(grid, 1)
