"""The tables: product, recipe version, model, session, inspection, event.

Plain SQLAlchemy Core tables: the rest of the program sees the dataclasses of `inspection.verdict`, never a
row. A change here needs a migration beside it; a test compares the two.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: timezone-aware in Python, UTC in the database.

    Raises:
        ValueError: a naive datetime is bound.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        # SQLite has no time zones and gives back what was bound without one.
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


product = Table(
    "product",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
)

recipe_version = Table(
    "recipe_version",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", ForeignKey("product.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("toml", Text, nullable=False),
    Column("first_used_at", UtcDateTime, nullable=False),
    UniqueConstraint("product_id", "version"),
)

model = Table(
    "model",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("metadata_json", Text, nullable=False),
    Column("first_used_at", UtcDateTime, nullable=False),
)

session = Table(
    "session",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("recipe_version_id", ForeignKey("recipe_version.id"), nullable=False),
    Column("model_id", ForeignKey("model.id")),
    _text("station"),
    _text("operator"),
    _text("lot"),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    sqlite_autoincrement=True,
)

inspection = Table(
    "inspection",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session_id", ForeignKey("session.id"), nullable=False),
    # The product stands here as well as behind the session, so that one index serves filter and order.
    Column("product_id", ForeignKey("product.id"), nullable=False),
    Column("recipe_version_id", ForeignKey("recipe_version.id"), nullable=False),
    Column("model_id", ForeignKey("model.id")),
    Column("part", Integer, nullable=False),
    Column("verdict", String(6), nullable=False),
    Column("score", Float(53)),
    Column("fail_threshold", Float(53), nullable=False),
    Column("review_threshold", Float(53)),
    Column("pixel_threshold", Float(53), nullable=False),
    Column("latency_ms", Float(53), nullable=False),
    Column("captured_at", UtcDateTime, nullable=False),
    _text("camera_id"),
    Column("frame_id", BigInteger, nullable=False),
    Column("lost_before", Integer, nullable=False, server_default="0"),
    _text("reason"),
    Column("defect_area", Integer, nullable=False, server_default="0"),
    # The lot and the operator may change within a session.
    _text("lot"),
    _text("operator"),
    _text("source"),
    _text("image_path"),
    _text("map_path"),
    _text("reconstruction_path"),
    _text("label"),
    _text("note"),
    CheckConstraint("verdict IN ('pass', 'fail', 'review', 'error')", name="verdict"),
    CheckConstraint("verdict = 'error' OR score IS NOT NULL", name="scored"),
    CheckConstraint("lost_before >= 0", name="lost_before"),
    # Each filter of the history is one of these, in the order of the history; see queries.py.
    Index(None, "captured_at"),
    Index(None, "verdict", "captured_at"),
    Index(None, "product_id", "verdict", "captured_at"),
    Index(None, "lot", "captured_at"),
    Index(None, "operator", "verdict", "captured_at"),
    Index(None, "score", "captured_at"),
    Index(None, "session_id", "verdict", "lost_before"),
    sqlite_autoincrement=True,
)

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),
    _text("message"),
    _text("by"),
    _text("old"),
    _text("new"),
    Column("inspection_id", ForeignKey("inspection.id"), index=True),
    sqlite_autoincrement=True,
)
