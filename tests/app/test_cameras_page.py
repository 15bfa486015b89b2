"""The Cameras screen with the virtual cameras of the genicam package."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cameras.feature_tree import parse, spaced
from app.cameras.known import add_producer, features_of
from app.cameras.page import CamerasPage
from app.context import AppContext
from inspector_core.cameras.camera import CameraInfo, Feature


@pytest.fixture
def page(qtbot, context: AppContext) -> Iterator[CamerasPage]:
    made = CamerasPage(context)
    qtbot.addWidget(made)
    made.resize(1240, 700)
    made.show()
    yield made
    made.shut_down()


def live(qtbot, page: CamerasPage, index: int = 0) -> None:
    page.entered()
    qtbot.waitUntil(lambda: page.found is not None, timeout=30_000)
    page.list.setCurrentItem(page.list.cameras()[index])
    qtbot.waitUntil(lambda: not page.view.image_size.isEmpty(), timeout=30_000)


def edit(qtbot, page: CamerasPage, name: str, text: str) -> None:
    """Type into the tree's own editor."""
    page.features.tree.setCurrentIndex(page.features.index_of(name))
    page.features.ask(page.features.feature(name), text)


def test_a_camera_is_found_shown_live_set_and_remembered(
    qtbot, page: CamerasPage, context: AppContext
) -> None:
    live(qtbot, page)
    assert len(page.list.cameras()) == 3
    qtbot.waitUntil(lambda: page.feed.counters.delivered > 3, timeout=10_000)
    assert page.features.feature("AcquisitionFrameRate") is not None

    page.live.click()
    qtbot.waitUntil(lambda: page.feed.state == "paused", timeout=10_000)
    qtbot.waitUntil(lambda: page.features.feature("Width").writable, timeout=10_000)
    edit(qtbot, page, "Width", "200")
    qtbot.waitUntil(lambda: page.features.feature("Width").value == 200, timeout=10_000)
    camera = page.list.current().id
    assert features_of("viky", camera, context.settings) == {"Width": 200}

    edit(qtbot, page, "Width", "100000")
    qtbot.waitUntil(lambda: page.notice.kind == "error", timeout=10_000)
    assert "Width" in page.notice.text
    assert "from 100 to 800" in page.notice.text
    assert page.features.feature("Width").value == 200

    page.live.click()
    qtbot.waitUntil(lambda: page.view.image_size.width() == 200, timeout=10_000)


def test_a_camera_that_is_not_there_is_said_in_words(qtbot, page: CamerasPage) -> None:
    page.show_camera(CameraInfo("VikyTL_DEV_gone", "", "", "viky"))
    qtbot.waitUntil(lambda: page.notice.kind == "error" and page.feed.state == "closed", timeout=30_000)
    assert "VikyTL_DEV_gone" in page.notice.text
    assert not page.live.isEnabled()


def test_search_leaves_only_what_matches(qtbot, page: CamerasPage) -> None:
    page.features.set_features(
        [
            Feature("ExposureTime", "float", 5.0, True, 1.0, 9.0, category="AcquisitionControl"),
            Feature("Gain", "float", 1.0, True, category="AnalogControl"),
        ]
    )
    page.features.search.setText("exposure t")
    proxy = page.features.proxy
    assert proxy.rowCount() == 1
    group = proxy.index(0, 0)
    assert [proxy.index(row, 0, group).data() for row in range(proxy.rowCount(group))] == ["Exposure Time"]


def test_a_producer_that_does_not_exist_is_said_in_words(
    qtbot, page: CamerasPage, context: AppContext, tmp_path: Path
) -> None:
    add_producer(context.settings, tmp_path / "gone.cti")
    page.entered()
    qtbot.waitUntil(lambda: page.found is not None, timeout=30_000)
    assert page.notice.kind == "warning"
    assert "gone.cti does not exist" in page.notice.text
    assert len(page.list.cameras()) == 3


def test_what_is_typed_becomes_the_features_kind_of_value() -> None:
    width = Feature("Width", "integer", 1, True)
    assert parse(width, "0x10") == 16
    assert parse(Feature("Gain", "float", 1.0, True), "1,5") == 1.5
    assert parse(Feature("ReverseX", "boolean", False, True), "True") is True
    with pytest.raises(ValueError, match="Width needs a whole number"):
        parse(width, "wide")
    assert spaced("GenDCStreamingMode") == "Gen DC Streaming Mode"
