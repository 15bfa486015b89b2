"""Icons: our own SVG drawings in one colour, tinted and rendered at the size they are shown."""

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.theme import palette
from inspector_core.resources import resource


def icon_folder() -> Path:
    """Where the SVG files lie."""
    return resource("icons")


@lru_cache(maxsize=64)
def _drawing(name: str) -> str:
    return (icon_folder() / f"{name}.svg").read_text(encoding="utf-8")


def paint_icon(painter: QPainter, name: str, box: QRectF, color: str = palette.TEXT, ink: str = "") -> None:
    """Draw icon `name` into `box`; `ink` is the colour of its inner sign, where it has one."""
    svg = _drawing(name).replace("currentColor", color).replace("inkColor", ink or palette.GROUND)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, box)


def pixmap(name: str, size: int, color: str = palette.TEXT, ink: str = "", ratio: float = 1.0) -> QPixmap:
    """Icon `name` as a transparent pixmap of `size` x `size` device-independent pixels."""
    image = QPixmap(round(size * ratio), round(size * ratio))
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint_icon(painter, name, QRectF(0, 0, size, size), color, ink)
    painter.end()
    return image


def icon(name: str, color: str = palette.TEXT, ink: str = "") -> QIcon:
    """Icon `name` for a button or an action, with a greyed form for the disabled state."""
    made = QIcon()
    for size in (20, 24, 32, 48):
        made.addPixmap(pixmap(name, size, color, ink))
        made.addPixmap(pixmap(name, size, palette.DISABLED, ink), QIcon.Mode.Disabled)
    return made
