"""The pages of the rail, each imported when it is first opened."""

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

    def factory(module: str, name: str) -> QWidget:
        made = getattr(import_module(module), name)(context)
        if name == "LivePage":
            made.inspection_chosen.connect(lambda row: _open_inspection(context, row))
        return made

    return [
        Page(title, icon, lambda module=module, name=name: factory(module, name))
        for title, icon, module, name in _PAGES
    ]


def _open_inspection(context: AppContext, row: int) -> None:
    history = context.go("History")
    history.open_inspection(row)
