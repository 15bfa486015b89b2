"""The one door to everything that is recorded."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, insert, select, update

from inspector_core.errors import RecordsError
from inspector_core.inspection.recipe import ArchivePolicy, Recipe
from inspector_core.inspection.verdict import Inspection, PartImages
from inspector_core.records import queries, schema, sessions
from inspector_core.records.archive import ImageArchive, read_pictures
from inspector_core.records.database import Database
from inspector_core.records.export import write_csv
from inspector_core.records.opening import open_database
from inspector_core.records.queries import InspectionFilter, ScoreTable
from inspector_core.records.sessions import SessionCounts
from inspector_core.records.writer import RecordWriter
from inspector_core.workspace import Workspace

LABELS = ("", "true_defect", "false_reject", "good")
"""What a person may say of a part afterwards; "" takes it back."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person or the line did: who, when, what, old value, new value, why (`message`)."""

    id: int
    at: datetime
    kind: str
    message: str
    by: str
    old: str
    new: str
    inspection_id: int | None


@dataclass(frozen=True, slots=True)
class Choices:
    """What the history can be filtered by, each in alphabetical order, as sessions began with it."""

    recipes: list[str]
    lots: list[str]
    operators: list[str]


class Records:
    """Inspections, sessions and events of one workspace; safe to share between threads.

    Every method raises RecordsError where the database can't be read or written.
    """

    def __init__(self, workspace: Workspace, database: Database) -> None:
        self._workspace = workspace
        self._database = database

    @classmethod
    def open(
        cls, workspace: Workspace, url: str | URL | None = None, *, busy_timeout_s: float = 5.0
    ) -> "Records":
        """Open the workspace's database, or the one at an SQLAlchemy URL.

        A missing one is made; an older one is backed up beside itself and migrated.

        Raises:
            RecordsError: it is damaged, locked, not writable, of another program or of a newer version of
                this one; nothing in it was changed.
        """
        where = url or URL.create("sqlite", database=str(workspace.database))
        return cls(workspace, open_database(where, busy_timeout_s=busy_timeout_s))

    def close(self) -> None:
        """Close the connections; writers must be closed before."""
        self._database.close()

    def __enter__(self) -> "Records":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Sessions

    def start_session(
        self,
        recipe: Recipe,
        model_sha256: str = "",
        operator: str = "",
        lot: str = "",
        *,
        model_metadata: str = "{}",
    ) -> int:
        """Begin a run of one recipe version with one model; returns the session's number.

        Args:
            recipe: kept word for word with the first session of its version.
            model_sha256: empty where no model could be loaded.
            operator, lot: at the beginning; each inspection carries its own.
            model_metadata: the model file's metadata as a JSON object.

        Raises:
            RecordsError: this version of the recipe was used before with other settings.
        """
        with self._database.write() as connection:
            return sessions.begin(connection, recipe, model_sha256, model_metadata, operator, lot)

    def end_session(self, session_id: int) -> None:
        """Note the time at which a session ended; one that was killed has none."""
        with self._database.write() as connection:
            sessions.end(connection, session_id)

    def writer(
        self,
        session_id: int,
        on_commit: Callable[[list[Inspection]], None],
        archive_policy: ArchivePolicy,
        *,
        patience_s: float = 30.0,
    ) -> RecordWriter:
        """The recorder of one session; close it before the records.

        Args:
            session_id: as `start_session` gave it.
            on_commit: called from the writer's thread with each group of committed inspections.
            archive_policy: whose pictures are kept.
            patience_s: how long to wait for another program's lock before giving up.
        """
        with self._database.read() as connection:
            keys = sessions.keys(connection, session_id)
        archive = ImageArchive(self._workspace.root)
        return RecordWriter(self._database, archive, keys, on_commit, archive_policy, patience_s=patience_s)

    def counts(self, session_id: int) -> SessionCounts:
        """The committed counts of a session."""
        with self._database.read() as connection:
            return sessions.counts(connection, session_id)

    # History

    def find(
        self, wanted: InspectionFilter | None = None, limit: int = 200, before_id: int | None = None
    ) -> list[Inspection]:
        """One page of the history, newest capture first.

        Args:
            wanted: the filter; None for everything.
            limit: most inspections of the page.
            before_id: id of the last inspection of the page before this one.
        """
        wanted = wanted or InspectionFilter()
        with self._database.read() as connection:
            before = None
            if before_id is not None and (before := queries.position_of(connection, before_id)) is None:
                raise _unknown(before_id)
            return queries.find(connection, wanted, limit, before)

    def pages(self, wanted: InspectionFilter | None = None, size: int = 2000) -> Iterator[list[Inspection]]:
        """All matches, newest first, a page at a time; what is recorded meanwhile is left out."""
        page = self.find(wanted, size)
        while page:
            yield page
            page = self.find(wanted, size, before_id=page[-1].id) if len(page) == size else []

    def get(self, inspection_id: int) -> Inspection:
        """One inspection.

        Raises:
            RecordsError: there is none of that number.
        """
        with self._database.read() as connection:
            found = queries.get(connection, inspection_id)
        if found is None:
            raise _unknown(inspection_id)
        return found

    def images(self, inspection: Inspection) -> PartImages | None:
        """The archived pictures of a part; None where there are none or they were removed."""
        return read_pictures(self._workspace.root, inspection)

    def recipe_toml_of(self, inspection_id: int) -> str:
        """The recipe of an inspection, word for word as it was."""
        table = schema.recipe_version
        wanted = select(table.c.toml).join(schema.inspection).where(schema.inspection.c.id == inspection_id)
        with self._database.read() as connection:
            text = connection.scalar(wanted)
        if text is None:
            raise _unknown(inspection_id)
        return str(text)

    def model_of(self, inspection_id: int) -> dict[str, Any]:
        """The metadata of the model that scored a part, with its `sha256`; empty where none did."""
        table = schema.model
        wanted = (
            select(schema.inspection.c.id, table.c.sha256, table.c.metadata_json)
            .outerjoin_from(schema.inspection, table)
            .where(schema.inspection.c.id == inspection_id)
        )
        with self._database.read() as connection:
            row = connection.execute(wanted).first()
        if row is None:
            raise _unknown(inspection_id)
        return {} if row.sha256 is None else dict(json.loads(row.metadata_json)) | {"sha256": row.sha256}

    def scores(
        self, recipe: str, since: datetime | None = None, version: int | None = None, limit: int = 100_000
    ) -> ScoreTable:
        """The newest stored raw scores of a recipe, for tuning.

        Args:
            recipe: its name.
            since: only parts captured from then on; timezone-aware.
            version: only this version; None for all.
            limit: most rows.
        """
        with self._database.read() as connection:
            return queries.scores(connection, recipe, since, version, limit)

    def choices(self) -> Choices:
        """What there is to filter by."""
        session = schema.session.c
        columns = (schema.product.c.name, session.lot, session.operator)
        with self._database.read() as connection:
            found = [
                connection.scalars(select(c).where(c != "").distinct().order_by(c)).all() for c in columns
            ]
        return Choices(*map(list, found))

    def export_csv(self, wanted: InspectionFilter | None, path: Path) -> int:
        """Write all matches as CSV for a spreadsheet, all or nothing; returns their number.

        Raises:
            RecordsError: the file can't be written; one that stood there before still stands.
        """
        return write_csv(self.pages(wanted), path)

    # Audit

    def relabel(self, inspection_id: int, label: str, note: str = "", by: str = "") -> None:
        """Say what a part really was; the change, and who made it, is kept as an event.

        Raises:
            RecordsError: there is no such inspection.
            ValueError: `label` is none of `LABELS`.
        """
        if label not in LABELS:
            raise ValueError(f"{label!r} is none of {LABELS}")
        row = schema.inspection.c
        with self._database.write() as connection:
            old = connection.execute(select(row.label, row.note).where(row.id == inspection_id)).first()
            if old is None:
                raise _unknown(inspection_id)
            changed = update(schema.inspection).where(row.id == inspection_id)
            connection.execute(changed.values(label=label, note=note))
            _log_event(connection, "relabel", note, by, old.label, label, inspection_id)

    def log_event(self, kind: str, message: str, by: str = "", old: str = "", new: str = "") -> None:
        """Keep that something happened, for the audit."""
        with self._database.write() as connection:
            _log_event(connection, kind, message, by, old, new, None)

    def events(self, limit: int = 200, inspection_id: int | None = None) -> list[Event]:
        """The newest events first; all, or those of one inspection."""
        table = schema.event
        wanted = select(table).order_by(table.c.id.desc()).limit(limit)
        if inspection_id is not None:
            wanted = wanted.where(table.c.inspection_id == inspection_id)
        with self._database.read() as connection:
            return [Event(**row) for row in connection.execute(wanted).mappings()]


def _log_event(
    connection: Connection, kind: str, message: str, by: str, old: str, new: str, inspection_id: int | None
) -> None:
    values = {"at": datetime.now(UTC), "kind": kind, "message": message, "by": by, "old": old, "new": new}
    connection.execute(insert(schema.event).values(**values, inspection_id=inspection_id))


def _unknown(inspection_id: int) -> RecordsError:
    return RecordsError(f"there is no inspection {inspection_id}", "choose one from the history")
