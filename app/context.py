"""What every page is given."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QWidget

from app.line_bridge import LineBridge
from inspector_core.inspection.recipe_store import RecipeStore
from inspector_core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class AppContext:
    """The station as the pages see it.

    Attributes:
        workspace: the folder of database, archive, models and recipes.
        recipes: the recipes in it.
        bridge: the running line, and the records once they are open (`bridge.records`).
        settings: what the person chose on this machine, kept between starts.
        go: brings a page to the front by its title and returns it.
    """

    workspace: Workspace
    recipes: RecipeStore
    bridge: LineBridge
    settings: QSettings
    go: Callable[[str], QWidget]


def whole_number(settings: QSettings, key: str, default: int) -> int:
    """A stored whole number; `default` where there is none or it was spoilt: bad settings stop nothing."""
    try:
        return int(str(settings.value(key, default)))
    except ValueError:
        return default
