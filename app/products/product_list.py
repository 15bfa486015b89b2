"""The products at the left: name, active version, and a sign on the one that runs."""

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.theme import font, paint_icon, palette

ENTRY = Qt.ItemDataRole.UserRole + 1
HEIGHT = 60
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Entry:
    """One product in the list."""

    name: str
    about: str
    running: bool = False


class ProductList(QListWidget):
    """Shows entries; the text of each item is the product's name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setItemDelegate(_EntryDelegate(self))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_entries(self, entries: list[Entry], chosen: str) -> None:
        """Replace all, with `chosen` selected where it is among them; emits nothing."""
        self.blockSignals(True)
        self.clear()
        for entry in entries:
            item = QListWidgetItem(entry.name)
            item.setData(ENTRY, entry)
            item.setToolTip(f"{entry.name}\n{entry.about}")
            self.addItem(item)
            if entry.name == chosen:
                self.setCurrentItem(item)
        if self.currentItem() is None and entries:
            self.setCurrentRow(0)
        self.blockSignals(False)

    def chosen(self) -> str:
        """The selected product's name; empty where there is none."""
        item = self.currentItem()
        return "" if item is None else item.text()


class _EntryDelegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(100, HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        entry = index.data(ENTRY)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if selected or hovered:
            painter.fillRect(option.rect, QColor(palette.ACCENT_STRONG if selected else palette.RAISED))
        box = QRectF(option.rect).adjusted(12, 8, -12, -8)
        if entry.running:
            sign = QRectF(box.right() - 22, box.center().y() - 11, 22, 22)
            paint_icon(painter, "running", sign, "#ffffff" if selected else palette.OK)
            box.setRight(sign.left() - 8)
        for text, size, bold, top in ((entry.name, 16, True, 0.0), (entry.about, 13, False, 24.0)):
            painter.setFont(font(size, bold=bold))
            painter.setPen(QColor("#ffffff" if selected else palette.TEXT if bold else palette.MUTED))
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(box.width()))
            painter.drawText(
                QRectF(box.left(), box.top() + top, box.width(), 22), Qt.AlignmentFlag.AlignVCenter, shown
            )
        painter.restore()
