"""What a line is doing, or why it does not."""

import errno
from enum import StrEnum

from inspector_core.errors import CameraError, DeviceError, ModelFileError


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
