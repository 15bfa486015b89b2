"""The style sheet, written once from the palette."""

from pathlib import Path

from app.theme import palette as p


def stylesheet(icons: Path) -> str:
    """Qt style sheet of the whole application; `icons` is the folder of the SVG files."""
    text = _BASE + _BUTTONS + _INPUTS + _LISTS + _SHELL
    for mark, name in (
        ("CHECK_ICON", "check.svg"),
        ("ARROW_ICON", "arrow-down.svg"),
        ("ARROW_UP_ICON", "arrow-up.svg"),
    ):
        text = text.replace(mark, (icons / name).as_posix())
    return text


_BASE = f"""
* {{ outline: 0; }}
QWidget {{ background: {p.GROUND}; color: {p.TEXT}; selection-background-color: {p.ACCENT_STRONG};
    selection-color: #ffffff; }}
QLabel {{ background: transparent; }}
QLabel[role="muted"] {{ color: {p.MUTED}; }}
QLabel[role="title"] {{ font-size: 22px; font-weight: 600; }}
QLabel[role="section"] {{ font-size: 16px; font-weight: 600; }}
QLabel[role="number"] {{ font-size: 28px; font-weight: 600; }}
QFrame[role="card"] {{ background: {p.SURFACE}; border: 1px solid {p.LINE}; border-radius: {p.RADIUS}px; }}
QFrame[role="card"] QLabel, QFrame[role="card"] QCheckBox, QFrame[role="card"] QRadioButton,
    QFrame[role="card"] QSlider {{ background: transparent; }}
QFrame[role="line"] {{ background: {p.LINE}; border: 0; max-height: 1px; min-height: 1px; }}
QToolTip {{ background: {p.RAISED}; color: {p.TEXT}; border: 1px solid {p.LINE}; padding: 6px; }}
QSplitter::handle {{ background: {p.LINE}; }}
QSplitter::handle:hover {{ background: {p.ACCENT}; }}
"""

_BUTTONS = f"""
QPushButton, QToolButton {{ background: {p.RAISED}; color: {p.TEXT}; border: 1px solid {p.LINE};
    border-radius: {p.RADIUS}px; padding: 6px 14px; min-height: 24px; }}
QPushButton:hover, QToolButton:hover {{ background: {p.PRESSED}; border-color: {p.MUTED}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {p.SURFACE}; }}
QPushButton:checked, QToolButton:checked {{ background: {p.ACCENT_STRONG}; border-color: {p.ACCENT};
    color: #ffffff; }}
QPushButton:focus, QToolButton:focus {{ border-color: {p.ACCENT}; }}
QPushButton:disabled, QToolButton:disabled {{ background: {p.SURFACE}; color: {p.DISABLED};
    border-color: {p.RAISED}; }}
QPushButton[role="primary"] {{ background: {p.ACCENT_STRONG}; border-color: {p.ACCENT_STRONG}; color: #ffffff;
    font-weight: 600; }}
QPushButton[role="primary"]:hover {{ background: #2b80e6; border-color: {p.ACCENT}; }}
QPushButton[role="danger"] {{ border-color: {p.NG}; color: #ff8f90; }}
QPushButton[role="danger"]:hover {{ background: #46191c; }}
QPushButton[role="primary"]:disabled, QPushButton[role="danger"]:disabled {{ background: {p.SURFACE};
    color: {p.DISABLED}; border-color: {p.RAISED}; }}
QPushButton[size="touch"] {{ min-height: {p.TOUCH - 14}px; font-size: 16px; font-weight: 600; }}
QToolButton {{ padding: 4px 8px; }}
"""

_INPUTS = f"""
QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox, QDateTimeEdit, QDateEdit {{
    background: {p.SURFACE}; color: {p.TEXT}; border: 1px solid {p.LINE}; border-radius: {p.RADIUS}px;
    padding: 4px 8px; min-height: 26px; }}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus,
    QDateTimeEdit:focus, QDateEdit:focus {{ border-color: {p.ACCENT}; }}
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled, QDateTimeEdit:disabled {{
    color: {p.DISABLED}; border-color: {p.RAISED}; }}
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button {{
    border: 0; width: 24px; background: transparent; }}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{ image: url(ARROW_UP_ICON); width: 11px; height: 11px; }}
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {{ image: url(ARROW_ICON); width: 11px; height: 11px; }}
QLineEdit[invalid="true"], QComboBox[invalid="true"] {{ border-color: {p.NG}; }}
QComboBox::drop-down, QDateTimeEdit::drop-down, QDateEdit::drop-down {{ border: 0; width: 26px; }}
QComboBox::down-arrow, QDateTimeEdit::down-arrow, QDateEdit::down-arrow {{ image: url(ARROW_ICON);
    width: 14px; height: 14px; }}
QComboBox QAbstractItemView {{ background: {p.RAISED}; border: 1px solid {p.LINE}; padding: 4px; }}
QCheckBox, QRadioButton {{ spacing: 8px; min-height: 24px; }}
QCheckBox::indicator, QRadioButton::indicator {{ width: 18px; height: 18px; border: 1px solid {p.MUTED};
    background: {p.SURFACE}; }}
QCheckBox::indicator {{ border-radius: 4px; }}
QRadioButton::indicator {{ border-radius: 10px; }}
QCheckBox::indicator:checked {{ background: {p.ACCENT_STRONG}; border-color: {p.ACCENT};
    image: url(CHECK_ICON); }}
QRadioButton::indicator:checked {{ background: {p.ACCENT}; border: 5px solid {p.SURFACE}; width: 10px;
    height: 10px; }}
QSlider {{ background: transparent; min-height: 26px; }}
QSlider::groove:horizontal {{ height: 6px; border-radius: 3px; background: {p.LINE}; }}
QSlider::sub-page:horizontal {{ background: {p.ACCENT_STRONG}; border-radius: 3px; }}
QSlider::handle:horizontal {{ width: 18px; height: 18px; margin: -6px 0; border-radius: 9px;
    background: {p.TEXT}; }}
QSlider::handle:horizontal:disabled {{ background: {p.DISABLED}; }}
QProgressBar {{ background: {p.SURFACE}; border: 1px solid {p.LINE}; border-radius: {p.RADIUS}px;
    min-height: 22px; text-align: center; color: {p.TEXT}; }}
QProgressBar::chunk {{ background: {p.ACCENT_STRONG}; border-radius: {p.RADIUS - 1}px; }}
"""

_LISTS = f"""
QTableView, QTreeView, QListView {{ background: {p.SURFACE}; alternate-background-color: #1e2630;
    border: 1px solid {p.LINE}; border-radius: {p.RADIUS}px; gridline-color: {p.RAISED}; }}
QTableView::item, QTreeView::item, QListView::item {{ padding: 4px 8px; }}
QTableView::item:selected, QTreeView::item:selected, QListView::item:selected {{
    background: {p.ACCENT_STRONG}; color: #ffffff; }}
QHeaderView {{ background: {p.RAISED}; }}
QHeaderView::section {{ background: {p.RAISED}; color: {p.MUTED}; border: 0; border-right: 1px solid {p.LINE};
    padding: 6px 8px; font-weight: 600; }}
QTableCornerButton::section {{ background: {p.RAISED}; border: 0; }}
QTabWidget::pane {{ border: 1px solid {p.LINE}; border-radius: {p.RADIUS}px; }}
QTabBar::tab {{ background: {p.SURFACE}; color: {p.MUTED}; border: 1px solid {p.LINE}; padding: 7px 16px; }}
QTabBar::tab:selected {{ background: {p.RAISED}; color: {p.TEXT}; border-bottom: 2px solid {p.ACCENT}; }}
QScrollArea {{ border: 0; }}
QScrollBar:vertical {{ background: {p.GROUND}; width: 12px; margin: 0; }}
QScrollBar:horizontal {{ background: {p.GROUND}; height: 12px; margin: 0; }}
QScrollBar::handle {{ background: {p.LINE}; border-radius: 5px; margin: 1px; }}
QScrollBar::handle:vertical {{ min-height: 32px; }}
QScrollBar::handle:horizontal {{ min-width: 32px; }}
QScrollBar::handle:hover {{ background: {p.MUTED}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QMenu {{ background: {p.RAISED}; border: 1px solid {p.LINE}; padding: 4px; }}
QMenu::item {{ padding: 6px 24px; border-radius: 4px; }}
QMenu::item:selected {{ background: {p.ACCENT_STRONG}; }}
QGroupBox {{ border: 1px solid {p.LINE}; border-radius: {p.RADIUS}px; margin-top: 14px; padding: 12px;
    font-weight: 600; }}
QGroupBox::title {{ subcontrol-origin: margin; left: 10px; padding: 0 4px; color: {p.MUTED}; }}
"""

_SHELL = f"""
QFrame#rail {{ background: {p.SURFACE}; border-right: 1px solid {p.LINE}; }}
QFrame#rail QLabel {{ color: {p.MUTED}; }}
QFrame#rail QToolButton {{ background: transparent; border: 0; border-left: 4px solid transparent;
    border-radius: 0; padding: 10px 2px; color: {p.MUTED}; font-size: 14px; }}
QFrame#rail QToolButton:hover {{ background: {p.RAISED}; color: {p.TEXT}; }}
QFrame#rail QToolButton:checked {{ background: {p.RAISED}; color: #ffffff;
    border-left: 4px solid {p.ACCENT}; }}
QFrame#rail QToolButton:focus {{ border-right: 4px solid {p.ACCENT}; }}
QStatusBar {{ background: {p.SURFACE}; border-top: 1px solid {p.LINE}; }}
QStatusBar QLabel {{ color: {p.TEXT}; padding: 0 6px; }}
QStatusBar::item {{ border: 0; }}
"""
