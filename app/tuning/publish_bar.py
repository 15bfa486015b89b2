"""Publishing the thresholds as the recipe's next version."""

from PySide6.QtCore import QSettings, Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from app.history.labelling import person
from app.theme import palette
from app.widgets import Card, button, label


class PublishBar(Card):
    """Reason, name and button; publishing needs a change and a reason.

    Signals:
        publish_asked(reason, author)
    """

    publish_asked = Signal(str, str)

    def __init__(self, settings: QSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent, margin=palette.SPACE_S)
        self._changed = False
        self.state = label("", "muted", wrap=True)
        self.reason = QLineEdit()
        self.reason.setPlaceholderText("Reason for the change")
        self.reason.setMaxLength(300)
        self.author = QLineEdit(person(settings))
        self.author.setPlaceholderText("Your name")
        self.author.editingFinished.connect(
            lambda: settings.setValue("person/name", self.author.text().strip())
        )
        self.publish = button("Publish", "publish", self._publish, role="primary")
        self.reason.textChanged.connect(self._enable)
        self.author.textChanged.connect(self._enable)
        grid = QGridLayout()
        grid.setSpacing(palette.SPACE_XS)
        grid.addWidget(self.reason, 0, 0, 1, 2)
        grid.addWidget(self.author, 1, 0)
        grid.addWidget(self.publish, 1, 1)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self.body.addWidget(self.state)
        self.body.addLayout(grid)

    def show_change(self, version: int, newest: int, changed: bool) -> None:
        """The active version, the newest, and whether there is anything to publish."""
        self._changed = changed
        self.publish.setText(f"Publish version {newest + 1}")
        self.state.setText(
            "Changed, not published yet."
            if changed
            else f"These are the thresholds of version {version}, the active one."
        )
        self._enable()

    def published(self) -> None:
        self.reason.clear()

    def _enable(self, _text: str = "") -> None:
        said = bool(self.reason.text().strip()) and bool(self.author.text().strip())
        self.publish.setEnabled(self._changed and said)
        self.publish.setToolTip("" if said else "Give a reason and your name first")

    def _publish(self) -> None:
        self.publish_asked.emit(self.reason.text().strip(), self.author.text().strip())
