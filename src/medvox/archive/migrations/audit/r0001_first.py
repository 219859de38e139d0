"""The tables as they were before there were migrations."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String, Text

revision = "0001"
down_revision = None
_KEY = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "audit",
        Column("id", _KEY, primary_key=True),
        Column("time", String(32), nullable=False),
        Column("who", Text, nullable=False),
        Column("action", String(64), nullable=False),
        Column("target", Text, nullable=False, server_default=""),
        Column("outcome", String(32), nullable=False),
        Column("detail", Text, nullable=False, server_default=""),
        Column("chain", String(64), nullable=False),
    )
    op.create_index("audit_by_target", "audit", ["target"])
    op.create_index("audit_by_time", "audit", ["time"])
