import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from inspector_core.jobs.demo_line import NAME
from inspector_core.records import Records
from inspector_core.workspace import Workspace


def rows(workspace: Workspace) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(workspace.database)) as database:
        database.row_factory = sqlite3.Row
        return database.execute("SELECT * FROM inspection ORDER BY id").fetchall()


@pytest.fixture(scope="module")
def result(norma, demo_workspace: Workspace) -> dict[str, Any]:
    """What the command says of forty parts of the demo."""
    figures: dict[str, Any] = norma("demo", "--headless", "--parts", "40", "--workspace", demo_workspace.root)
    return figures


def test_every_trigger_is_a_row_and_every_reject_has_its_files(
    result: dict[str, Any], demo_workspace: Workspace
) -> None:
    kinds = [result[name] for name in ("pass", "fail", "review", "error", "lost")]
    assert result["triggers"] == sum(kinds) == 40
    assert result["error"] == result["lost"] == 0
    assert result["pass"] > 0
    assert result["fail"] > 0
    assert 0 < result["p50_ms"] <= result["p95_ms"] <= result["p99_ms"]
    recorded = rows(demo_workspace)
    assert len(recorded) == 40
    assert sum(row["verdict"] == "fail" for row in recorded) == result["fail"]
    for row in recorded:
        paths = [row["image_path"], row["map_path"], row["reconstruction_path"]]
        if row["verdict"] in ("fail", "review"):
            assert all((demo_workspace.root / path).is_file() for path in paths)
        else:
            assert not any(paths)


def test_the_demos_defects_are_found(result: dict[str, Any], demo_workspace: Workspace) -> None:
    """The frames carry their kind in their name."""
    recorded = rows(demo_workspace)[: result["triggers"]]
    escaped = [row["source"] for row in recorded if "good" not in row["source"] and row["verdict"] == "pass"]
    stopped = [row["source"] for row in recorded if "good" in row["source"] and row["verdict"] != "pass"]
    assert not escaped
    assert len(stopped) <= 0.1 * len(recorded), stopped


def test_a_killed_line_loses_nothing_and_starts_again(norma, tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "killed")
    command = [sys.executable, "-m", "app", "demo", "--headless", "--workspace", str(workspace.root)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and (not workspace.database.exists() or _count(workspace) < 5):
            time.sleep(0.1)
        counted = _count(workspace)
        process.kill()
    assert counted >= 5
    records = Records.open(workspace)
    try:
        assert len(records.find(limit=10_000)) >= counted
    finally:
        records.close()
    with closing(sqlite3.connect(workspace.database)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    before = _count(workspace)
    assert norma("demo", "--headless", "--parts", "3", "--workspace", workspace.root)["triggers"] == 3
    assert _count(workspace) == before + 3


def _count(workspace: Workspace) -> int:
    try:
        with closing(sqlite3.connect(workspace.database)) as database:
            return int(database.execute("SELECT count(*) FROM inspection").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def test_an_image_has_the_same_score_in_two_processes(norma, demo_workspace: Workspace) -> None:
    model = next(demo_workspace.models.glob("*.safetensors"))
    images = sorted((demo_workspace.root / "demo" / "frames").glob("*.png"))[:3]
    first, second = (norma("inspect", "--model", model, *images) for _ in range(2))
    assert first == second
    alone = norma("inspect", "--model", model, images[1])
    assert alone["images"][0]["score"] == first["images"][1]["score"]


def test_a_recipe_on_the_virtual_genicam_camera_records_frames(
    norma, demo_workspace: Workspace, tmp_path: Path
) -> None:
    published = next((demo_workspace.recipes).rglob("v0001.toml")).read_text()
    assert NAME in published
    # Under its own name: a version that was used once stays as it was.
    head, _, tail = published.replace(NAME, "Coloured ball").partition("[camera]")
    rest = tail[tail.index("\n[") :]
    recipe = tmp_path / "viky.toml"
    recipe.write_text(f'{head}[camera]\nkind = "genicam"\nproducer = "viky"\n{rest}')
    result = norma("run", "--recipe", recipe, "--parts", "12", "--workspace", demo_workspace.root)
    kinds = [result[name] for name in ("pass", "fail", "review", "error", "lost")]
    assert result["triggers"] == sum(kinds) >= 12
    assert result["error"] == 0
    recorded = [row for row in rows(demo_workspace) if "viky" in row["camera_id"].lower()]
    assert len(recorded) == 12
