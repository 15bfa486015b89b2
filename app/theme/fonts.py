"""Fonts: whatever legible sans the system has, digits of equal width."""

from functools import lru_cache

from PySide6.QtGui import QFont, QFontDatabase

SANS = (
    "Inter",
    "Segoe UI",
    "Noto Sans",
    "Roboto",
    "Open Sans",
    "Liberation Sans",
    "DejaVu Sans",
    "Nimbus Sans",
)
MONO = ("Cascadia Mono", "JetBrains Mono", "Noto Sans Mono", "Liberation Mono", "DejaVu Sans Mono")

SMALL, BODY, LARGE, TITLE, NUMBER = 12, 14, 16, 22, 28
"""Sizes in pixels, so that a layout measured at one screen holds at another."""


@lru_cache(maxsize=4)
def family(candidates: tuple[str, ...] = SANS) -> str:
    """The first of `candidates` that is installed, else the system's own choice."""
    installed = set(QFontDatabase.families())
    for name in candidates:
        if name in installed:
            return name
    return QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()


def font(pixels: int = BODY, *, bold: bool = False, mono: bool = False) -> QFont:
    """A font of the theme, `pixels` high."""
    made = QFont(family(MONO if mono else SANS))
    made.setPixelSize(pixels)
    made.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    made.setHintingPreference(QFont.HintingPreference.PreferVerticalHinting)
    return made
