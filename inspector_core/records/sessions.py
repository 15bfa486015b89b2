"""Sessions: one run of one recipe version with one model, and what its inspections refer to."""

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from inspector_core.errors import RecipeError, RecordsError
from inspector_core.inspection.recipe import Recipe, parse_recipe, recipe_toml
from inspector_core.inspection.verdict import Verdict
from inspector_core.records.schema import inspection, model, product, recipe_version, session

_WHO_AND_WHEN = {"reason", "author", "created_at"}


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """Row numbers that every inspection of one session refers to."""

    session_id: int
    product_id: int
    recipe_version_id: int
    model_id: int | None


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """Committed parts of one session."""

    passed: int = 0
    failed: int = 0
    review: int = 0
    error: int = 0
    lost: int = 0

    @property
    def inspected(self) -> int:
        return self.passed + self.failed + self.review + self.error

    @property
    def triggers(self) -> int:
        """House rule 4: every trigger became a verdict or is counted as lost."""
        return self.inspected + self.lost


def begin(
    connection: Connection, recipe: Recipe, model_sha256: str, model_metadata: str, operator: str, lot: str
) -> int:
    """Make a session, with its product, recipe version and model where they are new; its number.

    Raises:
        RecordsError: this version of the recipe was used before with other settings.
    """
    now = datetime.now(UTC)
    model_id = None
    if model_sha256:
        first = {"metadata_json": model_metadata, "first_used_at": now}
        model_id = _number_of(connection, model, {"sha256": model_sha256}, first)
    begun = insert(session).values(
        recipe_version_id=_version_number(connection, recipe, now),
        model_id=model_id,
        station=platform.node(),
        operator=operator,
        lot=lot,
        started_at=now,
    )
    return _new_number(connection.execute(begun))


def end(connection: Connection, session_id: int) -> None:
    """Note the time at which a session ended."""
    ended = update(session).where(session.c.id == session_id).values(ended_at=datetime.now(UTC))
    connection.execute(ended)


def keys(connection: Connection, session_id: int) -> SessionKeys:
    """What the inspections of a session refer to."""
    columns = (session.c.id, recipe_version.c.product_id, recipe_version.c.id, session.c.model_id)
    wanted = select(*columns).join_from(session, recipe_version).where(session.c.id == session_id)
    return SessionKeys(*connection.execute(wanted).one())


def counts(connection: Connection, session_id: int) -> SessionCounts:
    """The committed counts of a session."""
    columns = (inspection.c.verdict, func.count(), func.sum(inspection.c.lost_before))
    wanted = select(*columns).where(inspection.c.session_id == session_id).group_by(inspection.c.verdict)
    rows = connection.execute(wanted).all()
    count = {verdict: number for verdict, number, _ in rows}
    return SessionCounts(
        passed=count.get(Verdict.PASS, 0),
        failed=count.get(Verdict.FAIL, 0),
        review=count.get(Verdict.REVIEW, 0),
        error=count.get(Verdict.ERROR, 0),
        lost=sum(lost for *_, lost in rows),
    )


def _version_number(connection: Connection, recipe: Recipe, now: datetime) -> int:
    product_id = _number_of(connection, product, {"name": recipe.name}, {"created_at": now})
    key = {"product_id": product_id, "version": recipe.version}
    first = {"toml": recipe_toml(recipe), "first_used_at": now}
    number = _number_of(connection, recipe_version, key, first)
    text = connection.scalar(select(recipe_version.c.toml).where(recipe_version.c.id == number))
    if not _same(str(text), recipe):
        raise RecordsError(
            f"version {recipe.version} of the recipe {recipe.name} was used before with other settings",
            "give the changed recipe a new version number, or publish it",
        )
    return number


def _same(text: str, recipe: Recipe) -> bool:
    """Whether the recorded text inspects as this recipe does, whoever published it and when."""
    try:
        recorded = parse_recipe(text, "the recorded recipe")
    except RecipeError:
        return text == recipe_toml(recipe)
    return recorded.model_dump(exclude=_WHO_AND_WHEN) == recipe.model_dump(exclude=_WHO_AND_WHEN)


def _number_of(connection: Connection, table: Any, key: dict[str, Any], first: dict[str, Any]) -> int:
    """The id of the row with this key, which is made with the values `first` where there is none."""
    found = connection.scalar(select(table.c.id).filter_by(**key))
    return int(found) if found else _new_number(connection.execute(insert(table).values(**key, **first)))


def _new_number(result: Any) -> int:
    return int(result.inserted_primary_key[0])
