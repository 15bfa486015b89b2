"""Banner, score bar, pictures and notices, as a person sees them."""

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage

from app.theme import VERDICT_STYLES, icon_folder, palette, pixmap, verdict_style
from app.theme.stylesheet import stylesheet
from app.widgets import (
    ImageEditor,
    ImageView,
    Notice,
    ScoreBar,
    ThumbnailStrip,
    TrendChart,
    VerdictBanner,
    thumbnail,
)
from app.widgets.rasters import difference, heat_image, outlines, shrink, to_qimage
from app.widgets.verdict_banner import fitting_font
from inspector_core.errors import CameraError
from inspector_core.inspection.verdict import Verdict


def luminance(color: str) -> float:
    """Relative luminance after WCAG 2.1."""
    channels = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in QColor(color).getRgbF()[:3]
    ]
    return float(np.dot(channels, (0.2126, 0.7152, 0.0722)))


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("verdict", Verdict)
def test_the_banner_shows_each_verdict_by_word_colour_and_shape(qtbot, verdict):
    banner = VerdictBanner()
    qtbot.addWidget(banner)
    banner.resize(1200, 150)
    banner.show_verdict(verdict, "Part 7")
    assert banner.word == verdict.shown
    assert banner.accessibleName() == f"{verdict.shown}. Part 7"
    picture = banner.grab().toImage()
    assert picture.pixelColor(1190, 75) == QColor(verdict_style(verdict).color)
    others = [style for kind, style in VERDICT_STYLES.items() if kind is not verdict]
    assert all(style.icon != banner.icon and style.color != banner.color for style in others)


def test_the_shapes_of_the_verdicts_differ_without_colour():
    shapes = []
    for style in VERDICT_STYLES.values():
        image = (
            pixmap(style.icon, 48, "#ffffff", "#000000")
            .toImage()
            .convertToFormat(QImage.Format.Format_Grayscale8)
        )
        shapes.append(
            np.frombuffer(image.constBits(), np.uint8).reshape(48, image.bytesPerLine())[:, :48] > 127
        )
    for first in range(4):
        for second in range(first):
            assert np.mean(shapes[first] != shapes[second]) > 0.05


@pytest.mark.parametrize("style", VERDICT_STYLES.values(), ids=lambda style: style.word)
def test_the_words_on_the_banner_stand_out(style):
    assert contrast(style.color, style.on_color) >= 4.0


@pytest.mark.parametrize("ground", [palette.GROUND, palette.SURFACE, palette.RAISED])
@pytest.mark.parametrize("ink", [palette.TEXT, palette.MUTED])
def test_no_text_is_grey_on_grey(ground, ink):
    assert contrast(ground, ink) >= 7.0


def test_the_word_is_as_large_as_it_fits():
    large, small = (fitting_font("REVIEW", width, 140) for width in (2000, 300))
    assert large.pixelSize() == 140
    assert 18 < small.pixelSize() < 140
    assert QFontMetricsF(small).horizontalAdvance("REVIEW") <= 300


def test_every_icon_file_that_the_style_sheet_names_exists():
    text = stylesheet(icon_folder())
    assert "_ICON" not in text
    for part in text.split("url(")[1:]:
        assert (icon_folder() / part.split(")")[0].rsplit("/", 1)[1]).is_file()


def test_a_picture_on_the_screen_owns_its_pixels():
    array = np.full((4, 6, 3), 200, np.uint8)
    shown = to_qimage(array)
    array[:] = 0
    assert shown.pixelColor(3, 2) == QColor(200, 200, 200)


def test_a_sliced_picture_is_shown_as_it_is():
    array = np.zeros((8, 8, 3), np.uint8)
    array[2:6, 2:6] = (255, 0, 0)
    assert to_qimage(array[2:6, 2:6]).pixelColor(0, 3) == QColor(255, 0, 0)


def test_the_map_is_clear_where_nothing_is_strange_and_its_scale_does_not_depend_on_the_part():
    calm = np.full((4, 4), 0.01, np.float32)
    strange = calm.copy()
    strange[0, 0] = 0.9
    assert heat_image(calm, 0.5).pixelColor(2, 2).alpha() < 10
    assert heat_image(strange, 0.5).pixelColor(2, 2) == heat_image(calm, 0.5).pixelColor(2, 2)
    assert heat_image(strange, 0.5).pixelColor(0, 0).alpha() > 200


def test_a_map_that_is_not_finite_is_painted_as_strange():
    assert heat_image(np.full((2, 2), np.nan, np.float32), 0.5).pixelColor(0, 0).alpha() == 255


def test_the_difference_of_equal_pictures_is_black():
    image = np.random.default_rng(0).integers(0, 255, (5, 5, 3), dtype=np.uint8)
    assert not difference(image, image).any()
    assert difference(image, np.where(image > 250, image, image + 2).astype(np.uint8)).max() == 6


def test_outlines_leave_out_small_areas():
    mask = np.zeros((20, 20), bool)
    mask[2:8, 2:8] = True
    mask[15, 15] = True
    assert len(outlines(mask)) == 2
    (outline,) = outlines(mask, least_area=4)
    assert outline.min() == 2
    assert outline.max() == 7


def test_shrinking_keeps_the_aspect_and_never_enlarges():
    image = np.zeros((600, 800, 3), np.uint8)
    assert shrink(image, 400).shape == (300, 400, 3)
    assert shrink(image, 2000) is image


def test_a_point_of_the_picture_stays_under_the_mouse_while_zooming(qtbot):
    view = ImageView()
    qtbot.addWidget(view)
    view.resize(400, 300)
    view.set_image(np.zeros((200, 200, 3), np.uint8))
    spot = view.to_screen().map(QPointF(60, 80))
    under = view.to_image(spot)
    view.set_view(4.0, QPointF(0.4, 0.4))
    back = view.to_image(view.to_screen().map(under))
    assert (back - under).manhattanLength() < 1e-6
    view.fit()
    assert view.to_screen().map(QPointF(100, 100)) == QPointF(200, 150)


def test_views_that_follow_each_other_zoom_together(qtbot):
    first, second = ImageView(), ImageView()
    for view in (first, second):
        qtbot.addWidget(view)
        view.resize(300, 300)
        view.set_image(np.zeros((50, 50, 3), np.uint8))
    second.follow(first)
    first.set_view(3.0, QPointF(0.3, 0.6))
    first.view_changed.emit(3.0, QPointF(0.3, 0.6))
    assert second.to_screen() == first.to_screen()


def test_hiding_the_map_shows_the_bare_picture(qtbot):
    view = ImageView()
    qtbot.addWidget(view)
    view.resize(200, 200)
    view.set_image(np.full((100, 100, 3), 90, np.uint8))
    view.set_map(np.full((100, 100), 0.9, np.float32), 0.5)
    covered = view.grab().toImage().pixelColor(100, 100)
    view.set_overlay_shown(False)
    assert view.grab().toImage().pixelColor(100, 100) == QColor(90, 90, 90)
    assert covered != QColor(90, 90, 90)


def test_a_region_drawn_with_the_mouse_is_told_in_pixels_of_the_picture(qtbot):
    editor = ImageEditor()
    qtbot.addWidget(editor)
    editor.resize(200, 200)
    editor.set_image(np.zeros((100, 100, 3), np.uint8))
    editor.set_tool("region")
    editor.show()
    qtbot.mousePress(editor, Qt.MouseButton.LeftButton, pos=QPoint(20, 40))
    qtbot.mouseMove(editor, QPoint(100, 120))
    with qtbot.waitSignal(editor.region_changed) as told:
        qtbot.mouseRelease(editor, Qt.MouseButton.LeftButton, pos=QPoint(120, 160))
    assert told.args == [QRect(10, 20, 50, 60)]


def test_painting_the_mask_marks_the_pixels_under_the_brush(qtbot):
    editor = ImageEditor()
    qtbot.addWidget(editor)
    editor.resize(200, 200)
    editor.set_image(np.zeros((100, 100, 3), np.uint8))
    editor.set_tool("paint")
    editor.brush = 10
    with qtbot.waitSignal(editor.ignored_changed):
        qtbot.mouseClick(editor, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert editor.ignored[50, 50]
    assert 50 < editor.ignored.sum() < 200


def test_the_score_bar_stays_readable_beyond_its_end(qtbot):
    bar = ScoreBar()
    qtbot.addWidget(bar)
    bar.resize(400, 64)
    for score in (None, 0.0, 0.3, 5.0):
        bar.show_score(score, 0.5, 0.4)
        assert not bar.grab().isNull()
    assert bar.top == 1.0


def test_the_trend_keeps_the_last_parts_only(qtbot):
    trend = TrendChart(capacity=50)
    qtbot.addWidget(trend)
    trend.append([(part, 0.1, Verdict.PASS) for part in range(1, 81)])
    assert len(trend) == 50


def test_the_trend_is_painted_once_for_new_parts_and_moves_in_steps(qtbot, monkeypatch):
    """A chart takes several milliseconds of the screen's thread."""
    painted = []
    paint = pg.PlotWidget.paintEvent
    monkeypatch.setattr(
        pg.PlotWidget, "paintEvent", lambda self, event: (painted.append(1), paint(self, event))[1]
    )
    trend = TrendChart()
    qtbot.addWidget(trend)
    trend.resize(600, 200)
    trend.set_thresholds(0.5)
    trend.show()
    trend.append([(part, 0.1, Verdict.PASS) for part in range(1, 301)])
    qtbot.wait(50)
    painted.clear()
    ranges = set()
    for part in range(301, 326):
        trend.append([(part, 0.1, Verdict.PASS)])
        qtbot.wait(5)
        left, right = trend.plot.getViewBox().viewRange()[0]
        ranges.add((round(left), round(right)))
        assert left <= part - 170 <= part <= right
    assert len(painted) <= 27
    assert len(ranges) == 1


def test_a_click_on_a_thumbnail_tells_its_key(qtbot):
    strip = ThumbnailStrip()
    qtbot.addWidget(strip)
    strip.resize(600, 120)
    for key in ("a", "b"):
        strip.add(thumbnail(key, np.zeros((50, 50, 3), np.uint8), Verdict.FAIL, key))
    with qtbot.waitSignal(strip.chosen) as told:
        qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    assert told.args == ["b"]


def test_an_error_stays_in_view_and_a_notice_goes(qtbot):
    notice = Notice()
    qtbot.addWidget(notice)
    notice.STAY_MS = 20
    notice.show_message("Published.", "good")
    qtbot.waitUntil(lambda: notice.isHidden())
    notice.show_error(CameraError("the camera is gone", "check its cable"))
    qtbot.wait(60)
    assert not notice.isHidden()
    assert notice.text == "The camera is gone: check its cable."
    notice.dismiss()


def test_a_fault_of_ours_is_not_told_in_the_words_of_a_traceback(qtbot):
    notice = Notice()
    qtbot.addWidget(notice)
    notice.show_error(KeyError("x"))
    assert "log file" in notice.text
    notice.dismiss()
