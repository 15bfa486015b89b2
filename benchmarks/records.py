"""How fast inspections become committed rows and archived pictures, and how soon the history answers.

    python benchmarks/records.py [--parts 20000] [--history 1000000] [--folder DIR]

`--history` fills a database by SQL, without the writer, and times one page of each kind of filter.
"""

import argparse
import shutil
import sqlite3
import tempfile
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from inspector_core.demo.parts import draw_part
from inspector_core.inspection.recipe import ArchivePolicy, CameraSettings, Recipe, Thresholds
from inspector_core.inspection.verdict import Inspection, PartImages, Verdict
from inspector_core.records import InspectionFilter, Records
from inspector_core.records.writer import GATHER_S
from inspector_core.workspace import Workspace

RECIPE = Recipe(name="gear", camera=CameraSettings(), model="m", thresholds=Thresholds(fail=0.5))
START = datetime(2024, 1, 1, tzinfo=UTC)


def part(number: int, verdict: Verdict = Verdict.PASS) -> Inspection:
    return Inspection(
        number, verdict, 0.1, 0.5, None, 0.5, "gear", 1, "", 12.5, datetime.now(UTC), "camera", number
    )


def rows_per_second(records: Records, parts: int) -> None:
    writer = records.writer(records.start_session(RECIPE), lambda _parts: None, ArchivePolicy())
    start = time.perf_counter()
    for number in range(1, parts + 1):
        writer.record(part(number), None)
    writer.close()
    print(f"writer, saturated: {parts / (time.perf_counter() - start):.0f} committed rows a second")


def commit_latency(records: Records, parts: int = 200) -> None:
    committed = threading.Event()
    writer = records.writer(records.start_session(RECIPE), lambda _parts: committed.set(), ArchivePolicy())
    taken = []
    for number in range(1, parts + 1):
        time.sleep(1.2 * GATHER_S)  # a part that comes sooner waits for others
        start = time.perf_counter()
        committed.clear()
        writer.record(part(number), None)
        committed.wait()
        taken.append(1000 * (time.perf_counter() - start))
    writer.close()
    p50, p95, p99 = np.percentile(taken, [50, 95, 99])
    print(f"one part at a time, record to on_commit: p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f} ms")


def archive_rate(records: Records, parts: int = 60) -> None:
    image = draw_part(1, "scratch", 512).image
    reconstruction = np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0), dtype=np.uint8)
    anomaly_map = cv2.GaussianBlur(np.random.default_rng(0).random((512, 512), np.float32), (0, 0), 8.0)
    compact = np.asarray(cv2.resize(reconstruction, (192, 192)), dtype=np.uint8)
    pictures = PartImages(image, reconstruction, np.asarray(anomaly_map, dtype=np.float32), compact)
    writer = records.writer(records.start_session(RECIPE), lambda _parts: None, ArchivePolicy())
    start = time.perf_counter()
    for number in range(1, parts + 1):
        writer.record(part(number, Verdict.FAIL), pictures)
    writer.close()
    rate = parts / (time.perf_counter() - start)
    sizes = "two PNG of 512 x 512, one of 192 x 192"
    print(f"archive: {rate:.1f} parts a second ({sizes}), {writer.dropped_images} dropped")


def fill(path: Path, rows: int) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            f"""
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
            INSERT INTO inspection (session_id, product_id, recipe_version_id, part, verdict, score,
              fail_threshold, pixel_threshold, latency_ms, captured_at, frame_id, lot, operator)
            SELECT 1, 1, 1, i,
              CASE WHEN i % 100003 = 0 THEN 'error' WHEN i % 50 = 0 THEN 'fail'
                WHEN i % 211 = 0 THEN 'review' ELSE 'pass' END,
              abs(random()) / 9223372036854775808.0, 0.5, 0.5, 12.5,
              strftime('%Y-%m-%d %H:%M:%f', {START.timestamp()} + i * 0.7, 'unixepoch') || '000',
              i, 'lot' || (i / 20000), 'operator' || (i / 30000 % 4) FROM n
            """
        )


def history(workspace: Workspace, rows: int) -> None:
    middle = START + timedelta(seconds=0.35 * rows)
    questions = {
        "all": InspectionFilter(),
        "one hour, long ago": InspectionFilter(since=middle, until=middle + timedelta(hours=1)),
        "rejects": InspectionFilter(verdicts={Verdict.FAIL, Verdict.REVIEW, Verdict.ERROR}),
        "errors (few)": InspectionFilter(verdicts={Verdict.ERROR}),
        "errors of a recipe": InspectionFilter(recipe="gear", verdicts={Verdict.ERROR}),
        "a lot": InspectionFilter(lot=f"lot{rows // 60000}"),
        "rejects of a lot": InspectionFilter(lot=f"lot{rows // 60000}", verdicts={Verdict.FAIL}),
        "an operator's rejects": InspectionFilter(operator="operator2", verdicts={Verdict.FAIL}),
        "the highest scores": InspectionFilter(min_score=0.9999),
        "high scores": InspectionFilter(min_score=0.9),
        "a recipe's lowest scores": InspectionFilter(recipe="gear", max_score=0.0001),
    }
    start = time.perf_counter()
    with Records.open(workspace) as records:
        size = workspace.database.stat().st_size / 1e9
        print(f"history of {rows} parts, {size:.2f} GB: opened in {time.perf_counter() - start:.2f} s")
        for name, wanted in questions.items():
            taken, found = [], 0
            before = None
            for _ in range(3):
                start = time.perf_counter()
                page = records.find(wanted, before_id=before)
                taken.append(1000 * (time.perf_counter() - start))
                found += len(page)
                before = page[-1].id if page else before
            pages = ", ".join(f"{milliseconds:.0f}" for milliseconds in taken)
            print(f"  {name}: {found} rows in 3 pages of 200: {pages} ms")
        start = time.perf_counter()
        table = records.scores("gear", limit=100_000)
        print(f"  {table.id.size} scores for tuning: {time.perf_counter() - start:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", type=int, default=20_000)
    parser.add_argument("--history", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        workspace = Workspace.open(folder)
        with Records.open(workspace) as records:
            rows_per_second(records, given.parts)
            commit_latency(records)
            archive_rate(records)
            records.start_session(RECIPE)
        with closing(sqlite3.connect(workspace.database)) as database, database:
            database.execute("DELETE FROM inspection")
        fill(workspace.database, given.history)
        history(workspace, given.history)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
