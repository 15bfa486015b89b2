"""Colours, icons, fonts and the style sheet: a calm dark theme on which only meaning has colour."""

import pyqtgraph as pg
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

from app.theme import palette
from app.theme.fonts import BODY, font
from app.theme.icons import icon, icon_folder, paint_icon, pixmap
from app.theme.palette import VERDICT_STYLES, VerdictStyle, verdict_style
from app.theme.stylesheet import stylesheet

__all__ = [
    "VERDICT_STYLES",
    "VerdictStyle",
    "apply_theme",
    "font",
    "icon",
    "icon_folder",
    "paint_icon",
    "palette",
    "pixmap",
    "verdict_style",
]


def apply_theme(app: QApplication) -> None:
    """Give the application its style, palette, font and chart colours; call it once, before any window."""
    app.setStyle(QStyleFactory.create("Fusion"))
    app.setPalette(_qt_palette())
    app.setFont(font(BODY))
    app.setStyleSheet(stylesheet(icon_folder()))
    pg.setConfigOptions(background=palette.SURFACE, foreground=palette.MUTED, antialias=False)


def _qt_palette() -> QPalette:
    roles = {
        QPalette.ColorRole.Window: palette.GROUND,
        QPalette.ColorRole.WindowText: palette.TEXT,
        QPalette.ColorRole.Base: palette.SURFACE,
        QPalette.ColorRole.AlternateBase: palette.RAISED,
        QPalette.ColorRole.Text: palette.TEXT,
        QPalette.ColorRole.Button: palette.RAISED,
        QPalette.ColorRole.ButtonText: palette.TEXT,
        QPalette.ColorRole.ToolTipBase: palette.RAISED,
        QPalette.ColorRole.ToolTipText: palette.TEXT,
        QPalette.ColorRole.PlaceholderText: palette.MUTED,
        QPalette.ColorRole.Highlight: palette.ACCENT_STRONG,
        QPalette.ColorRole.HighlightedText: "#ffffff",
        QPalette.ColorRole.Link: palette.ACCENT,
        QPalette.ColorRole.Mid: palette.LINE,
        QPalette.ColorRole.Dark: palette.GROUND,
        QPalette.ColorRole.Light: palette.PRESSED,
    }
    made = QPalette()
    for role, color in roles.items():
        made.setColor(role, QColor(color))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(palette.DISABLED))
    return made
