"""Large libraries, torch above all, are loaded without Python's search for garbage."""

import gc
import sys
from importlib import import_module
from threading import Lock

_ONE_AT_A_TIME = Lock()


def load(module: str) -> None:
    """Import a module; whatever lives afterwards is never searched for garbage that refers to itself.

    Such a search passes over every object, 290,000 of them once torch is loaded, and no thread of Python
    works meanwhile: 0.1 to 0.3 s in which the window would stand still, several times. What does not belong
    to the module, and comes to refer to itself alone, is lost memory: so nothing happens here for a module
    that is loaded already. All else is freed as ever.

    Raises:
        ImportError: as importing it does.
    """
    if module in sys.modules:
        return
    with _ONE_AT_A_TIME:
        gc.collect()
        searched = gc.isenabled()
        gc.disable()
        try:
            import_module(module)
            gc.freeze()
        finally:
            if searched:
                gc.enable()
