"""A row of small pictures, newest first; a click chooses one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import font, paint_icon, palette, verdict_style
from app.theme.fonts import SMALL
from app.widgets.rasters import shrink, to_qimage
from inspector_core.inspection.verdict import Verdict

CAPTION = 22


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """One small picture: `key` is handed back when it is chosen."""

    key: object
    picture: QImage
    verdict: Verdict | None = None
    caption: str = ""


def thumbnail(
    key: object, image: NDArray[np.uint8] | None, verdict: Verdict | None = None, caption: str = ""
) -> Thumbnail:
    """A thumbnail of RGB uint8 [H, W, 3], or one without a picture."""
    picture = QImage() if image is None else to_qimage(shrink(image, 192))
    return Thumbnail(key, picture, verdict, caption)


class ThumbnailStrip(QWidget):
    """Shows as many thumbnails as fit, the newest first.

    Signals:
        chosen(key): a thumbnail was clicked.
    """

    chosen = Signal(object)

    def __init__(
        self, capacity: int = 24, placeholder: str = "Nothing here yet", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.capacity = capacity
        self.placeholder = placeholder
        self.items: list[Thumbnail] = []
        self._hovered = -1
        self.setMouseTracking(True)
        self.setMinimumHeight(96)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def sizeHint(self) -> QSize:
        return QSize(400, 118)

    def add(self, item: Thumbnail) -> None:
        """Put one at the left; the oldest falls out."""
        self.items = [item, *self.items][: self.capacity]
        self.update()

    def set_items(self, items: list[Thumbnail]) -> None:
        """Replace all, first at the left."""
        self.items = items[: self.capacity]
        self.update()

    def clear(self) -> None:
        """Remove all."""
        self.set_items([])

    def _quarter(self) -> float:
        """Side of a picture of which four fill the width."""
        return (self.width() - 3.0 * palette.SPACE_S) / 4.0

    def _rows(self) -> int:
        """As many rows as come nearest to filling the height with four pictures in each."""
        return max(1, round(self.height() / (self._quarter() + CAPTION)))

    def _cell(self) -> float:
        """Side of a picture: four fill the width, unless the rows leave less."""
        return min(self._quarter(), self.height() / self._rows() - CAPTION)

    def _columns(self) -> int:
        return max(1, int((self.width() + palette.SPACE_S) // (self._cell() + palette.SPACE_S)))

    def _box(self, index: int) -> QRectF:
        cell, columns = self._cell(), self._columns()
        left = (index % columns) * (cell + palette.SPACE_S)
        return QRectF(left, (index // columns) * (cell + CAPTION), cell, cell)

    def _index_at(self, point: QPointF) -> int:
        for index in range(min(len(self.items), self._columns() * self._rows())):
            if self._box(index).contains(point):
                return index
        return -1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position())
        if index != self._hovered:
            self._hovered = index
            hand = Qt.CursorShape.PointingHandCursor if index >= 0 else Qt.CursorShape.ArrowCursor
            self.setCursor(hand)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position())
        if index >= 0:
            self.chosen.emit(self.items[index].key)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if not self.items:
            painter.setPen(QColor(palette.MUTED))
            painter.setFont(font(14))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.placeholder)
        for index, item in enumerate(self.items[: self._columns() * self._rows()]):
            self._paint_item(painter, item, self._box(index), index == self._hovered)
        painter.end()

    def _paint_item(self, painter: QPainter, item: Thumbnail, box: QRectF, hovered: bool) -> None:
        painter.fillRect(box, QColor(palette.RAISED))
        if item.picture.isNull():
            painter.setPen(QColor(palette.MUTED))
            painter.setFont(font(SMALL))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "no picture")
        size = item.picture.size().scaled(box.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRectF(0, 0, size.width(), size.height())
        target.moveCenter(box.center())
        painter.drawImage(target, item.picture)
        if item.verdict is not None:
            look = verdict_style(item.verdict)
            paint_icon(
                painter, look.icon, QRectF(box.left() + 4, box.top() + 4, 24, 24), look.color, look.on_color
            )
        if hovered:
            painter.setPen(QColor(palette.ACCENT))
            painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setPen(QColor(palette.MUTED))
        painter.setFont(font(SMALL))
        line = QRectF(box.left(), box.bottom() + 2, box.width(), 18)
        text = painter.fontMetrics().elidedText(item.caption, Qt.TextElideMode.ElideRight, int(line.width()))
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, text)
