"""The command line itself: help, quick start, the window's absence."""

import subprocess
import sys
from pathlib import Path

import pytest

from inspector_core.cli import main

from .conftest import Norma

COMMANDS = ("demo", "run", "train", "evaluate", "inspect", "gauge", "cameras", "doctor")


class ClosedWindow:
    """A window that opens where `reason` is empty; remembers what it was asked."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        self.opened: list[tuple[Path | None, bool, int | None]] = []

    def obstacle(self) -> str:
        return self.reason

    def open(self, workspace: Path | None, *, demo: bool = False, parts: int | None = None) -> int:
        self.opened.append((workspace, demo, parts))
        return 0


def test_help_names_every_command_and_loads_neither_torch_nor_qt_nor_the_camera_sdk() -> None:
    program = (
        "import sys; from app.__main__ import main; sys.argv = ['norma', '--help']; main();"
        "print([m for m in ('torch', 'PySide6', 'genicam', 'sqlalchemy', 'cv2') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert all(command in found.stdout for command in COMMANDS)
    assert found.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_knows_json(command: str, norma: Norma) -> None:
    assert norma(command, "--help") == 0
    assert "--json" in norma.out


def test_bare_norma_opens_the_window_in_the_named_workspace(tmp_path: Path) -> None:
    window = ClosedWindow()
    assert main([], window) == 0
    assert main(["--workspace", str(tmp_path)], window) == 0
    assert window.opened == [(None, False, None), (tmp_path, False, None)]


def test_bare_norma_without_a_display_says_what_to_do_instead(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], ClosedWindow("there is no display")) == 2
    assert "norma demo --headless" in capsys.readouterr().err


def test_the_demo_opens_the_window_with_the_demo_line(tmp_path: Path) -> None:
    window = ClosedWindow()
    assert main(["demo", "--workspace", str(tmp_path)], window) == 0
    assert main(["demo", "--parts", "7", "--workspace", str(tmp_path)], window) == 0
    assert window.opened == [(tmp_path, True, None), (tmp_path, True, 7)]
