"""The pages of the rail, each imported when it is first opened."""

from functools import partial
from importlib import import_module

from PySide6.QtWidgets import QWidget

from app.context import AppContext
from app.main_window import Page

_PAGES = (
    ("Live", "live", "app.live.page", "LivePage"),
    ("History", "history", "app.history.page", "HistoryPage"),
    ("Tuning", "tuning", "app.tuning.page", "TuningPage"),
    ("Products", "products", "app.products.page", "ProductsPage"),
    ("Cameras", "cameras", "app.cameras.page", "CamerasPage"),
)


def pages(context: AppContext) -> list[Page]:
    """All pages, in the order of the rail; each class is called with the context."""

    return [Page(title, icon, partial(_make, module, name, context)) for title, icon, module, name in _PAGES]


def _make(module: str, name: str, context: AppContext) -> QWidget:
    made: QWidget = getattr(import_module(module), name)(context)
    return made
