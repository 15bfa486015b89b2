"""One database: its connections, its transactions, and its faults in words.

SQLite runs in WAL mode with `synchronous=FULL`: what was committed survives kill -9 and a power cut, and
reading never waits for writing. Any other SQLAlchemy URL goes through the same two doors, `read` and
`write`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from inspector_core.errors import RecordsError

_BEGIN = "norma_begin"


class DatabaseLockedError(RecordsError):
    """Another program holds the database; trying again may help."""


class DatabaseFullError(RecordsError):
    """There is no room for another row."""


class DatabaseDamagedError(RecordsError):
    """The file is not, or no longer, a sound database."""


class Database:
    """Transactions on one database; safe to share between threads.

    Args:
        url: any SQLAlchemy URL; the one tested is SQLite in a file.
        busy_timeout_s: how long a statement waits for another program's lock.
        migrating: leave the file's journal mode as it stands, since the database may turn out not to be ours,
            and foreign keys off, since SQLite rebuilds tables under their references.

    Raises:
        RecordsError: the URL can't be understood or its driver is not installed.
    """

    def __init__(self, url: str | URL, *, busy_timeout_s: float = 5.0, migrating: bool = False) -> None:
        try:
            self.url = make_url(url)
            self._engine = create_engine(self.url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            problem = f"the database URL can't be used ({error})"
            raise RecordsError(problem, "correct it, or leave it out for a file in the workspace") from error
        self.name = self.url.database if self.is_sqlite else self.url.render_as_string(hide_password=True)
        self._one_writer = Lock()
        if self.is_sqlite:
            _prepare_sqlite(self._engine, busy_timeout_s, migrating)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view; never waits for a writer.

        Raises:
            RecordsError: the database can't be read.
        """
        with self._in_words(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back by any exception.

        The lock is taken before the first statement (`BEGIN IMMEDIATE`), so a transaction fails at its
        beginning or not at all for another's sake.

        Raises:
            DatabaseLockedError: another program held the lock longer than the busy timeout.
            DatabaseFullError: the disk is full.
            RecordsError: anything else that a person can mend.
        """
        writing = self._engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        with self._in_words(), self._one_writer, writing.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every idle connection."""
        self._engine.dispose()

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeoutError, sqlite3.Error) as error:  # the last while connecting
            said = in_words(error, str(self.name))
            if said is None:
                raise
            raise said from error


def in_words(error: Exception, name: str) -> RecordsError | None:
    """The fault as a person can mend it; None where it is a fault of the program.

    Args:
        error: from sqlite3 or from SQLAlchemy.
        name: of the database, for the message.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return _sqlite_in_words(cause, name)
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError):
        return RecordsError(
            f"the database {name} can't be used ({cause})", "check the server and the network"
        )
    return None


def _sqlite_in_words(error: sqlite3.Error, name: str) -> RecordsError | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseLockedError(
            f"the database {name} is locked by another program", "close that program and try again"
        )
    if code == sqlite3.SQLITE_FULL:
        return DatabaseFullError(
            f"the disk is full, {name} can't take another row", "free some space and start again"
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(name, str(error))
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return RecordsError(
            f"the database {name} can't be opened for writing ({error})",
            "correct the permissions of the file and its folder, or choose another workspace",
        )
    if code == sqlite3.SQLITE_IOERR:
        return RecordsError(f"the disk failed under the database {name} ({error})", "check the disk")
    return None


def damaged(name: str, detail: str) -> DatabaseDamagedError:
    """The error for a file whose content can't be trusted."""
    return DatabaseDamagedError(
        f"the database {name} is damaged or not a database ({detail})",
        "move it aside and put back a backup, or choose another workspace; nothing was changed",
    )


def _prepare_sqlite(engine: Engine, busy_timeout_s: float, migrating: bool) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        # The driver's own way of beginning transactions leaves schema changes outside of them.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout_s * 1000)}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA foreign_keys = {'OFF' if migrating else 'ON'}")
        if not migrating:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA journal_size_limit = {64 << 20}")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
