"""The warning that good parts no longer score as they did at calibration."""

from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from app.theme import palette, pixmap
from app.widgets import ElidedLabel
from inspector_core.inspection.drift import CENTRAL, WINDOW, Drift


class DriftHint(QWidget):
    """One line, hidden while there is no drift; the tool tip has the figures."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        sign = QLabel()
        sign.setPixmap(pixmap("warning", 20, palette.REVIEW))
        self.text = ElidedLabel()
        self.text.setStyleSheet(f"color: {palette.REVIEW};")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(palette.SPACE_S)
        row.addWidget(sign)
        row.addWidget(self.text, 1)
        self.hide()

    def show_drift(self, drift: Drift | None) -> None:
        """Warn of `drift`; None takes the warning away."""
        if drift is not None:
            way = "high" if drift.upwards else "low"
            self.text.setText(f"Good parts score unusually {way}: check light and lens.")
            self.text.setToolTip(_explained(drift))
        self.setVisible(drift is not None)


def _explained(drift: Drift) -> str:
    risk = "Good parts may be rejected." if drift.upwards else "Defects may be missed."
    return (
        f"The last {WINDOW} good parts have the median score {drift.median:.5g}; at calibration the middle "
        f"{CENTRAL:.0%} lay between {drift.low:.5g} and {drift.high:.5g}. {risk} Check light, lens, position "
        "and supply of the parts; where all is as it should be, calibrate afresh."
    )
