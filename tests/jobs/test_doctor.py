"""The health check looks and touches nothing."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from inspector_core.cameras.camera import CameraInfo
from inspector_core.jobs import doctor
from inspector_core.records import Records
from inspector_core.workspace import Workspace


@pytest.fixture(autouse=True)
def two_cameras(monkeypatch: pytest.MonkeyPatch) -> None:
    """One producer with a camera, one that does not load."""
    broken = {"error": "the GenTL producer bad.cti can't be loaded: install it again."}
    found = [
        CameraInfo("cam-1", "Maker", "Eye", "good.cti", serial="7"),
        CameraInfo("", "", "", "bad.cti", details=broken),
    ]
    monkeypatch.setattr(doctor, "discover", lambda producers: found)


def problems(report: dict[str, object]) -> str:
    return json.dumps(report["problems"])


def test_a_workspace_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    report = doctor.examine(tmp_path / "w")
    assert report["workspace"]["state"] == report["database"]["state"] == "not made yet"
    assert list(tmp_path.iterdir()) == []


def test_versions_and_engines_are_those_that_run_here(tmp_path: Path) -> None:
    report = doctor.examine(tmp_path)
    assert report["versions"]["python"] == sys.version.split()[0]
    assert report["versions"]["torch"].startswith("2.")
    assert any(engine.startswith("torch on cpu") for engine in report["computing"]["engines"])


def test_a_producer_that_does_not_load_is_a_problem_and_hides_no_camera(tmp_path: Path) -> None:
    report = doctor.examine(tmp_path)
    assert report["cameras"]["found"] == ["cam-1"]
    expected = {"problem": "the GenTL producer bad.cti can't be loaded", "remedy": "install it again"}
    assert expected in report["problems"]


def test_a_sound_database_is_healthy_and_a_damaged_one_a_problem(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    Records.open(workspace).close()
    assert doctor.examine(tmp_path)["database"]["state"] == "healthy"
    data = bytearray(workspace.database.read_bytes())
    data[4096:8192] = b"\xff" * 4096
    workspace.database.write_bytes(bytes(data))
    report = doctor.examine(tmp_path)
    assert "norma.db" in problems(report)
    assert workspace.database.read_bytes() == bytes(data)


def test_a_nearly_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=2**29)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert "0.5 GB are free" in problems(doctor.examine(tmp_path))
