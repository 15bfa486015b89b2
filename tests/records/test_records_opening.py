"""A database is opened sound, migrated after a backup, or refused untouched."""

import contextlib
import hashlib
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import URL

from inspector_core.errors import RecordsError
from inspector_core.inspection.recipe import ArchivePolicy, Recipe
from inspector_core.records import Records, check_file, opening
from inspector_core.records.database import Database, DatabaseDamagedError, DatabaseLockedError
from inspector_core.records.opening import MIGRATIONS, open_database
from inspector_core.records.schema import metadata
from inspector_core.workspace import Workspace

SECOND = """
import sqlalchemy as sa
from alembic import op
revision = "0002"
down_revision = "0001"

def upgrade():
    op.add_column("inspection", sa.Column("weight", sa.Float()))
    with op.batch_alter_table("product") as table:
        table.alter_column("name", new_column_name="title")
"""


@pytest.fixture
def filled(workspace: Workspace, recipe: Recipe, make_part) -> Path:
    """A database with 300 parts in it, closed."""
    with Records.open(workspace) as records:
        writer = records.writer(records.start_session(recipe), lambda _parts: None, ArchivePolicy())
        for number in range(1, 301):
            writer.record(make_part(number), None)
        writer.close()
    return workspace.database


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """The migrations of a later program."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "0002_second.py").write_text(SECOND)
    return folder


def fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT count(*) FROM inspection").fetchone()[0])


def statements(path: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT sql FROM sqlite_schema WHERE sql NOT LIKE '%alembic%'")
        return {" ".join(sql.split()) for (sql,) in found}


def test_the_migrations_make_the_schema_that_the_program_expects(workspace: Workspace, tmp_path: Path):
    Records.open(workspace).close()
    declared = Database(URL.create("sqlite", database=str(tmp_path / "declared.db")))
    with declared.write() as connection:
        metadata.create_all(connection)
    declared.close()
    assert statements(workspace.database) == statements(tmp_path / "declared.db")


def test_a_database_survives_a_power_cut_by_its_settings(records: Records):
    with records._database.read() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_an_older_database_is_backed_up_and_migrated(filled: Path, next_release: Path):
    url = URL.create("sqlite", database=str(filled))
    open_database(url, migrations=next_release).close()
    with contextlib.closing(sqlite3.connect(filled)) as database:
        assert database.execute("SELECT title FROM product").fetchall() == [("flange",)]
        assert database.execute("SELECT count(weight), count(*) FROM inspection").fetchone() == (0, 300)
    (backup,) = filled.parent.glob("norma-0001-*.db")
    assert rows(backup) == 300
    open_database(url, migrations=next_release).close()
    assert len(list(filled.parent.glob("norma-*.db"))) == 1  # nothing to migrate, nothing to back up


def test_a_migration_that_fails_halfway_leaves_the_old_database(filled: Path, next_release: Path):
    script = next_release / "versions" / "0002_second.py"
    script.write_text(SECOND + "    raise ArithmeticError\n")
    with pytest.raises(ArithmeticError):
        open_database(URL.create("sqlite", database=str(filled)), migrations=next_release)
    before = statements(filled)
    open_database(URL.create("sqlite", database=str(filled))).close()
    assert rows(filled) == 300
    assert statements(filled) == before
    assert not any("weight" in statement for statement in before)


def test_without_a_backup_there_is_no_migration(filled: Path, next_release: Path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(opening.os, "fsync", full)
    with pytest.raises(RecordsError, match=r"no backup .*No space left on device"):
        open_database(URL.create("sqlite", database=str(filled)), migrations=next_release)
    assert sorted(path.name for path in filled.parent.iterdir() if path.is_file()) == ["norma.db"]
    assert not any("weight" in statement for statement in statements(filled))


def test_a_newer_database_is_refused_untouched(filled: Path, next_release: Path, workspace: Workspace):
    open_database(URL.create("sqlite", database=str(filled)), migrations=next_release).close()
    before = fingerprint(filled)
    with pytest.raises(RecordsError, match=r"newer version of Norma \(revision 0002\): install that version"):
        Records.open(workspace)
    assert fingerprint(filled) == before


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _overwrite(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)


def _text(path: Path) -> None:
    path.write_text("these are the minutes of the shift meeting\n" * 100)


def _foreign(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (url TEXT)")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_truncate, "damaged or not a database"),
        (_overwrite, "damaged or not a database"),
        (_text, "damaged or not a database"),
        (_foreign, "belongs to another program"),
    ],
)
def test_what_is_no_sound_database_is_refused_untouched(filled: Path, workspace: Workspace, harm, said):
    harm(filled)
    before = fingerprint(filled)
    with pytest.raises(RecordsError, match=said) as caught:
        Records.open(workspace)
    assert str(filled) in caught.value.problem
    assert caught.value.remedy
    assert fingerprint(filled) == before


def test_a_truncated_database_too_large_to_read_whole_is_refused(filled: Path, monkeypatch):
    monkeypatch.setattr(opening, "_QUICK", 0)
    check_file(filled)
    _truncate(filled)
    with pytest.raises(DatabaseDamagedError):
        check_file(filled)


def test_a_thorough_check_sees_an_index_that_disagrees_with_its_table(filled: Path):
    check_file(filled, thorough=True)
    with contextlib.closing(sqlite3.connect(filled, isolation_level=None)) as database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, '(captured_at)', '(frame_id)')"
            " WHERE name = 'ix_inspection_captured_at'"
        )
    with pytest.raises(DatabaseDamagedError, match="ix_inspection_captured_at"):
        check_file(filled, thorough=True)


def test_a_folder_in_the_databases_place_is_refused(workspace: Workspace):
    workspace.database.mkdir()
    with pytest.raises(RecordsError, match="it is a folder"):
        Records.open(workspace)


def test_an_empty_file_left_by_a_killed_first_start_becomes_a_database(workspace: Workspace):
    workspace.database.touch()
    with Records.open(workspace) as records:
        assert records.find() == []


def test_a_database_locked_by_another_program_is_refused_in_time(filled: Path, workspace: Workspace):
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('PRAGMA locking_mode = EXCLUSIVE'); c.execute('BEGIN EXCLUSIVE');"
        "c.execute('DELETE FROM event'); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(filled)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(DatabaseLockedError, match="close that program and try again"):
            Records.open(workspace, busy_timeout_s=0.1)
        other.communicate(b"")
    with Records.open(workspace) as records:
        assert len(records.find(limit=1000)) == 300


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_database_that_can_not_be_written_says_so(filled: Path, mode: str):
    with contextlib.closing(sqlite3.connect(filled)) as database:
        database.execute(f"PRAGMA journal_mode = {mode}")
    read_only = Database(
        f"sqlite:///file:{filled}?mode=ro&uri=true".replace(" ", "%20").replace("100%", "100%25")
    )
    with pytest.raises(RecordsError, match="can't be opened for writing"), read_only.write() as connection:
        connection.exec_driver_sql("DELETE FROM inspection")
    read_only.close()
    assert rows(filled) == 300


def test_two_programs_share_a_workspace(workspace: Workspace, recipe: Recipe, make_part):
    with Records.open(workspace) as one, Records.open(workspace) as other:
        writers = [
            records.writer(records.start_session(recipe), lambda _parts: None, ArchivePolicy())
            for records in (one, other)
        ]
        for number in range(1, 101):
            for writer in writers:
                writer.record(make_part(number), None)
        for writer in writers:
            writer.close()
        assert len(one.find(limit=1000)) == 200


@pytest.mark.parametrize("url", ["nonsense", "oracle9://a/b", "sqlite:////no/such/folder/norma.db"])
def test_a_database_url_that_leads_nowhere_is_named(workspace: Workspace, url: str):
    with pytest.raises(RecordsError, match="can't be"):
        Records.open(workspace, url)
