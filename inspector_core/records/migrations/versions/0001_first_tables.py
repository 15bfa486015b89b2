"""The first tables.

A migration repeats the schema of its day and imports none of today's.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _moment(name: str, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _number(name: str, nullable: bool = False) -> "sa.Column[float]":
    return sa.Column(name, sa.Float(53), nullable=nullable)


def _to(table: str, column: str, nullable: bool = False) -> "sa.Column[int]":
    key = sa.ForeignKey(f"{table}.id")
    return sa.Column(column, sa.Integer(), key, nullable=nullable)


def upgrade() -> None:
    """Make every table of the first release."""
    _what_is_inspected()
    _inspection()
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), primary_key=True),
        _moment("at"),
        sa.Column("kind", sa.Text(), nullable=False),
        *(_text(name) for name in ("message", "by", "old", "new")),
        _to("inspection", "inspection_id", nullable=True),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_inspection_id", "event", ["inspection_id"])


def _what_is_inspected() -> None:
    op.create_table(
        "product",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "recipe_version",
        sa.Column("id", sa.Integer(), primary_key=True),
        _to("product", "product_id"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("toml", sa.Text(), nullable=False),
        _moment("first_used_at"),
        sa.UniqueConstraint("product_id", "version"),
    )
    op.create_table(
        "model",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("metadata_json", sa.Text(), nullable=False),
        _moment("first_used_at"),
        sa.UniqueConstraint("sha256"),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.Integer(), primary_key=True),
        _to("recipe_version", "recipe_version_id"),
        _to("model", "model_id", nullable=True),
        *(_text(name) for name in ("station", "operator", "lot")),
        _moment("started_at"),
        _moment("ended_at", nullable=True),
        sqlite_autoincrement=True,
    )


def _inspection() -> None:
    paths = ("image_path", "map_path", "reconstruction_path")
    op.create_table(
        "inspection",
        sa.Column("id", sa.Integer(), primary_key=True),
        _to("session", "session_id"),
        _to("product", "product_id"),
        _to("recipe_version", "recipe_version_id"),
        _to("model", "model_id", nullable=True),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(6), nullable=False),
        _number("score", nullable=True),
        _number("fail_threshold"),
        _number("review_threshold", nullable=True),
        _number("pixel_threshold"),
        _number("latency_ms"),
        _moment("captured_at"),
        _text("camera_id"),
        sa.Column("frame_id", sa.BigInteger(), nullable=False),
        sa.Column("lost_before", sa.Integer(), nullable=False, server_default="0"),
        _text("reason"),
        sa.Column("defect_area", sa.Integer(), nullable=False, server_default="0"),
        *(_text(name) for name in ("lot", "operator", "source", *paths, "label", "note")),
        sa.CheckConstraint("verdict IN ('pass', 'fail', 'review', 'error')", name="verdict"),
        sa.CheckConstraint("verdict = 'error' OR score IS NOT NULL", name="scored"),
        sa.CheckConstraint("lost_before >= 0", name="lost_before"),
        sqlite_autoincrement=True,
    )
    for columns in (
        ["captured_at"],
        ["verdict", "captured_at"],
        ["product_id", "verdict", "captured_at"],
        ["lot", "captured_at"],
        ["operator", "verdict", "captured_at"],
        ["score", "captured_at"],
        ["session_id", "verdict", "lost_before"],
    ):
        op.create_index("ix_inspection_" + "_".join(columns), "inspection", columns)
