"""`norma demo`: the first start makes what it needs, the second finds it."""

import sqlite3
from pathlib import Path

import pytest

from inspector_core.cli import main
from inspector_core.detectors.model_file import load_model, save_model
from inspector_core.inspection.recipe_store import RecipeStore
from inspector_core.jobs import demo_line
from inspector_core.workspace import Workspace

from .conftest import Norma
from .test_command_line import ClosedWindow


@pytest.fixture(autouse=True)
def a_small_demo(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained model and few frames in place of the shipped ones."""
    monkeypatch.setattr(demo_line, "resource", lambda name: model)
    monkeypatch.setattr(demo_line, "GOOD", 3)
    monkeypatch.setattr(demo_line, "PER_DEFECT", 1)


def test_the_demo_records_what_it_counts_and_keeps_the_pictures_of_its_rejects(
    norma: Norma, tmp_path: Path
) -> None:
    workspace = tmp_path / "w"
    assert norma("demo", "--headless", "--parts", 12, "--workspace", workspace, "--json") == 0
    found = norma.json
    assert found["triggers"] == sum(found[n] for n in ("pass", "fail", "review", "error", "lost")) == 12
    with sqlite3.connect(workspace / "norma.db") as database:
        stored = database.execute(
            "SELECT verdict, image_path, map_path, reconstruction_path FROM inspection"
        ).fetchall()
    assert len(stored) == 12
    for verdict, *paths in stored:
        assert verdict == "pass" or all((workspace / path).is_file() for path in paths)


def test_a_second_start_changes_neither_frames_nor_recipe(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    first = demo_line.prepare_demo(workspace)
    frames = sorted((tmp_path / demo_line.FRAMES).iterdir())
    assert len(frames) == 8
    assert sum("good" in frame.name for frame in frames) == 3
    times = [frame.stat().st_mtime_ns for frame in frames]
    assert demo_line.prepare_demo(workspace) == first
    assert [frame.stat().st_mtime_ns for frame in frames] == times


def test_a_threshold_that_the_user_published_survives_the_next_start(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    recipe = demo_line.prepare_demo(workspace)
    moved = recipe.model_copy(update={"thresholds": recipe.thresholds.model_copy(update={"fail": 0.9})})
    RecipeStore(workspace).publish(moved, reason="try", author="me")
    assert demo_line.prepare_demo(workspace).thresholds.fail == 0.9


def test_another_shipped_model_becomes_a_new_version_and_the_old_one_keeps_its_own(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.open(tmp_path / "w")
    first = demo_line.prepare_demo(workspace)
    metadata, tensors = load_model(model)
    newer = tmp_path / "newer.safetensors"
    training = metadata.training.model_copy(update={"steps": 1})
    save_model(newer, tensors, metadata.model_copy(update={"training": training}))
    monkeypatch.setattr(demo_line, "resource", lambda name: newer)
    second = demo_line.prepare_demo(workspace)
    assert (first.version, second.version) == (1, 2)
    assert first.model_path(workspace).read_bytes() == model.read_bytes()
    assert second.model_path(workspace).read_bytes() == newer.read_bytes()


def test_an_interrupted_first_start_leaves_no_half_drawn_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    workspace = Workspace.open(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        demo_line.prepare_demo(workspace, interrupt)
    assert list((tmp_path / "demo").iterdir()) == []
    demo_line.prepare_demo(workspace)
    assert len(list((tmp_path / demo_line.FRAMES).iterdir())) == 8


def test_without_a_display_the_demo_says_so_and_runs_the_same_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    window = ClosedWindow("there is no display")
    assert main(["demo", "--parts", "2", "--workspace", str(tmp_path)], window) == 0
    said = capsys.readouterr()
    assert "there is no display" in said.err
    assert "triggers" in said.out
    assert window.opened == []


def test_a_shipped_model_that_is_missing_is_named(
    norma: Norma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_line, "resource", lambda name: tmp_path / "absent" / name)
    assert norma("demo", "--headless", "--parts", 2, "--workspace", tmp_path / "w", "--json") == 2
    assert "demo-edge.safetensors" in norma.json["error"]


def test_an_emptied_frames_folder_is_filled_again(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "w")
    frames = workspace.root / demo_line.FRAMES
    frames.mkdir(parents=True)
    demo_line.prepare_demo(workspace)
    assert len(list(frames.glob("*.png"))) == 8
