"""Inspections become committed rows, and nothing else is ever counted."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from inspector_core.errors import RecordsError
from inspector_core.inspection.recipe import ArchivePolicy, Recipe
from inspector_core.inspection.verdict import Inspection, Verdict
from inspector_core.records import InspectionFilter, Records, RecordWriter, SessionCounts
from inspector_core.records import writer as writer_module
from inspector_core.records.database import DatabaseFullError, DatabaseLockedError
from inspector_core.workspace import Workspace

MakePart = Callable[..., Inspection]
REJECTS = ArchivePolicy()


def record_until_refused(writer: RecordWriter, make_part: MakePart) -> None:
    for number in range(1, 10_000):
        writer.record(make_part(number, source="x" * 200), None)
        time.sleep(0.002)


def test_what_was_recorded_is_read_back_field_by_field(records: Records, recipe: Recipe, make_part):
    session = records.start_session(recipe, "ab" * 32, model_metadata='{"preset": "edge"}')
    part = make_part(
        1,
        Verdict.REVIEW,
        score=0.1 + 0.2,
        lost_before=3,
        reason="why",
        defect_area=77,
        lot="L 7",
        operator="Zoë",
        source="a.png",
    )
    committed: list[Inspection] = []
    writer = records.writer(session, committed.extend, REJECTS)
    writer.record(part, None)
    writer.close()
    assert committed == [replace(part, id=committed[0].id)]
    assert committed[0].id > 0
    assert records.get(committed[0].id) == committed[0]


def test_parts_of_a_fast_line_share_a_transaction_and_a_lone_one_waits_for_none(
    records: Records, recipe: Recipe, make_part: MakePart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "GATHER_S", 60.0)
    transactions: list[list[int]] = []
    told = threading.Semaphore(0)

    def committed(parts: list[Inspection]) -> None:
        transactions.append([part.part for part in parts])
        told.release()

    writer = records.writer(records.start_session(recipe), committed, REJECTS)
    for number in (1, 2):
        writer._due -= 60.0  # as if the transaction before were a minute old
        writer.record(make_part(number), None)
        assert told.acquire(timeout=10)
    for number in (3, 4, 5):
        writer.record(make_part(number), None)
        time.sleep(0.02)
    assert transactions == [[1], [2]]
    writer.close()  # ends the wait
    assert transactions == [[1], [2], [3, 4, 5]]


def test_ids_arrive_in_the_order_of_the_parts_and_counts_add_up(records: Records, recipe: Recipe, make_part):
    session = records.start_session(recipe)
    verdicts = random.Random(1).choices(list(Verdict), k=700)
    committed: list[Inspection] = []
    writer = records.writer(session, committed.extend, REJECTS)
    for number, verdict in enumerate(verdicts, start=1):
        writer.record(make_part(number, verdict, lost_before=number % 3), None)
    writer.close()
    assert [part.part for part in committed] == list(range(1, 701))
    assert [part.id for part in committed] == sorted({part.id for part in committed})
    assert [records.get(part.id).part for part in committed[::50]] == [p.part for p in committed[::50]]
    count = verdicts.count
    expected = SessionCounts(
        passed=count(Verdict.PASS),
        failed=count(Verdict.FAIL),
        review=count(Verdict.REVIEW),
        error=count(Verdict.ERROR),
        lost=sum(number % 3 for number in range(1, 701)),
    )
    assert records.counts(session) == expected
    assert expected.triggers == 700 + expected.lost


def test_every_part_is_committed_before_it_is_reported(
    workspace: Workspace, records: Records, recipe: Recipe, make_part
):
    session = records.start_session(recipe)
    unseen: list[int] = []

    def look(parts: list[Inspection]) -> None:
        with contextlib.closing(sqlite3.connect(workspace.database)) as other:
            stored = {row[0] for row in other.execute("SELECT id FROM inspection")}
        unseen.extend(part.id for part in parts if part.id not in stored)

    writer = records.writer(session, look, REJECTS)
    for number in range(1, 60):
        writer.record(make_part(number), None)
    writer.close()
    assert records.counts(session).inspected == 59
    assert unseen == []


def test_waiting_rows_share_a_transaction(records: Records, recipe: Recipe, make_part):
    groups: list[int] = []
    gate = threading.Event()

    def slow(parts: list[Inspection]) -> None:
        groups.append(len(parts))
        gate.wait(10)

    writer = records.writer(records.start_session(recipe), slow, REJECTS)
    for number in range(1, 101):
        writer.record(make_part(number), None)
    gate.set()
    writer.close()
    assert sum(groups) == 100
    assert len(groups) <= 3


def test_a_listener_that_fails_does_not_stop_the_records(records: Records, recipe: Recipe, make_part, caplog):
    session = records.start_session(recipe)

    def fail(_parts: list[Inspection]) -> None:
        raise ZeroDivisionError

    writer = records.writer(session, fail, REJECTS)
    writer.record(make_part(1), None)
    writer.close()
    assert writer.failure is None
    assert records.counts(session).passed == 1
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("score", [None, float("nan"), float("inf")])
def test_a_verdict_without_a_score_is_no_pass(records: Records, recipe: Recipe, make_part, score):
    writer = records.writer(records.start_session(recipe), lambda _parts: None, REJECTS)
    with pytest.raises(ValueError, match="part 1 is pass"):
        writer.record(make_part(1, score=score), None)
    writer.close()


def test_a_passing_lock_delays_the_rows_and_loses_none(workspace: Workspace, recipe: Recipe, make_part):
    with Records.open(workspace, busy_timeout_s=0.05) as records:
        session = records.start_session(recipe)
        committed: list[Inspection] = []
        writer = records.writer(session, committed.extend, REJECTS, patience_s=20)
        with contextlib.closing(sqlite3.connect(workspace.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for number in range(1, 11):
                writer.record(make_part(number), None)
            time.sleep(0.3)
            assert committed == []
            other.execute("ROLLBACK")
        writer.close()
        assert writer.failure is None
        assert len(committed) == records.counts(session).inspected == 10


def test_a_lasting_lock_stops_the_records_and_reports_nothing(
    workspace: Workspace, recipe: Recipe, make_part
):
    with Records.open(workspace, busy_timeout_s=0.05) as records:
        session = records.start_session(recipe)
        committed: list[Inspection] = []
        writer = records.writer(session, committed.extend, REJECTS, patience_s=0.2)
        with contextlib.closing(sqlite3.connect(workspace.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseLockedError, match="locked by another program"):
                record_until_refused(writer, make_part)
            with pytest.raises(DatabaseLockedError):
                writer.close()
        assert isinstance(writer.failure, DatabaseLockedError)
        assert committed == []
        assert records.counts(session) == SessionCounts()


def test_a_full_disk_keeps_what_was_committed_and_refuses_the_rest(
    workspace: Workspace, recipe: Recipe, make_part
):
    with Records.open(workspace) as records:
        session = records.start_session(recipe)
        with records._database.write() as connection:  # SQLite's own way to run out of room
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 8}")
        committed: list[Inspection] = []
        writer = records.writer(session, committed.extend, REJECTS)
        with pytest.raises(DatabaseFullError, match="disk is full"):
            record_until_refused(writer, make_part)
        with pytest.raises(DatabaseFullError):
            writer.close()
        with pytest.raises(RecordsError):
            writer.record(make_part(1), None)
    with Records.open(workspace) as records:
        assert 0 < len(committed) == records.counts(session).inspected
        assert {part.id for part in committed} == {p.id for p in records.find(limit=10_000)}
        session = records.start_session(recipe)  # there is room again
        writer = records.writer(session, committed.extend, REJECTS)
        writer.record(make_part(1), None)
        writer.close()
        assert records.counts(session).inspected == 1


LINE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from inspector_core.inspection.recipe import ArchivePolicy, CameraSettings, Recipe, Thresholds
from inspector_core.inspection.verdict import Inspection, Verdict
from inspector_core.records import Records
from inspector_core.workspace import Workspace

def report(parts):
    print(*(part.id for part in parts), sep="\\n", flush=True)

records = Records.open(Workspace.open(Path(sys.argv[1])))
recipe = Recipe(name="r", camera=CameraSettings(), model="m", thresholds=Thresholds(fail=0.5))
writer = records.writer(records.start_session(recipe), report, ArchivePolicy())
part = 0
while True:
    part += 1
    writer.record(Inspection(part, Verdict.PASS, 0.1, 0.5, None, 0.5, "r", 1, "", 1.0,
                  datetime.now(UTC), "c", part, lost_before=part % 2), None)
"""


def test_kill_9_loses_no_reported_part_and_leaves_a_sound_database(workspace: Workspace):
    reported: set[int] = set()
    for after in (1, 900):
        with subprocess.Popen(
            [sys.executable, "-c", LINE, str(workspace.root)], stdout=subprocess.PIPE, text=True
        ) as line:
            assert line.stdout is not None
            ids = [int(line.stdout.readline()) for _ in range(after)]
            os.kill(line.pid, signal.SIGKILL)
            ids += [int(word) for word in line.stdout.read().splitlines()[:-1]]  # the last may be half a line
        assert len(ids) >= after
        assert len(set(ids)) == len(ids)
        assert reported.isdisjoint(ids)
        reported.update(ids)
        with contextlib.closing(sqlite3.connect(workspace.database)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows = {row[0] for row in database.execute("SELECT id FROM inspection")}
        assert reported <= rows
        with Records.open(workspace) as records:
            assert len(records.find(InspectionFilter(verdicts={Verdict.PASS}), limit=10**6)) == len(rows)


def test_the_records_need_neither_torch_nor_qt():
    code = (
        "import sys, inspector_core.records;"
        "sys.exit(any(name.split('.')[0] in ('torch', 'PySide6', 'harvesters') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path.cwd(), check=False).returncode == 0
