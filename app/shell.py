"""The window with its pages, the line behind it, and the wires between them."""

import logging
import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtWidgets import QWidget

from app.background import Background
from app.context import AppContext
from app.line_bridge import Figures, LineBridge, Station
from app.main_window import MainWindow
from app.pages import pages
from app.station import WorkspaceStation
from app.widgets import words
from inspector_core.inspection.recipe import Recipe
from inspector_core.inspection.recipe_store import RecipeStore
from inspector_core.workspace import Workspace

if TYPE_CHECKING:
    from app.live.page import LivePage

log = logging.getLogger(__name__)


class Shell(QObject):
    """Makes the window and keeps its status bar true."""

    _drawn = Signal(int, int)

    def __init__(self, workspace: Workspace, settings: QSettings, station: Station | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.bridge = LineBridge(station or WorkspaceStation(workspace), self)
        self.context = AppContext(workspace, RecipeStore(workspace), self.bridge, settings, go=self.go)
        self.window = MainWindow(pages(self.context))
        self._background = Background(self, self._failed)
        self._closing = threading.Event()
        self._connect()
        self._restore()

    def go(self, title: str) -> QWidget:
        """Bring a page to the front."""
        return self.window.show_page(title)

    def show(self) -> None:
        """Show the window on its first page and open the database behind it."""
        self.go("Live")
        self.window.show()
        self.bridge.open_records()

    def start_recipe(self, name: str, parts: int | None = None) -> None:
        """Start the line with the active version of `name`; it ends after `parts`, if given."""
        self._live().start(name, parts)

    def start_demo(self, parts: int | None = None) -> None:
        """Put the demo product into the workspace where it is missing, then start its line, for `parts`."""
        workspace = self.context.workspace

        def prepare() -> Recipe:
            from inspector_core.jobs.demo_line import prepare_demo

            return prepare_demo(workspace, drawn)

        def drawn(done: int, total: int) -> None:
            if self._closing.is_set():  # else the process would stay until the last part is drawn
                raise CancelledError
            self._drawn.emit(done, total)

        self._say_drawn(0, 0)
        self._background.run(prepare, lambda recipe: self._demo_ready(recipe, parts), self._demo_failed)

    def shut_down(self) -> None:
        """Stop the line, wait until all is recorded, close the database; what is being set up is given up."""
        self._closing.set()
        if not self.bridge.shut_down():
            log.error("the line did not end in time")
        self._background.wait()

    def _live(self) -> "LivePage":
        """The Live page, in front. It can't fail to open: the application is nothing without it."""
        from app.live.page import LivePage

        page = self.go("Live")
        assert isinstance(page, LivePage)
        return page

    def _demo_ready(self, recipe: Recipe, parts: int | None) -> None:
        live = self._live()
        live.prepared()
        self.bridge.recipes_changed.emit(recipe.name)
        live.start(recipe.name, parts)

    def _demo_failed(self, error: BaseException) -> None:
        self._live().prepared()
        self._failed(error)

    def _say_drawn(self, done: int, total: int) -> None:
        share = f": part {done} of {total}" if total else ""
        self._live().preparing(f"The demo is being set up{share}.")

    def _failed(self, error: BaseException) -> None:
        self.window.notice.show_error(error)

    # the status bar

    def _connect(self) -> None:
        bridge, window = self.bridge, self.window
        bridge.started.connect(self._show_recipe)
        bridge.figures_changed.connect(self._show_engine)
        bridge.records_opened.connect(self._show_database)
        bridge.failed.connect(self._show_failure)
        window.closing.connect(self._keep)
        self._drawn.connect(self._say_drawn)

    def _show_recipe(self, recipe: Recipe) -> None:
        camera = recipe.camera
        source = camera.source or "first found"
        self.window.set_status("Recipe", f"{recipe.name}  v{recipe.version}")
        self.window.set_status("Camera", f"{camera.kind}  {source}")
        self.window.set_status("Model", recipe.model)
        self.window.set_status("Engine", "opening…")

    def _show_engine(self, _figures: Figures) -> None:
        if self.bridge.watch.engine_name:
            self.window.set_status("Engine", self.bridge.watch.engine_name)

    def _show_database(self, _records: object) -> None:
        path = self.context.workspace.database
        self.window.set_status("Database", path.name, str(path))

    def _show_failure(self, error: BaseException) -> None:
        if self.bridge.records is None:
            self.window.set_status("Database", "not open", words(error))
        if self.window.current != "Live":
            self.window.notice.show_error(error)

    # the window's place

    def _restore(self) -> None:
        geometry = self.settings.value("window/geometry")
        if geometry is None or not self.window.restoreGeometry(geometry):
            self.window.resize(1500, 900)

    def _keep(self) -> None:
        self.settings.setValue("window/geometry", self.window.saveGeometry())
        self.settings.sync()
