"""An image view on which a region is drawn and an ignore mask is painted."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.theme import palette
from app.widgets.image_view import ImageView

Tool = Literal["view", "region", "paint", "erase"]


class ImageEditor(ImageView):
    """Adds a region (a rectangle of image pixels) and a mask (bool [H, W], True = ignored).

    Signals:
        region_changed(QRect or None): the person drew another region; a click without a drag clears it.
        ignored_changed(): the person painted; read `ignored`.
    """

    region_changed = Signal(object)
    ignored_changed = Signal()

    def __init__(
        self, caption: str = "", placeholder: str = "No picture yet", parent: QWidget | None = None
    ) -> None:
        super().__init__(caption, placeholder, parent)
        self.tool: Tool = "view"
        self.brush = 24
        self._region: QRect | None = None
        self._mask: NDArray[np.bool_] | None = None
        self._shade = QImage()
        self._from: QPointF | None = None

    @property
    def region(self) -> QRect | None:
        return self._region

    def set_region(self, region: QRect | None) -> None:
        """Show `region`, in image pixels; emits nothing."""
        self._region = region
        self.update()

    @property
    def ignored(self) -> NDArray[np.bool_] | None:
        return self._mask

    def set_ignored(self, mask: NDArray[np.bool_] | None) -> None:
        """Show `mask`, bool [H, W] of the image's size; emits nothing."""
        self._mask = None if mask is None else mask.copy()
        self._shade_mask()

    def set_tool(self, tool: Tool) -> None:
        """What the mouse does: move the view, draw the region, paint or erase the mask (`brush` px wide)."""
        self.tool = tool
        self.setCursor(Qt.CursorShape.ArrowCursor if tool == "view" else Qt.CursorShape.CrossCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.tool == "view" or self.image_size.isEmpty():
            super().mousePressEvent(event)
            return
        self._from = self.to_image(event.position())
        if self.tool != "region":
            self._stroke(self._from, self._from)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is None:
            super().mouseMoveEvent(event)
            return
        now = self.to_image(event.position())
        if self.tool == "region":
            self._region = self._rectangle(self._from, now)
            self.update()
        else:
            self._stroke(self._from, now)
            self._from = now

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._from is None:
            super().mouseReleaseEvent(event)
            return
        if self.tool == "region":
            self._region = self._rectangle(self._from, self.to_image(event.position()))
            self.region_changed.emit(self._region)
            self.update()
        else:
            self.ignored_changed.emit()
        self._from = None

    def paint_above(self, painter: QPainter) -> None:
        shape = self.to_screen()
        if not self._shade.isNull():
            painter.drawImage(shape.mapRect(QRectF(self._shade.rect())), self._shade)
        if self._region is not None:
            for color, width in ((QColor("#000000"), 4.0), (QColor(palette.ACCENT), 2.0)):
                painter.setPen(QPen(color, width))
                painter.drawRect(shape.mapRect(QRectF(self._region)))

    def _rectangle(self, first: QPointF, second: QPointF) -> QRect | None:
        size = self.image_size
        left, right = sorted((round(first.x()), round(second.x())))
        top, bottom = sorted((round(first.y()), round(second.y())))
        drawn = QRect(left, top, right - left, bottom - top).intersected(
            QRect(0, 0, size.width(), size.height())
        )
        return drawn if drawn.width() >= 8 and drawn.height() >= 8 else None

    def _stroke(self, start: QPointF, end: QPointF) -> None:
        size = self.image_size
        if self._mask is None or self._mask.shape != (size.height(), size.width()):
            self._mask = np.zeros((size.height(), size.width()), dtype=np.bool_)
        canvas = self._mask.astype(np.uint8)
        points = ((round(start.x()), round(start.y())), (round(end.x()), round(end.y())))
        cv2.line(canvas, *points, 1 if self.tool == "paint" else 0, self.brush)
        self._mask = canvas > 0
        self._shade_mask()

    def _shade_mask(self) -> None:
        if self._mask is None:
            self._shade = QImage()
        else:
            height, width = self._mask.shape
            pixels = np.zeros((height, width, 4), dtype=np.uint8)
            pixels[self._mask] = (150, 100, 20, 150)
            kind = QImage.Format.Format_ARGB32_Premultiplied
            self._shade = QImage(pixels.data, width, height, 4 * width, kind).copy()
        self.update()
