"""The last step: what the line will look at, why, and by whom; then all or nothing."""

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.background import Background
from app.cameras.known import added_producers, camera_title, search, settings_of
from app.context import AppContext
from app.products.draft import Draft, publish
from app.products.fact_grid import FactGrid
from app.products.form import Form
from app.products.wizard.step import Step
from app.products.words import author_of, bound_words, model_facts, recipe_facts
from app.theme import palette
from app.widgets import Card, label, words
from inspector_core.cameras.camera import CameraInfo
from inspector_core.inspection.recipe import CameraSettings, Recipe

PLAYBACK_RATE = 2.0


class PublishStep(Step):
    """Writes the model and the first recipe version."""

    title = "Publish"
    advice = "Check what goes on the line. Nothing is changed there until you publish."
    next_text = "Publish"
    next_icon = "publish"

    def __init__(self, context: AppContext, draft: Draft, parent: QWidget | None = None) -> None:
        super().__init__(context, draft, parent)
        self._background = Background(self, self._failed)
        self._publishing = False
        self._searched = False
        draft.author = draft.author or author_of(context.settings)
        self.camera = QComboBox()
        self.camera.setToolTip("The camera that the line inspects with; it can be changed later")
        self.reason = QLineEdit(draft.reason)
        self.author = QLineEdit(draft.author)
        self.author.setPlaceholderText("Your name")
        self.camera.currentIndexChanged.connect(lambda _: self._take())
        for line in (self.reason, self.author):
            line.textChanged.connect(lambda _: self._take())
        self._recipe = FactGrid()
        self._model = FactGrid()
        self._bound = label("", wrap=True)
        self._build()

    def enter(self) -> None:
        if self.camera.count() == 0 or self.camera.itemData(0) != self._own_camera():
            self.camera.clear()
            self.camera.addItem(self._own_title(), self._own_camera())
            self._searched = False
        if not self._searched:
            self._searched = True
            added = added_producers(self.context.settings)
            self._background.run(lambda: search(added), self._offer, lambda _error: None)
        self._take()

    def problem(self) -> str:
        if self._publishing:
            return "Publishing…"
        if not self.draft.reason.strip():
            return "Say why, for those who ask later."
        return "" if self.draft.author.strip() else "Say who publishes it."

    def busy(self) -> bool:
        return self._publishing

    def advance(self) -> bool:
        self._publishing = True
        self.changed.emit()
        self.context.settings.setValue("person/name", self.draft.author.strip())
        draft, store = self.draft, self.context.recipes
        self._background.run(lambda: publish(draft, store), self._published)
        return False

    def wait(self) -> None:
        self._background.wait(5.0)

    def _own_camera(self) -> CameraSettings:
        """Where the pictures came from."""
        if self.draft.source == "camera" and self.draft.capture is not None:
            return self.draft.capture
        return CameraSettings(source=str(self.draft.folder), rate=PLAYBACK_RATE)

    def _own_title(self) -> str:
        own = self._own_camera()
        return f"{own.source} (as now)" if own.kind == "genicam" else "Playback of the folder, to try it out"

    def _offer(self, found: list[CameraInfo]) -> None:
        for info in found:
            settings = settings_of(info, self.context.settings)
            if info.id and settings != self._own_camera():
                self.camera.addItem(camera_title(info), settings)

    def _take(self) -> None:
        self.draft.reason, self.draft.author = self.reason.text(), self.author.text()
        camera = self.camera.currentData()
        if isinstance(camera, CameraSettings):
            self.draft.line_camera = camera
        if self.draft.model is not None and not self._publishing and self.draft.published is None:
            self._recipe.show_facts(recipe_facts(self.draft.recipe()))
            self._model.show_facts(model_facts(self.draft.model))
            self._bound.setText(bound_words(self.draft.model))
        self.changed.emit()

    def _published(self, _recipe: Recipe) -> None:
        self._publishing = False
        self.completed.emit()

    def _failed(self, error: BaseException) -> None:
        self._publishing = False
        self.said.emit(words(error), "error")
        self.changed.emit()

    def _build(self) -> None:
        form = Form()
        form.add("Camera on the line", self.camera)
        form.add("Reason", self.reason)
        form.add("Published by", self.author)
        top = Card()
        top.body.addLayout(form)
        recipe, model = Card("Recipe"), Card("Model")
        recipe.body.addWidget(self._recipe)
        recipe.body.addStretch(1)
        model.body.addWidget(self._model)
        model.body.addSpacing(palette.SPACE_S)
        model.body.addWidget(self._bound)
        model.body.addStretch(1)
        cards = QHBoxLayout()
        cards.setSpacing(palette.SPACE_S)
        cards.addWidget(recipe, 1)
        cards.addWidget(model, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        column.addWidget(top)
        column.addLayout(cards, 1)
