"""A killed process loses nothing that it counted."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from inspector_core.inspection.recipe import CameraSettings, Thresholds

from .conftest import Norma

PROGRAM = """
import sys
from pathlib import Path
from inspector_core.inspection.recipe import read_recipe
from inspector_core.jobs.headless import run_lines
from inspector_core.workspace import Workspace
tell = lambda counts: print(counts.triggers, flush=True)
run_lines([read_recipe(Path(sys.argv[1]))], Workspace.open(Path(sys.argv[2])), on_progress=tell)
"""


def test_after_a_kill_every_counted_part_stands_in_a_sound_database_and_the_next_start_works(
    norma: Norma, write_recipe: Callable[..., Path], pictures: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "w"
    recipe = write_recipe(camera=CameraSettings(source=str(pictures)), thresholds=Thresholds(fail=0.0))
    command = [sys.executable, "-c", PROGRAM, str(recipe), str(workspace)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    counted = 0
    while counted < 10:
        counted = int(process.stdout.readline())
    process.kill()
    counted = max([counted, *map(int, process.stdout.read().split())])
    process.wait()
    with closing(sqlite3.connect(workspace / "norma.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (stored,) = database.execute("SELECT count(*) FROM inspection").fetchone()
        named = database.execute("SELECT image_path FROM inspection WHERE image_path != ''").fetchall()
    assert stored >= counted
    assert named
    assert all((workspace / path).is_file() for (path,) in named), "a row names only what stands"
    assert norma("run", "--recipe", recipe, "--workspace", workspace, "--parts", 2, "--json") == 0
    assert norma.json["triggers"] == 2
