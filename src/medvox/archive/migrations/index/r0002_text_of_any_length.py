"""Text of any length in the order of code points, and the order of records of an object store."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Sequence, String, Text, inspect
from sqlalchemy.schema import CreateSequence

revision = "0002"
down_revision = "0001"
_UIDS = {"study_uid", "series_uid", "sop_uid", "sop_class", "transfer_syntax", "digest", "segment", "name"}


def upgrade() -> None:
    """Change the types of all columns of text."""
    connection = op.get_bind()
    is_server = connection.dialect.name == "postgresql"
    collation = "C" if is_server else None
    inspector = inspect(connection)
    for table in ("studies", "series", "instances", "positions", "about"):
        with op.batch_alter_table(table) as batch:
            for column in inspector.get_columns(table):
                if isinstance(column["type"], String):
                    wanted = String(64, collation) if column["name"] in _UIDS else Text(collation=collation)
                    batch.alter_column(column["name"], type_=wanted)
    if is_server:
        connection.execute(CreateSequence(Sequence("record_order")))
