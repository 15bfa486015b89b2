"""Large libraries are loaded without Python's search for garbage."""

import gc
import sys
from importlib import import_module
from threading import Lock

_ONE_AT_A_TIME = Lock()


def load(module: str) -> None:
    """Import a module; what is there afterwards is never searched for garbage that refers to itself.

    Such a search passes over every object, 250,000 of them once torch is loaded, and no thread of Python
    works meanwhile: the window would stand still for 0.1 to 0.3 s, several times. What is garbage by then is
    lost memory, which is why nothing happens here for a module that is loaded already. Garbage that does not
    refer to itself is freed as ever.

    Raises:
        ImportError: as importing it does.
    """
    if module in sys.modules:
        return
    with _ONE_AT_A_TIME:
        searched = gc.isenabled()
        gc.disable()
        try:
            import_module(module)
        finally:
            gc.freeze()
            if searched:
                gc.enable()
