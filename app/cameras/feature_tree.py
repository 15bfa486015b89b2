"""The features of a camera as a tree with search; numbers show their range, and edits ask the camera."""

import re

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QBrush, QColor, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from app.theme import palette
from app.widgets import button, label
from inspector_core.cameras.camera import Feature, FeatureValue

Index = QModelIndex | QPersistentModelIndex
FEATURE = Qt.ItemDataRole.UserRole + 1


class FeatureTree(QWidget):
    """Shows features by category; what is edited is asked for, and shown once the camera has it.

    Signals:
        change_asked(name, value): the person wants this value; for a command, that it is executed.
        refused(sentence): what was typed is no value of that kind.
    """

    change_asked = Signal(str, object)
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._features: dict[str, Feature] = {}
        self._items: dict[str, tuple[QStandardItem, QStandardItem]] = {}
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search features, e.g. Exposure")
        self.search.setClearButtonEnabled(True)
        self._model = QStandardItemModel(0, 2, self)
        self._model.setHorizontalHeaderLabels(["Feature", "Value"])
        self.proxy = QSortFilterProxyModel(self)
        self.proxy.setSourceModel(self._model)
        self.proxy.setRecursiveFilteringEnabled(True)
        self.proxy.setFilterRole(FEATURE)
        self.proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search.textChanged.connect(self._filter)
        self.tree = self._build_tree()
        self.about = label("Choose a feature to see its range.", "muted", wrap=True)
        self.about.setMinimumHeight(58)
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.execute = button("Execute", "start", self._execute)
        self.execute.hide()
        below = QHBoxLayout()
        below.addWidget(self.about, 1)
        below.addWidget(self.execute, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(palette.SPACE_S)
        column.addWidget(self.search)
        column.addWidget(self.tree, 1)
        column.addLayout(below)

    def set_features(self, features: list[Feature]) -> None:
        """Show `features`; where they are the same ones, only the values change and the view stays."""
        same = [feature.name for feature in features] == list(self._features)
        self._features = {feature.name: feature for feature in features}
        if not same:
            self._fill(features)
        for feature in features:
            self._show_value(feature)
        self._describe()

    def feature(self, name: str) -> Feature | None:
        """The feature as the camera last told it."""
        return self._features.get(name)

    def index_of(self, name: str) -> QModelIndex:
        """The value's place in the tree."""
        return self.proxy.mapFromSource(self._items[name][1].index())

    def ask(self, feature: Feature, text: str) -> None:
        """Turn what was typed into a value and ask for it."""
        try:
            value = parse(feature, text)
        except ValueError as error:
            self.refused.emit(str(error))
            return
        if value != feature.value:
            self.change_asked.emit(feature.name, value)

    def _build_tree(self) -> QTreeView:
        tree = QTreeView()
        tree.setModel(self.proxy)
        tree.setAlternatingRowColors(True)
        tree.setUniformRowHeights(True)
        tree.setIndentation(14)
        tree.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        tree.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.SelectedClicked
        )
        tree.setItemDelegateForColumn(1, _ValueDelegate(self))
        tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Interactive)
        tree.header().setStretchLastSection(False)
        tree.header().resizeSection(1, 128)
        tree.selectionModel().currentChanged.connect(lambda *_: self._describe())
        return tree

    def _fill(self, features: list[Feature]) -> None:
        self._model.removeRows(0, self._model.rowCount())
        self._items.clear()
        categories: dict[str, QStandardItem] = {}
        for feature in features:
            title = spaced(feature.category) or "Other"
            if title not in categories:
                categories[title] = _fixed(title)
                font = categories[title].font()
                font.setBold(True)
                categories[title].setFont(font)
                self._model.appendRow([categories[title], _fixed("")])
            name, value = _fixed(spaced(feature.name)), QStandardItem()
            for item in (name, value):
                item.setData(feature.name, FEATURE)
            name.setToolTip(feature.name)
            categories[title].appendRow([name, value])
            self._items[feature.name] = (name, value)
        self._unfold()

    def _show_value(self, feature: Feature) -> None:
        _, value = self._items[feature.name]
        value.setText(shown_value(feature))
        value.setEditable(feature.writable and feature.kind != "command")
        value.setForeground(QBrush(QColor(palette.TEXT if feature.writable else palette.MUTED)))
        value.setToolTip(in_words(feature))

    def _filter(self, text: str) -> None:
        wanted = text.strip().replace(" ", "")
        self.proxy.setFilterFixedString(wanted)
        self._unfold()

    def _unfold(self) -> None:
        """Open all categories, whose names may take the whole width."""
        self.tree.expandAll()
        for row in range(self.proxy.rowCount()):
            self.tree.setFirstColumnSpanned(row, QModelIndex(), True)

    def _chosen(self) -> Feature | None:
        return self._features.get(self.tree.currentIndex().data(FEATURE) or "")

    def _describe(self) -> None:
        feature = self._chosen()
        self.about.setText("Choose a feature to see its range." if feature is None else in_words(feature))
        self.execute.setVisible(feature is not None and feature.kind == "command")
        self.execute.setEnabled(feature is not None and feature.writable)

    def _execute(self) -> None:
        feature = self._chosen()
        if feature is not None:
            self.change_asked.emit(feature.name, True)


class _ValueDelegate(QStyledItemDelegate):
    """A list for what has choices, a line for the rest; the model is left to the camera's answer."""

    def __init__(self, tree: FeatureTree) -> None:
        super().__init__(tree)
        self._tree = tree

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        feature = self._tree.feature(index.data(FEATURE) or "")
        if feature is None:
            return QWidget(parent)
        choices = ("True", "False") if feature.kind == "boolean" else feature.choices
        if choices:
            box = QComboBox(parent)
            box.addItems(choices)
            box.activated.connect(lambda _: self._finish(box))
            return box
        line = QLineEdit(parent)
        line.setToolTip(in_words(feature))
        return line

    def _finish(self, editor: QWidget) -> None:
        self.commitData.emit(editor)
        self.closeEditor.emit(editor)

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        feature = self._tree.feature(index.data(FEATURE) or "")
        text = "" if feature is None or feature.value is None else str(feature.value)
        if isinstance(editor, QComboBox):
            editor.setCurrentText(text)
        elif isinstance(editor, QLineEdit):
            editor.setText(text)

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        feature = self._tree.feature(index.data(FEATURE) or "")
        text = editor.currentText() if isinstance(editor, QComboBox) else editor.property("text")
        if feature is not None:
            self._tree.ask(feature, str(text))


def parse(feature: Feature, text: str) -> FeatureValue:
    """What was typed, as the feature's kind of value. Raises ValueError with a sentence."""
    text = text.strip()
    try:
        if feature.kind == "integer":
            return int(text, 0)
        if feature.kind == "float":
            return float(text.replace(",", "."))
    except ValueError:
        kind = "a whole number" if feature.kind == "integer" else "a number"
        raise ValueError(f"{spaced(feature.name)} needs {kind}, not “{text}”.") from None
    return text == "True" if feature.kind == "boolean" else text


def shown_value(feature: Feature) -> str:
    """The value with its unit."""
    if feature.kind == "command":
        return "(command)"
    if feature.value is None:
        return "–"
    text = f"{feature.value:g}" if isinstance(feature.value, float) else str(feature.value)
    return f"{text} {feature.unit}".strip()


def in_words(feature: Feature) -> str:
    """What a feature is and what it may be."""
    said = [spaced(feature.name) + ("." if feature.writable else ": can't be changed now.")]
    if feature.kind in ("integer", "float") and feature.minimum is not None and feature.maximum is not None:
        step = f" in steps of {feature.increment:g}" if feature.increment and feature.increment != 1 else ""
        said.append(f"From {feature.minimum:g} to {feature.maximum:g} {feature.unit}".rstrip() + f"{step}.")
    if feature.choices:
        said.append("One of " + ", ".join(feature.choices) + ".")
    if feature.description:
        said.append(feature.description.strip().rstrip(".") + ".")
    return " ".join(said)


def spaced(name: str) -> str:
    """`AcquisitionFrameRate` as `Acquisition Frame Rate`; capitals in a row stay together."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)


def _fixed(text: str) -> QStandardItem:
    item = QStandardItem(text)
    item.setEditable(False)
    return item
