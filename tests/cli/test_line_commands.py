"""`norma run`: the JSON, the table of rows and the archive agree."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inspector_core.cameras.playback import PlaybackCamera
from inspector_core.engines.engine import Engine
from inspector_core.engines.factory import open_engine
from inspector_core.errors import CameraError, RecordsError
from inspector_core.inspection.recipe import CameraSettings, Thresholds
from inspector_core.inspection.verdict import Inspection, PartImages
from inspector_core.records import RecordWriter

from .conftest import Norma

FIGURES = ("triggers", "pass", "fail", "review", "error", "lost", "p50_ms", "p95_ms", "p99_ms")


def rows(workspace: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(workspace / "norma.db") as database:
        return database.execute("SELECT verdict, image_path FROM inspection ORDER BY id").fetchall()


def test_a_run_counts_every_part_of_its_source_once(
    norma: Norma, write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    assert norma("run", "--recipe", write_recipe(), "--workspace", tmp_path / "w", "--json") == 0
    found = norma.json
    assert all(name in found for name in FIGURES)
    assert found["triggers"] == 10
    assert found["triggers"] == sum(found[n] for n in ("pass", "fail", "review", "error", "lost"))
    assert 0 < found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"]
    verdicts = [verdict for verdict, _ in rows(tmp_path / "w")]
    assert {v: verdicts.count(v) for v in ("pass", "fail", "review", "error")} == {
        v: found[v] for v in ("pass", "fail", "review", "error")
    }


def test_a_profile_says_what_each_stage_takes(
    norma: Norma, write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    assert norma("run", "--recipe", write_recipe(), "--workspace", tmp_path / "w", "--profile", "--json") == 0
    stages = [norma.json[f"{stage}_ms"] for stage in ("grab", "prepare", "detect", "judge", "record")]
    assert all(mean > 0 for mean in stages)
    assert sum(stages[1:4]) < 2 * norma.json["p99_ms"]


def test_a_run_ends_after_the_asked_number_of_parts_and_keeps_the_rejects_pictures(
    norma: Norma, write_recipe: Callable[..., Path], pictures: Path, tmp_path: Path
) -> None:
    recipe = write_recipe(
        camera=CameraSettings(source=str(pictures), loop=True), thresholds=Thresholds(fail=0.0)
    )
    assert norma("run", "--recipe", recipe, "--parts", 13, "--workspace", tmp_path / "w", "--json") == 0
    assert norma.json["fail"] == 13
    stored = rows(tmp_path / "w")
    assert len(stored) == 13
    assert all((tmp_path / "w" / path).is_file() for _, path in stored)


def test_paths_in_a_recipe_are_relative_to_the_workspace(
    norma: Norma, write_recipe: Callable[..., Path], model: Path, pictures: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "w"
    (workspace / "models").mkdir(parents=True)
    (workspace / "models" / "mine.safetensors").write_bytes(model.read_bytes())
    pictures.rename(workspace / "pictures")
    recipe = write_recipe(model="mine.safetensors", camera=CameraSettings(source="pictures", loop=False))
    assert norma("run", "--recipe", recipe, "--workspace", workspace, "--json") == 0
    assert norma.json["triggers"] == 10


def test_a_second_run_adds_to_what_the_first_recorded(
    norma: Norma, write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    recipe = write_recipe()
    for _ in range(2):
        assert norma("run", "--recipe", recipe, "--workspace", tmp_path / "w", "--parts", 3, "--json") == 0
        assert norma.json["triggers"] == 3
    assert len(rows(tmp_path / "w")) == 6


def test_without_json_the_figures_come_as_a_table(
    norma: Norma, write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    assert norma("run", "--recipe", write_recipe(), "--workspace", tmp_path / "w") == 0
    assert "triggers" in norma.out
    assert "Plate, version 1" in norma.out
    assert "{" not in norma.out


def test_a_genicam_camera_feeds_the_same_line(
    norma: Norma, write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    recipe = write_recipe(camera=CameraSettings(kind="genicam", source="VikyTL_DEV_green"))
    assert norma("run", "--recipe", recipe, "--parts", 5, "--workspace", tmp_path / "w", "--json") == 0
    found = norma.json
    assert found["triggers"] == sum(found[n] for n in ("pass", "fail", "review", "error", "lost"))
    with sqlite3.connect(tmp_path / "w" / "norma.db") as database:
        stored = database.execute("SELECT camera_id, count(*) FROM inspection GROUP BY 1").fetchall()
    assert len(stored) == 1
    assert "VikyTL_DEV_green" in stored[0][0]
    assert stored[0][1] == 5


def test_a_line_that_can_not_record_says_so_and_keeps_its_rows(
    norma: Norma, write_recipe: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records refuse after four parts, as on a full disk."""
    recorded = RecordWriter.record

    def record(self: RecordWriter, inspection: Inspection, images: PartImages | None) -> None:
        if inspection.part > 4:
            raise RecordsError("the database or disk is full", "free disk space")
        recorded(self, inspection, images)

    monkeypatch.setattr(RecordWriter, "record", record)
    assert norma("run", "--recipe", write_recipe(), "--workspace", tmp_path / "w", "--json") == 2
    assert norma.json["error"] == "the database or disk is full: free disk space."
    assert norma.json["result"]["triggers"] == 4
    assert len(rows(tmp_path / "w")) == 4


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_two_cameras_share_a_gpus_engine_and_each_line_has_its_own_rows(
    norma: Norma,
    write_recipe: Callable[..., Path],
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    opened = []

    def counted(model: Path, device: str, *more: Any) -> Engine:
        opened.append(more)
        return open_engine(model, "cpu", *more)

    monkeypatch.setattr("inspector_core.jobs.headless.choose_device", lambda name: SimpleNamespace(type=kind))
    monkeypatch.setattr("inspector_core.jobs.headless.open_engine", counted)
    left = write_recipe(name="Left").rename(tmp_path / "left.toml")
    right = write_recipe(name="Right", camera=CameraSettings(source=str(pictures), loop=True))
    words = ["run", "--recipe", left, "--recipe", right, "--workspace", tmp_path / "w", "--parts", 12]
    assert norma(*words, "--json") == 0
    assert opened == ([(0.6, 2)] if kind == "cuda" else [])
    lines = {line["recipe"]: line for line in norma.json["lines"]}
    assert (lines["Left"]["triggers"], lines["Right"]["triggers"]) == (10, 12)
    with sqlite3.connect(tmp_path / "w" / "norma.db") as database:
        query = """SELECT product.name, part, score, source
            FROM inspection JOIN product ON product.id = product_id ORDER BY 1, 2"""
        stored = database.execute(query).fetchall()
    assert [row[:2] for row in stored] == [("Left", k) for k in range(1, 11)] + [
        ("Right", k) for k in range(1, 13)
    ]
    scores = {(name, source): score for name, _, score, source in stored}
    assert all(score == scores["Right", source] for (_, source), score in scores.items())
    assert norma(*words) == 0
    assert "Left, version 1" in norma.out
    assert "Right, version 1" in norma.out


def test_a_line_that_ends_badly_lets_the_one_beside_it_finish(
    norma: Norma, write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    good = write_recipe(name="Left").rename(tmp_path / "left.toml")
    (tmp_path / "empty").mkdir()
    bad = write_recipe(name="Right", camera=CameraSettings(source=str(tmp_path / "empty")))
    words = ["run", "--recipe", good, "--recipe", bad, "--workspace", tmp_path / "w"]
    assert norma(*words, "--json") == 2
    assert "Right: " in norma.json["error"]
    assert "holds no images" in norma.json["error"]
    assert [line["triggers"] for line in norma.json["result"]["lines"]] == [10, 0]
    assert len(rows(tmp_path / "w")) == 10
    assert norma(*words) == 2
    assert "Right: the line has stopped: the folder" in norma.err.replace("\n", " ")


def test_a_camera_that_stays_away_is_not_said_to_deliver_again(
    norma: Norma, write_recipe: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(self: PlaybackCamera, timeout_s: float) -> None:
        raise CameraError("the camera is unplugged", "plug it in")

    monkeypatch.setattr(PlaybackCamera, "fetch", fetch)
    assert norma("run", "--recipe", write_recipe(), "--workspace", tmp_path / "w", "--parts", 6) == 0
    assert "the camera is unplugged" in norma.err
    assert "delivers again" not in norma.err


@pytest.mark.parametrize("as_json", [True, False])
def test_rejects_whose_pictures_can_not_be_kept_are_counted_and_said(
    norma: Norma, write_recipe: Callable[..., Path], tmp_path: Path, as_json: bool
) -> None:
    (tmp_path / "w" / "archive").mkdir(parents=True)
    year = datetime.now(UTC).year
    for name in (year, year + 1):
        (tmp_path / "w" / "archive" / str(name)).write_text("in the way of the year's folder")
    recipe = write_recipe(thresholds=Thresholds(fail=0.0))
    words = ["run", "--recipe", recipe, "--workspace", tmp_path / "w", "--parts", 4]
    assert norma(*words, *(["--json"] if as_json else [])) == 0
    assert len(rows(tmp_path / "w")) == 4
    if as_json:
        assert (norma.json["fail"], norma.json["without_pictures"]) == (4, 4)
    else:
        assert "4 parts have no pictures: pictures can't be written to" in norma.err


def test_an_unforeseen_fault_is_one_sentence_and_its_traceback_stands_in_the_log(
    norma: Norma, write_recipe: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr("inspector_core.jobs.headless.run_lines", burst)
    assert norma("run", "--recipe", write_recipe(), "--workspace", tmp_path / "w", "--json") == 1
    log = tmp_path / "w" / "logs" / "norma.log"
    assert str(log) in norma.json["error"]
    assert "Traceback" not in norma.err
    assert "a fault of ours" in log.read_text()
    assert "Traceback" in log.read_text()
