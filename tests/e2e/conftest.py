"""The installed command, as a user types it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inspector_core.jobs.demo_line import prepare_demo
from inspector_core.workspace import Workspace

Norma = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def norma() -> Norma:
    """Run `norma WORDS --json` to its end; returns the object on the last line."""

    def call(*words: str | Path) -> dict[str, Any]:
        command = [sys.executable, "-m", "app", *map(str, words), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))

    return call


@pytest.fixture(scope="session")
def demo_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the demo's parts, model and recipe; no line has run in it."""
    workspace = Workspace.open(tmp_path_factory.mktemp("demo"))
    prepare_demo(workspace)
    return workspace
