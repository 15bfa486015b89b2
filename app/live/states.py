"""What a state of the line means to the operator: a word, and what to do."""

from dataclasses import dataclass

from app.theme import palette
from inspector_core.inspection.line import LineState


@dataclass(frozen=True, slots=True)
class StateLook:
    """How a state is shown.

    Attributes:
        word: large, on the banner.
        advice: what to do, or what happens now.
        blocks: whether it takes the banner's place, because no verdict can be trusted to be the newest.
    """

    word: str
    advice: str
    icon: str
    color: str
    ink: str
    blocks: bool


_CALM = (palette.RAISED, palette.TEXT)
_BUSY = (palette.ACCENT_STRONG, "#ffffff")
_TROUBLE = (palette.ERROR, "#ffffff")

LOOKS: dict[LineState, StateLook] = {
    LineState.STOPPED: StateLook("STOPPED", "Choose a recipe and press Start (F5).", "stopped", *_CALM, True),
    LineState.STARTING: StateLook(
        "STARTING", "Opening the camera and the model.", "waiting", *_BUSY, True
    ),
    LineState.RUNNING: StateLook("RUNNING", "Parts are inspected.", "running", palette.OK, "#04180c", False),
    LineState.WAITING: StateLook(
        "WAITING", "Ready. The next part will be inspected.", "waiting", *_BUSY, False
    ),
    LineState.NO_CAMERA: StateLook(
        "NO CAMERA", "Check the camera's cable and power.", "no-camera", *_TROUBLE, True
    ),
    LineState.NO_MODEL: StateLook(
        "NO MODEL", "Call the engineer: the recipe's model is not available.", "no-model", *_TROUBLE, True
    ),
    LineState.DISK_FULL: StateLook(
        "DISK FULL", "Free some space, then press Start (F5).", "disk", *_TROUBLE, True
    ),
    LineState.FAULT: StateLook("FAULT", "Press Start (F5). If it comes back, call the engineer.", "fault",
                               *_TROUBLE, True),
}  # fmt: skip
PREPARING = StateLook("PREPARING", "Something is being set up.", "waiting", *_BUSY, True)
STOPPING = StateLook("STOPPING", "Parts on their way are finished first.", "waiting", *_BUSY, True)


def state_look(state: LineState, *, stopping: bool = False) -> StateLook:
    """The look of `state`; a stop under way has one of its own."""
    return STOPPING if stopping else LOOKS[state]


def advice(look: StateLook, reason: str) -> str:
    """What to say beside the word: the line's own reason, with the advice where that names no remedy."""
    if not reason:
        return look.advice
    said = reason[:1].upper() + reason[1:].rstrip(".") + "."
    return said if ": " in said or not look.blocks else f"{said} {look.advice}"
