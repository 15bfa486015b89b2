"""The product screen: what this station inspects, by which recipe versions, and with which models."""

import logging

from PySide6.QtWidgets import QDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.background import Background
from app.context import AppContext
from app.live.page import LivePage
from app.products.fact_grid import FactGrid
from app.products.product_list import Entry, ProductList
from app.products.reason_dialog import ReasonDialog
from app.products.recipe_dialog import RecipeDialog
from app.products.versions_table import VersionsTable
from app.products.wizard.wizard import NewProductWizard
from app.products.words import bound_words, model_facts, recipe_facts
from app.theme import palette
from app.widgets import Card, EmptyState, Notice, PageHeader, button, label, words
from inspector_core.detectors.model_file import ModelMetadata, read_metadata
from inspector_core.errors import NormaError
from inspector_core.inspection.recipe import Recipe

log = logging.getLogger(__name__)


class ProductsPage(QWidget):
    """Lists the products; the wizard takes the page's place while it makes a new one."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._store = context.recipes
        self._background = Background(self, lambda error: self.notice.show_error(error))
        self._models: dict[str, ModelMetadata] = {}
        self._reading = 0
        self._active: Recipe | None = None
        self.wizard: NewProductWizard | None = None
        self.notice = Notice()
        self.list = ProductList()
        self.versions = VersionsTable()
        self.recipe_facts, self.model_facts = FactGrid(), FactGrid()
        self._build()
        self.list.currentItemChanged.connect(lambda *_: self._show_product())
        self.versions.itemSelectionChanged.connect(self._show_version)
        bridge = context.bridge
        bridge.recipes_changed.connect(self.reload)
        bridge.started.connect(self.reload)
        bridge.stopped.connect(self.reload)
        self.reload()

    # what the window asks of a page

    def entered(self) -> None:
        if self.wizard is not None:
            self.wizard.entered()
        else:
            self.reload()

    def left(self) -> None:
        if self.wizard is not None:
            self.wizard.left()

    def may_close(self) -> bool:
        return self.wizard is None or self.wizard.may_close()

    def shut_down(self) -> None:
        self.notice.dismiss()
        if self.wizard is not None:
            self.wizard.shut_down()
        self._background.wait(3.0)

    # what the person does

    def new_product(self) -> None:
        """Open the wizard in the page's place."""
        if self.wizard is not None:
            return
        self.wizard = wizard = NewProductWizard(self._context)
        wizard.closed.connect(self._wizard_closed)
        wizard.published.connect(self._wizard_published)
        wizard.start_asked.connect(self._start_from_wizard)
        self._pages.addWidget(wizard)
        self._pages.setCurrentWidget(wizard)

    def start(self) -> None:
        """Start the line with the product's active version, and show it."""
        if self._active is not None:
            self._start(self._active.name)

    def edit(self) -> None:
        """Change the selected version into a new one."""
        chosen = self.versions.chosen()
        if chosen is None:
            return
        dialog = RecipeDialog(self._context, chosen, self)
        dialog.accepted.connect(lambda: self._publish(dialog, chosen))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def activate(self) -> None:
        """Make the selected version the active one, with a reason."""
        chosen, active = self.versions.chosen(), self._active
        if chosen is None:
            return
        now = f"version {active.version}" if active else "no version"
        question = f"Put version {chosen.version} of {chosen.name} on the line in place of {now}?"
        do = f"Activate version {chosen.version}"
        dialog = ReasonDialog(question, do, self._context.settings, self)
        dialog.accepted.connect(lambda: self._activate(chosen, dialog.reason, dialog.author))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    # what follows

    def _publish(self, dialog: QDialog, before: Recipe) -> None:
        assert isinstance(dialog, RecipeDialog)
        try:
            recipe = self._store.publish(dialog.recipe(), reason=dialog.reason, author=dialog.author)
        except NormaError as error:
            self.notice.show_error(error)
            return
        self._log("published", before, recipe, dialog.reason, dialog.author)
        self._changed(recipe, f"Version {recipe.version} of {recipe.name} is published and active.")

    def _activate(self, chosen: Recipe, reason: str, author: str) -> None:
        try:
            recipe = self._store.activate(chosen.name, chosen.version)
        except NormaError as error:
            self.notice.show_error(error)
            return
        self._log("activated", self._active, recipe, reason, author)
        self._changed(recipe, f"Version {recipe.version} of {recipe.name} is active.")

    def _changed(self, recipe: Recipe, text: str) -> None:
        self._context.bridge.recipes_changed.emit(recipe.name)
        if self._runs(recipe.name):
            text += " The line goes on with the version that it was started with: stop and start it."
        self.notice.show_message(text, "warning" if self._runs(recipe.name) else "good")

    def _log(self, done: str, before: Recipe | None, after: Recipe, reason: str, author: str) -> None:
        """Put the change on record; that it can't be is no reason to undo it."""
        records = self._context.bridge.records
        if records is None:
            return
        message = f"{after.name}: version {after.version} {done}: {reason}"
        old = "" if before is None else f"version {before.version}"
        self._background.run(
            lambda: records.log_event("recipe", message, by=author, old=old, new=f"version {after.version}")
        )

    def _start(self, name: str) -> bool:
        bridge = self._context.bridge
        if bridge.running and bridge.recipe is not None:
            other = f"The line runs {bridge.recipe.name}. Stop it on the Live page, then start {name}."
            self.notice.show_message(other, "warning")
            return False
        live = self._context.go("Live")
        if isinstance(live, LivePage):
            live.start(name)
            live.reload_recipes()
        return True

    def _start_from_wizard(self, name: str) -> None:
        if self.wizard is not None:
            self.wizard.close_draft()
        self._start(name)

    def _wizard_published(self, recipe: Recipe) -> None:
        self._log("published", None, recipe, recipe.reason, recipe.author)
        self._context.bridge.recipes_changed.emit(recipe.name)
        self.reload(recipe.name)

    def _wizard_closed(self) -> None:
        wizard, self.wizard = self.wizard, None
        if wizard is not None:
            self._pages.removeWidget(wizard)
            wizard.deleteLater()
        self._pages.setCurrentWidget(self._overview)
        self.reload()

    # what is shown

    def reload(self, chosen: object = None) -> None:
        """Read the recipes again."""
        named = chosen if isinstance(chosen, str) else ""
        name, selected = named or self.list.chosen(), self.versions.chosen()
        names = self._store.products()
        self.list.show_entries([self._entry(product) for product in names], name)
        self._body.setCurrentWidget(self._filled if names else self._empty)
        self._show_product()
        if selected is not None and not named and selected.name == self.list.chosen():
            self.versions.select(selected.version)

    def _entry(self, name: str) -> Entry:
        try:
            active = self._store.active(name)
        except NormaError as error:
            return Entry(name, words(error))
        about = "No active version" if active is None else f"Version {active.version} active"
        return Entry(name, f"{about}, running" if self._runs(name) else about, self._runs(name))

    def _runs(self, name: str) -> bool:
        bridge = self._context.bridge
        return bridge.running and bridge.recipe is not None and bridge.recipe.name == name

    def _show_product(self) -> None:
        name = self.list.chosen()
        if not name:
            return
        try:
            versions, self._active = self._store.versions(name), self._store.active(name)
        except NormaError as error:
            versions, self._active = [], None
            self.notice.show_error(error)
        self._title.setText(name)
        self.versions.show_versions(versions, self._active.version if self._active else None)
        self.start_button.setEnabled(self._active is not None)
        self._show_version()

    def _show_version(self) -> None:
        recipe = self.versions.chosen()
        self.edit_button.setEnabled(recipe is not None)
        is_active = recipe is not None and self._active is not None and recipe.version == self._active.version
        self.activate_button.setEnabled(recipe is not None and not is_active)
        if recipe is None:
            self.recipe_facts.show_facts([])
            self._show_model(None, "")
            return
        self._recipe_title.setText(f"Recipe, version {recipe.version}")
        self.recipe_facts.show_facts(recipe_facts(recipe))
        self._read_model(recipe)

    def _read_model(self, recipe: Recipe) -> None:
        path = recipe.model_path(self._context.workspace)
        self._background.forget(self._reading)
        known = self._models.get(str(path))
        if known is not None and path.exists():
            self._show_model(known, "")
            return
        self._show_model(None, "Reading the model…")

        def read() -> ModelMetadata:
            return read_metadata(path)

        def shown(model: ModelMetadata) -> None:
            self._models[str(path)] = model
            self._show_model(model, "")

        self._reading = self._background.run(read, shown, lambda error: self._show_model(None, words(error)))

    def _show_model(self, model: ModelMetadata | None, text: str) -> None:
        self.model_facts.show_facts([] if model is None else model_facts(model))
        self._bound.setText(text if model is None else bound_words(model))

    # building

    def _build(self) -> None:
        header = PageHeader("Products", "What this station inspects, by which recipe and with which model.")
        self.new_button = button("New product…", "add", self.new_product, role="primary", touch=True)
        header.add_action(self.new_button)
        self._empty = EmptyState(
            "No product yet",
            "Make one from 20 to 300 photographs of good parts. No defects are needed.",
            "products",
        )
        self.first_button = button("New product…", "add", self.new_product, role="primary", touch=True)
        self._empty.add_action(self.first_button)
        self._filled = self._build_filled()
        self._body = QStackedWidget()
        for widget in (self._empty, self._filled):
            self._body.addWidget(widget)
        self._overview = QWidget()
        column = QVBoxLayout(self._overview)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        for widget in (header, self.notice):
            column.addWidget(widget)
        column.addWidget(self._body, 1)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._overview)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._pages)

    def _build_filled(self) -> QWidget:
        self._title = label("", "title")
        self.start_button = button("Start on Live", "start", self.start, role="primary",
                                   tip="Start the line with the active version")  # fmt: skip
        self.edit_button = button("Edit recipe…", "edit", self.edit,
                                  tip="Change the selected version and publish it as a new one")  # fmt: skip
        self.activate_button = button("Activate this version…", "undo", self.activate,
                                      tip="Put the selected version on the line")  # fmt: skip
        self._recipe_title = label("Recipe", "section")
        self._bound = label("", wrap=True)
        top = QHBoxLayout()
        top.addWidget(self._title, 1)
        for widget in (self.edit_button, self.start_button):
            top.addWidget(widget)
        recipe, model, history = Card(), Card("Model"), Card()
        recipe.body.addWidget(self._recipe_title)
        recipe.body.addWidget(self.recipe_facts)
        recipe.body.addStretch(1)
        model.body.addWidget(self.model_facts)
        model.body.addWidget(self._bound)
        model.body.addStretch(1)
        cards = QHBoxLayout()
        cards.setSpacing(palette.SPACE_S)
        cards.addWidget(recipe, 1)
        cards.addWidget(model, 1)
        row = QHBoxLayout()
        row.addWidget(label("Versions", "section"), 1)
        row.addWidget(self.activate_button)
        history.body.addLayout(row)
        history.body.addWidget(self.versions, 1)
        right = QVBoxLayout()
        right.setSpacing(palette.SPACE_S)
        right.addLayout(top)
        right.addLayout(cards)
        right.addWidget(history, 1)
        filled = QWidget()
        whole = QHBoxLayout(filled)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(palette.SPACE_M)
        self.list.setFixedWidth(240)
        whole.addWidget(self.list)
        whole.addLayout(right, 1)
        return filled
