"""Who goes first where threads compete for a core."""

import logging
import os
import sys
import threading

log = logging.getLogger(__name__)

LATER = 9
"""Niceness of a thread that can wait, where others have 0: beside one of them it gets an eighth of a core."""


def give_way() -> None:
    """Let the screen and the camera go before this thread and those that it starts.

    The detector alone fills every core, and each click and each frame would wait for a share of one. On
    Linux, where niceness is each thread's own; elsewhere nothing is changed.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mine = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, mine, max(LATER, os.getpriority(os.PRIO_PROCESS, mine)))
    except OSError:
        log.warning("the detector's thread keeps its priority", exc_info=True)
