"""What a line is doing, or why it does not."""

import errno
import logging
import threading
from enum import StrEnum

from inspector_core.errors import CameraError, DeviceError, ModelFileError, in_words

log = logging.getLogger(__name__)


class LineState(StrEnum):
    """The states that must be plain on the screen at once."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    NO_CAMERA = "no camera"
    NO_MODEL = "no model"
    DISK_FULL = "disk full"
    FAULT = "fault"


class LineStatus:
    """The state of a line and why it is so; several threads write it, anybody reads it.

    Attributes:
        state: what is on the screen.
        reason: in words for the operator; may be empty.
        error: what ended the line against its will.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.state = LineState.STOPPED
        self.reason = ""
        self.error: BaseException | None = None

    def show(self, state: LineState, reason: str = "") -> None:
        """A new state; after an error there is none."""
        if (state, reason) == (self.state, self.reason):
            return
        with self._lock:
            if self.error is None:
                self.state, self.reason = state, reason

    def fail(self, error: BaseException) -> None:
        """An error that the line can't go on with."""
        log.error("the line stops: %s", error, exc_info=error)
        with self._lock:
            if self.error is None:  # the first fault is the cause, later ones follow from it
                self.error = error
                self.state = state_after(error)
                self.reason = in_words(error)

    def end(self) -> None:
        """The line has ended: its last reason stays."""
        with self._lock:
            if self.error is None:
                self.state = LineState.STOPPED


def state_after(error: BaseException) -> LineState:
    """The state in which `error` leaves a line that it ended."""
    if isinstance(error, CameraError):
        return LineState.NO_CAMERA
    if isinstance(error, (ModelFileError, DeviceError)):
        return LineState.NO_MODEL
    return LineState.DISK_FULL if _says_disk_full(error) else LineState.FAULT


def _says_disk_full(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if "disk is full" in str(cause):  # SQLite's words for it
            return True
        cause = cause.__cause__
    return False
