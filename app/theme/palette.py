"""Colours, sizes and spacing of the screens: a dark ground, and colour only where it means something."""

from dataclasses import dataclass

from inspector_core.inspection.verdict import Verdict

GROUND = "#11161c"
SURFACE = "#1a2129"
RAISED = "#242d37"
PRESSED = "#2f3a46"
LINE = "#3a4653"
TEXT = "#f1f4f7"
MUTED = "#b3bfcb"
DISABLED = "#76828f"
ACCENT = "#5cb0ff"
ACCENT_STRONG = "#1f6fd0"

OK = "#2fc873"
NG = "#e5383b"
REVIEW = "#ffb224"
ERROR = "#b84bd6"
LOST = "#8fa3b8"

SPACE_XS, SPACE_S, SPACE_M, SPACE_L, SPACE_XL = 4, 8, 12, 16, 24
RADIUS = 6
TOUCH = 44
"""Least height in pixels of what an operator in gloves presses."""


@dataclass(frozen=True, slots=True)
class VerdictStyle:
    """How one verdict looks: word, colour, a text colour legible on it, and the icon with its shape."""

    word: str
    color: str
    on_color: str
    icon: str


VERDICT_STYLES: dict[Verdict, VerdictStyle] = {
    Verdict.PASS: VerdictStyle("OK", OK, "#04180c", "verdict-pass"),
    Verdict.FAIL: VerdictStyle("NG", NG, "#ffffff", "verdict-fail"),
    Verdict.REVIEW: VerdictStyle("REVIEW", REVIEW, "#221500", "verdict-review"),
    Verdict.ERROR: VerdictStyle("ERROR", ERROR, "#ffffff", "verdict-error"),
}


def verdict_style(verdict: Verdict) -> VerdictStyle:
    """The look of `verdict`."""
    return VERDICT_STYLES[verdict]
