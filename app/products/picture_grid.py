"""Pictures as a grid of thumbnails with what is wrong with them; a click leaves one out or takes it in."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.products.picture_check import Picture
from app.theme import font, paint_icon, palette
from app.theme.fonts import SMALL
from app.widgets.rasters import to_qimage

PICTURE = Qt.ItemDataRole.UserRole + 1
IMAGE = Qt.ItemDataRole.UserRole + 2
CELL = QSize(142, 164)
Index = QModelIndex | QPersistentModelIndex


class PictureGrid(QListWidget):
    """Shows pictures with a tick for those that are used.

    Signals:
        toggled(index): the person wants the picture in or out.
    """

    toggled = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setViewMode(QListWidget.ViewMode.IconMode)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setMovement(QListWidget.Movement.Static)
        self.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.setSpacing(2)
        self.setItemDelegate(_PictureDelegate(self))
        self.setMouseTracking(True)
        self.itemClicked.connect(lambda item: self.toggled.emit(self.row(item)))

    def show_pictures(self, pictures: list[Picture]) -> None:
        """Show `pictures` in their order; thumbnails that stay are kept."""
        while self.count() > len(pictures):
            self.takeItem(self.count() - 1)
        for row, picture in enumerate(pictures):
            item = self.item(row)
            if item is None:
                item = QListWidgetItem()
                item.setSizeHint(CELL)
                self.addItem(item)
            before = item.data(PICTURE)
            if before is None or before.thumbnail is not picture.thumbnail:
                thumbnail = picture.thumbnail
                item.setData(IMAGE, QImage() if thumbnail is None else to_qimage(thumbnail))
            item.setData(PICTURE, picture)
            does = "Click to leave it out." if picture.used else "Click to use it all the same."
            does = does if picture.readable else "It can't be used."
            about = f"{picture.path.name}\n{picture.problem or 'fine'}\n{does}"
            item.setToolTip(about)


class _PictureDelegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return CELL

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        picture = index.data(PICTURE)
        image = index.data(IMAGE)
        if picture is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        box = QRectF(option.rect).adjusted(4, 4, -4, -4)
        room = QRectF(box.left(), box.top(), box.width(), box.width() - 18)
        painter.fillRect(room, QColor(palette.RAISED))
        if not image.isNull():
            size = image.size().scaled(room.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRectF(0, 0, size.width(), size.height())
            target.moveCenter(room.center())
            painter.setOpacity(1.0 if picture.used else 0.35)
            painter.drawImage(target, image)
            painter.setOpacity(1.0)
        sign = QRectF(room.right() - 26, room.top() + 4, 22, 22)
        if picture.used:
            paint_icon(painter, "verdict-pass", sign, palette.ACCENT_STRONG, "#ffffff")
        else:
            paint_icon(painter, "remove", sign, palette.REVIEW)
        edge = palette.REVIEW if picture.problem else palette.LINE
        painter.setPen(QPen(QColor(edge), 1.5 if picture.problem else 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(room)
        self._words(painter, picture, QRectF(box.left(), room.bottom() + 3, box.width(), 40))
        painter.restore()

    def _words(self, painter: QPainter, picture: Picture, box: QRectF) -> None:
        painter.setFont(font(SMALL))
        metrics = painter.fontMetrics()
        name = metrics.elidedText(picture.path.name, Qt.TextElideMode.ElideMiddle, int(box.width()))
        painter.setPen(QColor(palette.MUTED))
        painter.drawText(QRectF(box.left(), box.top(), box.width(), 16), Qt.AlignmentFlag.AlignVCenter, name)
        if picture.problem:
            said = metrics.elidedText(picture.problem, Qt.TextElideMode.ElideRight, int(box.width()))
            painter.setPen(QColor(palette.REVIEW))
            line = QRectF(box.left(), box.top() + 17, box.width(), 16)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, said)
