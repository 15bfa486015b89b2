"""Reading inspections: filters, pages and score tables that stay quick at ten million rows.

The history is ordered by capture time, newest first, the row number breaking ties. Every filter is answered
by walking one index that already has that order, from the newest match on, until the page is full: the most
selective column of the filter picks the index, and the others are checked row by row. A set of verdicts is
one such walk for each verdict, merged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

from inspector_core.inspection.verdict import Inspection, Verdict
from inspector_core.records.schema import inspection, model, product, recipe_version

_FEW = 20_000
"""Rows up to which a range of scores is collected and sorted, instead of looked for in the order of time."""


@dataclass(frozen=True, slots=True)
class InspectionFilter:
    """Which inspections; every field that is given must match.

    Attributes:
        since, until: captured at or after, and before; timezone-aware.
        verdicts: any of these; empty means all.
        recipe: the recipe's name, in all its versions.
        lot, operator: exactly this.
        min_score, max_score: raw scores, both ends included; inspections without a score do not match.
    """

    since: datetime | None = None
    until: datetime | None = None
    verdicts: frozenset[Verdict] | set[Verdict] = frozenset()
    recipe: str = ""
    lot: str = ""
    operator: str = ""
    min_score: float | None = None
    max_score: float | None = None


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Stored raw scores of one recipe, newest first; row i of every array is the same inspection.

    Attributes:
        id: int64 [N].
        score: float64 [N].
        verdict: text [N], as recorded.
        label: text [N], "" where unlabelled.
    """

    id: NDArray[np.int64]
    score: NDArray[np.float64]
    verdict: NDArray[np.str_]
    label: NDArray[np.str_]


Position = tuple[datetime, int]
"""Capture time and row number of the last row of a page."""

_ROW = inspection.c
_ORDER = (_ROW.captured_at.desc(), _ROW.id.desc())


def find(
    connection: Connection, wanted: InspectionFilter, limit: int, before: Position | None = None
) -> list[Inspection]:
    """One page of the history, newest first: the first `limit` matches after `before`."""
    page = page_statement(connection, wanted, limit, before)
    return [] if page is None else [_inspection(row) for row in connection.execute(page).mappings()]


def position_of(connection: Connection, row_id: int) -> Position | None:
    """Where a row stands in the history, None where no row has that number."""
    row = connection.execute(select(_ROW.captured_at, _ROW.id).where(_ROW.id == row_id)).first()
    return None if row is None else (row[0], row[1])


def get(connection: Connection, row_id: int) -> Inspection | None:
    """One inspection by its row number."""
    row = connection.execute(_named(select(inspection).where(_ROW.id == row_id))).mappings().first()
    return None if row is None else _inspection(row)


def scores(
    connection: Connection, recipe: str, since: datetime | None, version: int | None, limit: int
) -> ScoreTable:
    """The newest raw scores of a recipe, at most `limit`."""
    product_id = _product_id(connection, recipe)
    rows: Sequence[Any] = []
    if product_id is not None:
        also: list[ColumnElement[bool]] = [_ROW.score.is_not(None)]
        if version is not None:
            of = (recipe_version.c.product_id == product_id, recipe_version.c.version == version)
            also.append(_ROW.recipe_version_id == select(recipe_version.c.id).where(*of).scalar_subquery())
        columns = (_ROW.id, _ROW.score, _ROW.verdict, _ROW.label, _ROW.captured_at)
        wanted = InspectionFilter(recipe=recipe, since=since)
        page = _walked(wanted, product_id, None, limit, columns, also).subquery().c
        newest_first = (page.captured_at.desc(), page.id.desc())
        facts = select(page.id, page.score, page.verdict, page.label).order_by(*newest_first)
        rows = connection.execute(facts).all()
    return ScoreTable(
        id=np.array([row[0] for row in rows], dtype=np.int64),
        score=np.array([row[1] for row in rows], dtype=np.float64),
        verdict=np.array([row[2] for row in rows], dtype=np.str_),
        label=np.array([row[3] for row in rows], dtype=np.str_),
    )


def page_statement(
    connection: Connection, wanted: InspectionFilter, limit: int, before: Position | None = None
) -> Select[Any] | None:
    """The statement of one page; None where nothing can match."""
    product_id = _product_id(connection, wanted.recipe)
    if wanted.recipe and product_id is None:
        return None
    if _few_scores(connection, wanted):
        return _named(_collected(wanted, product_id, before, limit))
    return _named(_walked(wanted, product_id, before, limit, tuple(_ROW)))


def _walked(
    wanted: InspectionFilter,
    product_id: int | None,
    before: Position | None,
    limit: int,
    columns: Sequence[ColumnElement[Any]],
    also: Sequence[ColumnElement[bool]] = (),
) -> Select[Any]:
    """The first `limit` matches on the walk along the index that the filter's keys pick."""
    seek = _time(wanted, before, _ROW.captured_at)
    checks = [*_checks(wanted, product_id), *also]
    walks = [
        select(*columns).where(*keys, *seek, *checks).order_by(*_ORDER).limit(limit)
        for keys in _keys(wanted, product_id)
    ]
    if len(walks) == 1:
        return walks[0]
    merged = union_all(*(walk.subquery().select() for walk in walks)).subquery()
    return select(merged).order_by(merged.c.captured_at.desc(), merged.c.id.desc()).limit(limit)


def _keys(wanted: InspectionFilter, product_id: int | None) -> list[list[ColumnElement[bool]]]:
    """What each walk is bound to, most selective first; together they cover the filter."""
    verdicts = [verdict for verdict in Verdict if verdict in wanted.verdicts]
    if wanted.lot:
        return [[_ROW.lot == wanted.lot]]
    if product_id is not None:
        return [[_ROW.product_id == product_id, _ROW.verdict == verdict] for verdict in verdicts or Verdict]
    if wanted.operator:
        return [
            [_ROW.operator == wanted.operator, _ROW.verdict == verdict] for verdict in verdicts or Verdict
        ]
    if 0 < len(verdicts) < len(Verdict):
        return [[_ROW.verdict == verdict] for verdict in verdicts]
    return [[]]


def _checks(wanted: InspectionFilter, product_id: int | None) -> list[ColumnElement[bool]]:
    """What is checked on each row of a walk; stated so that it never tempts the planner to another index."""
    checks: list[ColumnElement[bool]] = []
    if wanted.verdicts:
        checks.append(_unindexed(_ROW.verdict).in_([str(verdict) for verdict in wanted.verdicts]))
    if wanted.lot:
        checks.append(_unindexed(_ROW.lot) == wanted.lot)
    if product_id is not None:
        checks.append(_unindexed(_ROW.product_id) == product_id)
    if wanted.operator:
        checks.append(_unindexed(_ROW.operator) == wanted.operator)
    return checks + _score_range(wanted, _unindexed(_ROW.score))


def _time(
    wanted: InspectionFilter, before: Position | None, column: ColumnElement[datetime]
) -> list[ColumnElement[bool]]:
    """Where a walk begins and ends: one bound each, or SQLite takes to a less selective index."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        conditions.append(column >= wanted.since)
    if before is not None:
        last = tuple_(literal(before[0], _ROW.captured_at.type), literal(before[1]))
        conditions.append(tuple_(column, _ROW.id) < last)
    if wanted.until is not None:
        conditions.append((column if before is None else _unindexed(column)) < wanted.until)
    return conditions


def _score_range(wanted: InspectionFilter, column: ColumnElement[float]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.min_score is not None:
        conditions.append(column >= wanted.min_score)
    if wanted.max_score is not None:
        conditions.append(column <= wanted.max_score)
    return conditions


def _few_scores(connection: Connection, wanted: InspectionFilter) -> bool:
    """Whether the range of scores alone leaves so few rows that sorting them beats a walk."""
    scored = _score_range(wanted, _ROW.score)
    if not scored:
        return False
    some = select(_ROW.id).where(*scored).limit(_FEW + 1).subquery()
    return (connection.scalar(select(func.count()).select_from(some)) or 0) <= _FEW


def _collected(
    wanted: InspectionFilter, product_id: int | None, before: Position | None, limit: int
) -> Select[Any]:
    """The first `limit` of all matches, which are found through the index of scores and sorted."""
    time = _unindexed(_ROW.captured_at)
    conditions = _score_range(wanted, _ROW.score) + _time(wanted, before, time) + _checks(wanted, product_id)
    found = select(_ROW.id).where(*conditions).order_by(time.desc(), _ROW.id.desc()).limit(limit).subquery()
    return select(inspection).join(found, found.c.id == _ROW.id)


def _unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(column, column, type_=column.type)


def _named(rows: Select[Any]) -> Select[Any]:
    """The rows with their recipe's name and version and their model's hash, in the order of the history."""
    page = rows.subquery("page")
    return (
        select(page, product.c.name, recipe_version.c.version, model.c.sha256)
        .join(product, product.c.id == page.c.product_id)
        .join(recipe_version, recipe_version.c.id == page.c.recipe_version_id)
        .outerjoin(model, model.c.id == page.c.model_id)
        .order_by(page.c.captured_at.desc(), page.c.id.desc())
    )


def _product_id(connection: Connection, name: str) -> int | None:
    return connection.scalar(select(product.c.id).where(product.c.name == name)) if name else None


_SAME = [field.name for field in fields(Inspection) if field.name in inspection.c and field.name != "verdict"]


def _inspection(row: RowMapping) -> Inspection:
    return Inspection(
        verdict=Verdict(row["verdict"]),
        recipe=row["name"],
        recipe_version=row["version"],
        model_sha256=row["sha256"] or "",
        **{name: row[name] for name in _SAME},
    )
