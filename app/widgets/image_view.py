"""A picture with an anomaly map and contours over it, zoomed with the wheel and moved with the mouse."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import font, palette
from app.theme.fonts import BODY, SMALL
from app.widgets.rasters import heat_image, to_qimage

MAX_ZOOM = 32.0
CAPTION_HEIGHT = 26


class ImageView(QWidget):
    """Shows an RGB image, aspect kept, with optional overlay, contours and caption.

    Text and lines are drawn in screen pixels, so that zooming never blurs them; beyond twice its size the
    image is shown as sharp pixels.

    Signals:
        view_changed(zoom, centre): zoom relative to fitting, centre as a fraction of the image (QPointF).
        clicked(point): image pixel (QPointF) of a click that moved nothing.
    """

    view_changed = Signal(float, QPointF)
    clicked = Signal(QPointF)

    def __init__(
        self, caption: str = "", placeholder: str = "No picture yet", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.caption = caption
        self.placeholder = placeholder
        self._image = QImage()
        self._heat = QImage()
        self._contours: list[QPolygonF] = []
        self._opacity = 0.7
        self._overlay_shown = True
        self._zoom = 1.0
        self._centre = QPointF(0.5, 0.5)
        self._pressed_at: QPointF | None = None
        self._dragged = False
        self._ground: QPixmap | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 90)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setToolTip("Wheel: zoom · drag: move · double click: fit")

    def sizeHint(self) -> QSize:
        return QSize(480, 480)

    # what is shown

    def set_image(self, image: NDArray[np.uint8] | None) -> None:
        """Show uint8 RGB [H, W, 3] or grey [H, W]; None shows the placeholder. Overlay and contours are kept
        only where the size stays the same."""
        before = self._image.size()
        self._image = QImage() if image is None else to_qimage(image)
        if self._image.size() != before:
            self._heat, self._contours = QImage(), []
        self._refresh()

    def set_map(self, anomaly_map: NDArray[np.float32] | None, pixel_threshold: float = 0.5) -> None:
        """Lay a raw anomaly map float32 [H, W] over the image, on a scale fixed by `pixel_threshold`."""
        self._heat = QImage() if anomaly_map is None else heat_image(anomaly_map, pixel_threshold)
        self._refresh()

    def set_contours(self, contours: Sequence[NDArray[np.float32]]) -> None:
        """Draw closed outlines, each [N, 2] as x, y in image pixels."""
        self._contours = [
            QPolygonF([QPointF(x + 0.5, y + 0.5) for x, y in line.tolist()]) for line in contours
        ]
        self.update()

    def set_placeholder(self, text: str) -> None:
        """What stands in place of the image while there is none."""
        self.placeholder = text
        self.update()

    @property
    def image_size(self) -> QSize:
        """Width and height of the image in its own pixels; empty where there is none."""
        return self._image.size()

    # overlay

    @property
    def overlay_shown(self) -> bool:
        return self._overlay_shown

    def set_overlay_shown(self, shown: bool) -> None:
        """Show or hide anomaly map and contours."""
        self._overlay_shown = shown
        self._refresh()

    def set_opacity(self, opacity: float) -> None:
        """Cover of the anomaly map, 0 (clear) to 1."""
        self._opacity = min(max(opacity, 0.0), 1.0)
        self._refresh()

    # zoom and position

    def fit(self) -> None:
        """Show the whole image."""
        self.set_view(1.0, QPointF(0.5, 0.5))
        self.view_changed.emit(self._zoom, self._centre)

    def set_view(self, zoom: float, centre: QPointF) -> None:
        """Take over zoom and centre, e.g. of a neighbour; emits nothing."""
        self._zoom = min(max(zoom, 1.0), MAX_ZOOM)
        margin = 0.5 / self._zoom
        x, y = (min(max(value, margin), 1.0 - margin) for value in (centre.x(), centre.y()))
        self._centre = QPointF(x, y)
        self._refresh()

    def follow(self, other: "ImageView") -> None:
        """Zoom and move together with `other`."""
        other.view_changed.connect(self.set_view)
        self.view_changed.connect(other.set_view)

    def to_screen(self) -> QTransform:
        """From image pixels to widget coordinates."""
        box, size = self._picture_box(), self._image.size()
        if size.isEmpty() or box.isEmpty():
            return QTransform()
        scale = min(box.width() / size.width(), box.height() / size.height()) * self._zoom
        moved = QTransform.fromTranslate(box.center().x(), box.center().y())
        moved.scale(scale, scale)
        moved.translate(-self._centre.x() * size.width(), -self._centre.y() * size.height())
        return moved

    def to_image(self, point: QPointF) -> QPointF:
        """From widget coordinates to image pixels."""
        return self.to_screen().inverted()[0].map(point)

    # events

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._image.isNull():
            return
        under = self.to_image(event.position())
        zoom = min(max(self._zoom * 1.2 ** (event.angleDelta().y() / 120.0), 1.0), MAX_ZOOM)
        kept = self._zoom / zoom
        size = self._image.size()
        target = QPointF(under.x() / size.width(), under.y() / size.height())
        self.set_view(zoom, target + (self._centre - target) * kept)
        self.view_changed.emit(self._zoom, self._centre)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed_at, self._dragged = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed_at is None or self._image.isNull():
            return
        step = self.to_image(self._pressed_at) - self.to_image(event.position())
        size = self._image.size()
        self._dragged = self._dragged or (event.position() - self._pressed_at).manhattanLength() > 4
        if self._dragged:
            self.set_view(
                self._zoom, self._centre + QPointF(step.x() / size.width(), step.y() / size.height())
            )
            self.view_changed.emit(self._zoom, self._centre)
            self._pressed_at = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed_at is not None and not self._dragged and not self._image.isNull():
            self.clicked.emit(self.to_image(event.position()))
        self._pressed_at = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._refresh()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(palette.SURFACE))
        if self._image.isNull():
            painter.setPen(QColor(palette.MUTED))
            painter.setFont(font(BODY))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(16, CAPTION_HEIGHT, -16, -16), flags, self.placeholder)
        else:
            if self._ground is None:
                self._ground = self._draw_ground()
            painter.drawPixmap(0, 0, self._ground)
            self._paint_contours(painter)
            self.paint_above(painter)
        self._paint_caption(painter)
        painter.end()

    def paint_above(self, painter: QPainter) -> None:
        """For subclasses: paint over image and contours, in widget coordinates."""

    # drawing

    def _picture_box(self) -> QRectF:
        top = CAPTION_HEIGHT if self.caption else 0
        return QRectF(0, top, self.width(), max(0, self.height() - top))

    def _refresh(self) -> None:
        self._ground = None
        self.update()

    def _draw_ground(self) -> QPixmap:
        """Image and overlay at screen size, drawn once and kept: contours and tools repaint above it."""
        ratio = self.devicePixelRatioF()
        ground = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        ground.setDevicePixelRatio(ratio)
        ground.fill(QColor(palette.SURFACE))
        painter = QPainter(ground)
        painter.setClipRect(self._picture_box())
        shape = self.to_screen()
        smooth = shape.m11() * ratio < 2.0
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        target = shape.mapRect(QRectF(self._image.rect()))
        painter.drawImage(target, self._image)
        if self._overlay_shown and not self._heat.isNull() and self._opacity > 0.0:
            painter.setOpacity(self._opacity)
            painter.drawImage(target, self._heat)
        painter.end()
        return ground

    def _paint_contours(self, painter: QPainter) -> None:
        if not self._contours or not self._overlay_shown:
            return
        painter.save()
        painter.setClipRect(self._picture_box())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shape = self.to_screen()
        for color, width in (("#000000", 4.0), ("#ffffff", 2.0)):
            painter.setPen(QPen(QColor(color), width))
            for contour in self._contours:
                painter.drawPolygon(shape.map(contour))
        painter.restore()

    def _paint_caption(self, painter: QPainter) -> None:
        if not self.caption:
            return
        strip = QRectF(0, 0, self.width(), CAPTION_HEIGHT)
        painter.fillRect(strip, QColor(palette.RAISED))
        painter.setFont(font(SMALL + 1, bold=True))
        painter.setPen(QColor(palette.TEXT))
        inside = strip.adjusted(10, 0, -10, 0)
        text = painter.fontMetrics().elidedText(
            self.caption, Qt.TextElideMode.ElideRight, int(inside.width())
        )
        painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
