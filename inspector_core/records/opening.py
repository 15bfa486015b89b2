"""Opening a database: found sound, not newer than the program, backed up where older, then migrated.

Nothing that stands in the file is altered before it has passed every check, and a migration either stands
whole or not at all.
"""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, inspect

from inspector_core.errors import RecordsError
from inspector_core.records.database import Database, DatabaseDamagedError, damaged, in_words

MIGRATIONS = Path(__file__).with_name("migrations")
_MAGIC = b"SQLite format 3\0"
_QUICK = 128 << 20
"""Bytes up to which the check at start reads the whole file; 3.8 GB took four minutes on a busy machine."""


def open_database(url: str | URL, *, busy_timeout_s: float = 5.0, migrations: Path = MIGRATIONS) -> Database:
    """Open a database at the program's own revision, making or migrating it where needed.

    Args:
        url: any SQLAlchemy URL. Only a SQLite file is checked and backed up by us; a server's
            administrator backs up the server's.
        busy_timeout_s: how long to wait for another program's lock.
        migrations: folder of the Alembic scripts.

    Raises:
        DatabaseDamagedError: not a database, or a damaged one; it was not touched.
        DatabaseLockedError: another program holds it.
        RecordsError: of a newer version of the program, of another program, or not writable.
    """
    database = Database(url, busy_timeout_s=busy_timeout_s)
    if database.is_sqlite and database.url.database:
        check_file(Path(database.url.database), busy_timeout_s=busy_timeout_s)
    try:
        _migrate(database.url, busy_timeout_s, migrations)
    except BaseException:
        database.close()
        raise
    return database


def check_file(path: Path, *, thorough: bool = False, busy_timeout_s: float = 5.0) -> None:
    """Read a SQLite file and change nothing; a missing or an empty one is sound.

    Args:
        path: the file.
        thorough: read all of it whatever its size, and every index (minutes at ten million rows).
        busy_timeout_s: how long to wait for another program's lock.

    Raises:
        DatabaseDamagedError: it is damaged or not a database.
        RecordsError: it can't be read.
    """
    if not path.exists():
        return
    if path.is_dir():
        raise damaged(str(path), "it is a folder")
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except OSError as error:
        problem = f"the database {path} can't be read ({error.strerror})"
        raise RecordsError(problem, "correct its permissions, or choose another workspace") from error
    if not head:
        return  # a start that was killed before its first commit leaves this
    if head != _MAGIC:
        raise damaged(str(path), "its first bytes are not those of a database")
    try:
        with closing(_read_only(path, busy_timeout_s)) as connection:
            _check(connection, path, thorough)
    except sqlite3.Error as error:
        raise in_words(error, str(path)) or damaged(str(path), str(error)) from error


def is_older(path: Path, *, busy_timeout_s: float = 5.0, migrations: Path = MIGRATIONS) -> bool:
    """Whether opening a sound SQLite file will migrate it; changes nothing.

    Raises:
        RecordsError: of a newer version of the program, or of another program.
    """
    url = URL.create("sqlite", database=path.absolute().as_uri(), query={"mode": "ro", "uri": "true"})
    database = Database(url, busy_timeout_s=busy_timeout_s, migrating=True)
    script = ScriptDirectory.from_config(_config(migrations))
    try:
        with database.read() as connection:
            return _revision(connection, script, str(path)) not in (None, script.get_current_head())
    finally:
        database.close()


def _check(connection: sqlite3.Connection, path: Path, thorough: bool) -> None:
    if thorough:
        pragmas = ["PRAGMA integrity_check(1)"]
    elif path.stat().st_size <= _QUICK:
        pragmas = ["PRAGMA quick_check(1)"]
    else:  # beyond that a start would take minutes: the small tables, and the file's length
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        pragmas = [f'PRAGMA quick_check("{name}")' for (name,) in names if name != "inspection"]
        _check_length(connection, path)
    for pragma in pragmas:
        found = connection.execute(pragma).fetchone()
        if found is not None and found[0] != "ok":
            raise damaged(str(path), str(found[0]))


def _check_length(connection: sqlite3.Connection, path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(100)
    size = int.from_bytes(head[16:18], "big")  # file format, section 1.3: 1 stands for 65536
    pages = int.from_bytes(head[28:32], "big")
    if path.stat().st_size < pages * (65536 if size == 1 else size):
        raise damaged(str(path), "its end is missing")


def _read_only(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    uri = path.absolute().as_uri() + "?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=busy_timeout_s)


def _migrate(url: URL, busy_timeout_s: float, migrations: Path) -> None:
    """Bring the database to the newest revision in one transaction, after a backup."""
    database = Database(url, busy_timeout_s=busy_timeout_s, migrating=True)
    name, config = str(database.name), _config(migrations)
    script = ScriptDirectory.from_config(config)
    try:
        with database.read() as connection:
            if _revision(connection, script, name) == script.get_current_head():
                return
        with database.write() as connection:
            revision = _revision(connection, script, name)  # again: another start may have been first
            if revision == script.get_current_head():
                return
            if revision is not None and database.is_sqlite:
                back_up(Path(str(database.url.database)), revision)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            _check_references(connection, database)
    finally:
        database.close()


def _config(migrations: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: Connection, script: ScriptDirectory, name: str) -> str | None:
    """The database's revision, None where it is empty."""
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        if inspect(connection).get_table_names():
            raise RecordsError(f"the database {name} belongs to another program", "choose another workspace")
        return None
    if revision not in {known.revision for known in script.walk_revisions()}:
        raise RecordsError(
            f"the database {name} was written by a newer version of Norma (revision {revision})",
            "install that version, or choose another workspace; nothing was changed",
        )
    return revision


def _check_references(connection: Connection, database: Database) -> None:
    if database.is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise DatabaseDamagedError(
            f"the database {database.name} has rows that refer to nothing, it can't be migrated",
            "put back a backup, or choose another workspace; nothing was changed",
        )


def back_up(path: Path, revision: str) -> Path:
    """Copy a SQLite database, also one in use, to `<name>-<revision>-<UTC time>.db` beside it.

    Raises:
        RecordsError: the copy can't be made; no half of one is left.
    """
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    target = path.with_name(f"{path.stem}-{revision}-{time}.db")
    part = target.with_suffix(".part")
    try:
        with closing(_read_only(path, 5.0)) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, target)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise RecordsError(
            f"no backup of {path} could be made before its migration ({error})",
            "free some space in its folder and start again; nothing was changed",
        ) from error
    return target
