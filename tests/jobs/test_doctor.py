"""The health check looks and touches nothing."""

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from inspector_core.cameras.camera import CameraInfo
from inspector_core.engines import factory
from inspector_core.engines.choice import machine
from inspector_core.jobs import doctor
from inspector_core.records import Records, is_older
from inspector_core.records.opening import MIGRATIONS
from inspector_core.workspace import Workspace


@pytest.fixture(autouse=True)
def two_cameras(monkeypatch: pytest.MonkeyPatch) -> None:
    """One producer with a camera, one that does not load."""
    problem, remedy = "the GenTL producer bad.cti can't be loaded", "install it again"
    broken = {"error": f"{problem}: {remedy}.", "problem": problem, "remedy": remedy}
    found = [
        CameraInfo("cam-1", "Maker", "Eye", "good.cti", serial="7"),
        CameraInfo("", "", "", "bad.cti", details=broken),
    ]
    monkeypatch.setattr(doctor, "discover", lambda producers: found)


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """The migrations of a later program."""
    folder = tmp_path / "later" / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    later = 'revision = "0002"\ndown_revision = "0001"\n'
    (folder / "versions" / "0002_second.py").write_text(later)
    return folder


def problems(report: dict[str, object]) -> str:
    return json.dumps(report["problems"])


def test_a_workspace_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    report = doctor.examine(tmp_path / "w")
    assert report["workspace"]["state"] == report["database"]["state"] == "not made yet"
    assert list(tmp_path.iterdir()) == []


def test_versions_and_engines_are_those_that_run_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "engines.json"
    here = f"{machine()} hdm edge 256 of torch openvino"
    memory.write_text(json.dumps({here: "openvino", "another machine": "torch"}))
    monkeypatch.setattr(factory, "MEMORY", memory)
    report = doctor.examine(tmp_path)
    assert report["versions"]["python"] == sys.version.split()[0]
    assert report["versions"]["torch"].startswith("2.")
    assert any(engine.endswith(" on cpu") for engine in report["computing"]["engines"])
    assert report["computing"]["measured_fastest"] == ["openvino for hdm edge 256"]


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


def stamp(database: Path, revision: str) -> bytes:
    """Say that the database is of `revision`; returns its bytes."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    return database.read_bytes()


def test_a_database_of_a_newer_version_is_a_problem_and_is_left_as_it_is(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    Records.open(workspace).close()
    before = stamp(workspace.database, "9999")
    assert "written by a newer version of Norma (revision 9999)" in problems(doctor.examine(tmp_path))
    assert workspace.database.read_bytes() == before


def test_an_older_database_is_healthy_and_told_to_be_older(
    tmp_path: Path, next_release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.open(tmp_path)
    Records.open(workspace).close()
    before = workspace.database.read_bytes()
    assert doctor.examine(tmp_path)["database"]["state"] == "healthy"
    monkeypatch.setattr(doctor, "is_older", partial(is_older, migrations=next_release))
    assert "of an older version" in doctor.examine(tmp_path)["database"]["state"]
    assert workspace.database.read_bytes() == before


def test_a_foreign_database_is_a_problem(tmp_path: Path) -> None:
    with closing(sqlite3.connect(Workspace.open(tmp_path).database)) as connection, connection:
        connection.execute("CREATE TABLE stamps (country TEXT)")
    assert "belongs to another program" in problems(doctor.examine(tmp_path))


def test_a_nearly_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=2**29)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert "0.5 GB are free" in problems(doctor.examine(tmp_path))
