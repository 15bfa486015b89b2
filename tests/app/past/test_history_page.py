"""The History screen through its widgets, on a real database."""

import csv
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from station_records import part, record

from app.history import periods
from app.history.page import HistoryPage
from app.history.table import PAGE
from inspector_core.inspection.verdict import Verdict


@pytest.fixture
def page(qtbot, context) -> HistoryPage:
    context.settings.setValue("history/period", periods.ALL)
    made = HistoryPage(context)
    qtbot.addWidget(made)
    made.resize(1240, 700)
    made.show()
    yield made
    made.shut_down()
    made._background.wait()
    made.list._background.wait()
    made.list.preview._background.wait()


def wait_for_rows(qtbot, page: HistoryPage, number: int) -> None:
    qtbot.waitUntil(lambda: page.list.rows.rowCount() == number, timeout=5000)


def open_part(qtbot, page: HistoryPage, row: int) -> None:
    page.open_inspection(row)
    qtbot.waitUntil(
        lambda: page.details.part is not None and page.details.part.inspection.id == row, timeout=5000
    )


def test_a_page_opened_before_the_database_fills_when_it_is_ready(qtbot, context, page):
    assert "being opened" in page.list.empty.text.text()
    with qtbot.waitSignal(context.bridge.records_opened):
        context.bridge.open_records()
    qtbot.waitUntil(lambda: "Nothing has been inspected" in page.list.empty.text.text(), timeout=5000)


def test_only_pages_that_are_scrolled_to_are_fetched(qtbot, plant, page):
    wait_for_rows(qtbot, page, PAGE)
    assert page.list.rows.inspection(0).part == 450
    page.list.table.scrollToBottom()
    wait_for_rows(qtbot, page, 2 * PAGE)
    page.list.table.scrollToBottom()
    wait_for_rows(qtbot, page, 450)
    assert page.list.rows.complete
    shown = [page.list.rows.inspection(row).part for row in range(450)]
    assert shown == list(range(450, 0, -1))


def test_verdict_and_score_filters_narrow_the_list(qtbot, plant, page):
    wait_for_rows(qtbot, page, PAGE)
    page.list.filter.verdicts[Verdict.PASS].click()
    wait_for_rows(qtbot, page, 4)
    qtbot.keyClicks(page.list.filter.least, "0.5")
    wait_for_rows(qtbot, page, 2)
    assert {page.list.rows.inspection(row).part for row in range(2)} == {100, 200}
    page.list.filter.clear()
    wait_for_rows(qtbot, page, PAGE)


def test_a_filter_without_matches_says_so(qtbot, plant, page):
    wait_for_rows(qtbot, page, PAGE)
    qtbot.keyClicks(page.list.filter.least, "0.99")
    wait_for_rows(qtbot, page, 0)
    assert page.list.empty.isVisible()
    assert "No inspection matches" in page.list.empty.text.text()


def test_new_parts_appear_above_without_moving_what_is_read(qtbot, context, plant, page):
    wait_for_rows(qtbot, page, PAGE)
    bar = page.list.table.verticalScrollBar()
    bar.setValue(40)
    read = page.list.rows.inspection(page.list.table.rowAt(5)).part
    new = record(plant.records, plant.recipe, [part(n, 0.02) for n in (451, 452, 453)])
    context.bridge.committed.emit(new)
    wait_for_rows(qtbot, page, PAGE + 3)
    assert page.list.rows.inspection(0).part == 453
    assert page.list.rows.inspection(page.list.table.rowAt(5)).part == read


def test_an_opened_part_shows_pictures_facts_recipe_and_model(qtbot, plant, page):
    chosen = plant.parts[99]
    open_part(qtbot, page, chosen.id)
    details = page.details
    assert details.isVisible()
    assert details.verdict.word.text() == "NG"
    assert not details.pictures.camera.image_size.isEmpty()
    assert not details.pictures.expected.image_size.isEmpty()
    assert not details.pictures.difference.image_size.isEmpty()
    assert details.facts.values["NG from"].text() == "0.5"
    assert details.facts.values["Lot"].text() == "L1"
    assert 'name = "Bracket"' in details.facts.recipe.toPlainText()
    assert "preset: edge" in details.facts.model.toPlainText()


def test_pictures_that_are_gone_or_were_never_kept_are_said_plainly(qtbot, context, plant, page):
    kept = plant.records.get(plant.parts[199].id)
    (context.workspace.root / kept.image_path).unlink()
    open_part(qtbot, page, kept.id)
    assert kept.image_path in page.details.pictures.camera.placeholder
    open_part(qtbot, page, plant.parts[0].id)
    assert "No pictures of this part were kept" in page.details.pictures.camera.placeholder
    reject = plant.records.get(plant.parts[99].id)
    (context.workspace.root / reject.map_path).unlink()
    open_part(qtbot, page, reject.id)
    assert page.details.pictures.missing.isVisible()
    assert reject.map_path in page.details.pictures.missing.text()


def test_newer_and_older_step_through_the_list_across_pages(qtbot, plant, page):
    wait_for_rows(qtbot, page, PAGE)
    last = page.list.rows.inspection(PAGE - 1)
    open_part(qtbot, page, last.id)
    wait_for_rows(qtbot, page, 2 * PAGE)
    qtbot.mouseClick(page.details.older, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.details.part.inspection.part == last.part - 1, timeout=5000)
    qtbot.mouseClick(page.details.newer, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.details.part.inspection.part == last.part, timeout=5000)


def test_a_label_is_stored_with_note_and_name_and_seen_in_the_list(qtbot, plant, page):
    wait_for_rows(qtbot, page, PAGE)
    row = plant.parts[299].id
    open_part(qtbot, page, row)
    page.details.labels.note.setText("seen at the bench")
    page.details.labels.by.setText("Grace")
    qtbot.mouseClick(page.details.labels.buttons["true_defect"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.details.part.inspection.label == "true_defect", timeout=5000)
    event = plant.records.events(1, row)[0]
    assert (event.by, event.new, event.message) == ("Grace", "true_defect", "seen at the bench")
    assert "Grace: True defect" in page.details.labels.log.text()
    page.show_list()
    shown = page.list.rows.row_of(row)
    assert shown is not None
    assert page.list.rows.inspection(shown).label == "true_defect"


def test_what_the_filter_lists_is_exported(qtbot, plant, page, tmp_path: Path):
    wait_for_rows(qtbot, page, PAGE)
    page.list.filter.verdicts[Verdict.PASS].click()
    wait_for_rows(qtbot, page, 4)
    page.export_to(tmp_path / "out.csv")
    qtbot.waitUntil(lambda: page.notice.kind == "good", timeout=5000)
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        assert sorted(int(row["part"]) for row in csv.DictReader(file)) == [100, 200, 300, 400]
    page.notice.dismiss()


def test_an_export_that_fails_says_why(qtbot, plant, page, tmp_path: Path):
    page.export_to(tmp_path / "nowhere" / "out.csv")
    qtbot.waitUntil(lambda: page.notice.kind == "error", timeout=5000)
    assert "can't be written" in page.notice.text
    assert page.export_button.isEnabled()


def test_a_shift_begins_at_the_last_start_before_now():
    starts = [time(6), time(14), time(22)]

    def since(hour: int, minute: int = 0) -> datetime:
        now = datetime(2026, 3, 10, hour, minute).astimezone()
        begun = periods.since(periods.SHIFT, now, starts)
        assert begun is not None
        return begun.astimezone().replace(tzinfo=None)

    assert since(6) == datetime(2026, 3, 10, 6)
    assert since(21, 59) == datetime(2026, 3, 10, 14)
    assert since(5, 59) == datetime(2026, 3, 9, 22)


def test_seven_days_are_today_and_the_six_before():
    now = datetime(2026, 3, 10, 15).astimezone()
    week, today = (periods.since(name, now, []) for name in (periods.WEEK, periods.TODAY))
    assert week is not None
    assert today is not None
    assert today.astimezone().replace(tzinfo=None) - week.astimezone().replace(tzinfo=None) == timedelta(
        days=6
    )
    assert periods.since(periods.ALL, now, []) is None
