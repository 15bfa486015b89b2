"""The one thread that turns inspections into committed rows.

Rows wait in a bounded queue; each transaction takes all that wait, so a slow disk makes commits larger, not
later. So does a fast line: a transaction begins `GATHER_S` after the one before, as each costs a millisecond
however few its rows are; not where a whole group waits already, and not at the end. `on_commit` hears of rows
only after their commit: a count on the screen is a committed row. A row names its pictures only once they
stand in the archive.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update

from inspector_core.errors import RecordsError
from inspector_core.inspection.recipe import ArchivePolicy
from inspector_core.inspection.verdict import Inspection, PartImages, Verdict
from inspector_core.records.archive import ArchivedPaths, ImageArchive, is_kept, stem
from inspector_core.records.database import Database, DatabaseLockedError
from inspector_core.records.schema import inspection as table
from inspector_core.records.sessions import SessionKeys

_log = logging.getLogger(__name__)

OnCommit = Callable[[list[Inspection]], None]

GATHER_S = 0.1
"""Seconds between the beginnings of two transactions; a part that comes later than that is committed at once.

A queue that fills up meanwhile makes `record` wait: for 512 rows, at 5,000 a second."""


@dataclass(slots=True)
class _Row:
    inspection: Inspection
    id: int = 0


@dataclass(frozen=True, slots=True)
class _Pictures:
    of: _Row
    paths: ArchivedPaths


class RecordWriter:
    """Records one session's inspections; what the line knows as its recorder.

    Args:
        database, archive: where rows and pictures go; the archive is closed with the writer.
        keys: of the session.
        on_commit: called from the writer's thread after each commit, with the new inspections and their ids,
            in the order in which they were recorded.
        policy: whose pictures are kept.
        queue_size: rows that may wait before `record` waits.
        group: most rows in one transaction.
        patience_s: how long a lock held by another program is waited for before the writer gives up.
    """

    def __init__(
        self,
        database: Database,
        archive: ImageArchive,
        keys: SessionKeys,
        on_commit: OnCommit,
        policy: ArchivePolicy,
        *,
        queue_size: int = 512,
        group: int = 256,
        patience_s: float = 30.0,
    ) -> None:
        self._database = database
        self._archive = archive
        self._keys = keys
        self._on_commit = on_commit
        self._policy = policy
        self._group = group
        self._patience_s = patience_s
        self._queue: Queue[_Row | _Pictures | None] = Queue(queue_size)
        self._closed = Event()
        self._due = 0.0
        self.failure: RecordsError | None = None
        """Why nothing is recorded any more; None while all is well."""
        self._thread = Thread(target=self._run, name="records", daemon=True)
        self._thread.start()

    @property
    def dropped_images(self) -> int:
        """Parts whose pictures should have been archived and were not: no room, or the disk refused."""
        return self._archive.dropped + self._archive.failed

    @property
    def archive_error(self) -> str:
        """What keeps pictures from being written at the moment; empty while all is well."""
        return self._archive.error

    @property
    def waiting(self) -> int:
        """Rows handed over and not yet taken by the writer, which may hold one more."""
        return self._queue.qsize()

    def record(self, inspection: Inspection, images: PartImages | None) -> None:
        """Hand over one part; waits only while the queue is full. To be called by one thread at a time.

        The images are not copied: nobody may write to them any more.

        Raises:
            RecordsError: the database takes no more rows; this part is not and will not be recorded.
            ValueError: a verdict other than ERROR without a finite score.
        """
        if inspection.verdict is not Verdict.ERROR and not _is_finite(inspection.score):
            raise ValueError(f"part {inspection.part} is {inspection.verdict} with score {inspection.score}")
        row = _Row(replace(inspection, id=0, image_path="", map_path="", reconstruction_path=""))
        self._put(row)
        if images is not None and is_kept(inspection, self._policy):
            beginning = stem(inspection, self._keys.session_id)
            spare = inspection.verdict is Verdict.PASS
            self._archive.offer(beginning, images, lambda paths: self._pictured(row, paths), spare=spare)

    def close(self) -> None:
        """Write and commit everything that was handed over, then end the threads.

        Afterwards every row whose pictures were kept names them.

        Raises:
            RecordsError: the writer had to give up, so not everything is committed; the threads have ended.
        """
        if not self._closed.is_set():
            self._closed.set()
            self._archive.close()  # first: its last pictures still become updates of rows
            self._queue.put(None)
            self._thread.join()
        if self.failure is not None:
            raise self.failure

    def _put(self, item: _Row | _Pictures) -> None:
        while True:
            if self.failure is not None:
                raise self.failure
            if self._closed.is_set() and isinstance(item, _Row):
                raise RuntimeError("the writer is closed")
            try:
                self._queue.put(item, timeout=0.1)
                return
            except Full:
                continue

    def _pictured(self, row: _Row, paths: ArchivedPaths) -> None:
        try:
            self._put(_Pictures(row, paths))
        except RecordsError:
            _log.warning("pictures of part %d stand without a row", row.inspection.part)

    def _run(self) -> None:
        last = False
        while not last:
            batch, last = self._take()
            if batch and self.failure is None:
                self._commit(batch)

    def _take(self) -> tuple[list[_Row | _Pictures], bool]:
        """All that waits, at least one item, at most a group; and whether it was the last."""
        item = self._queue.get()
        if self._queue.qsize() < self._group:
            self._closed.wait(max(0.0, self._due - time.monotonic()))
        self._due = time.monotonic() + GATHER_S
        batch = []
        while item is not None:
            batch.append(item)
            if len(batch) == self._group:
                return batch, False
            try:
                item = self._queue.get_nowait()
            except Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: Sequence[_Row | _Pictures]) -> None:
        rows = [item for item in batch if isinstance(item, _Row)]
        pictures = [item for item in batch if isinstance(item, _Pictures)]
        try:
            ids = self._patiently(rows, pictures)
        except RecordsError as error:
            self._give_up(error)
            return
        except Exception:
            _log.exception("a fault of the program in the records")
            self._give_up(RecordsError("a fault of ours stopped the records", "restart, and see the log"))
            return
        for row, number in zip(rows, ids, strict=True):
            row.id = number
        committed = [replace(row.inspection, id=row.id) for row in rows]
        if committed:
            try:
                self._on_commit(committed)
            except Exception:
                _log.exception("who listens to the records failed")

    def _patiently(self, rows: Sequence[_Row], pictures: Sequence[_Pictures]) -> list[int]:
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                with self._database.write() as connection:
                    ids = self._insert(connection, rows)
                    _name_pictures(connection, pictures, dict(zip(map(id, rows), ids, strict=True)))
                return ids
            except DatabaseLockedError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.02)

    def _insert(self, connection: Connection, rows: Sequence[_Row]) -> list[int]:
        if not rows:
            return []
        statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
        return list(connection.scalars(statement, [self._values(row.inspection) for row in rows]))

    def _values(self, inspection: Inspection) -> dict[str, Any]:
        values: dict[str, Any] = {name: getattr(inspection, name) for name in _COPIED}
        values["verdict"] = str(inspection.verdict)
        values["session_id"] = self._keys.session_id
        values["product_id"] = self._keys.product_id
        values["recipe_version_id"] = self._keys.recipe_version_id
        values["model_id"] = self._keys.model_id if inspection.model_sha256 else None
        return values

    def _give_up(self, error: RecordsError) -> None:
        _log.error("%s", error)
        self.failure = error


_COPIED = [
    column.name
    for column in table.columns
    if column.name in Inspection.__dataclass_fields__ and column.name not in ("id", "verdict")
]

_NAME_PICTURES = (
    update(table)
    .where(table.c.id == bindparam("row_id"))
    .values(
        image_path=bindparam("image"),
        map_path=bindparam("map"),
        reconstruction_path=bindparam("reconstruction"),
    )
)


def _name_pictures(connection: Connection, pictures: Sequence[_Pictures], new_ids: dict[int, int]) -> None:
    """Enter the paths of pictures that stand; their rows are committed, or new in this transaction."""
    if pictures:
        connection.execute(
            _NAME_PICTURES,
            [
                {
                    "row_id": item.of.id or new_ids[id(item.of)],
                    "image": item.paths.image,
                    "map": item.paths.map,
                    "reconstruction": item.paths.reconstruction,
                }
                for item in pictures
            ],
        )


def _is_finite(score: float | None) -> bool:
    return score is not None and math.isfinite(score)
