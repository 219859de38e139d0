"""The tables as they were before there were migrations."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, String, Text, text

revision = "0001"
down_revision = None
_KEY = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make them."""
    _studies()
    _series()
    _instances()
    _others()


def _studies() -> None:
    op.create_table(
        "studies",
        Column("id", _KEY, primary_key=True),
        Column("study_uid", String(64), nullable=False, unique=True),
        Column("patient_id", Text, nullable=False, server_default=""),
        Column("issuer", Text, nullable=False, server_default=""),
        Column("patient_name", Text, nullable=False, server_default=""),
        Column("patient_key", Text, nullable=False, server_default=""),
        Column("patient_key2", Text, nullable=False, server_default=""),
        Column("patient_key3", Text, nullable=False, server_default=""),
        Column("birth_date", String(26), nullable=False, server_default=""),
        Column("sex", String(16), nullable=False, server_default=""),
        Column("study_date", String(26), nullable=False, server_default=""),
        Column("study_time", String(28), nullable=False, server_default=""),
        Column("accession", Text, nullable=False, server_default=""),
        Column("referring_key", Text, nullable=False, server_default=""),
        Column("referring_key2", Text, nullable=False, server_default=""),
        Column("referring_key3", Text, nullable=False, server_default=""),
        Column("study_id", Text, nullable=False, server_default=""),
        Column("referring", Text, nullable=False, server_default=""),
        Column("description", Text, nullable=False, server_default=""),
        Column("attributes", Text, nullable=False, server_default="{}"),
        Column("changed", BigInteger, nullable=False, server_default="0"),
        Column("is_protected", Boolean, nullable=False, server_default=text("false")),
    )
    op.create_index("studies_by_patient", "studies", ["patient_id", "issuer"])
    op.create_index("studies_by_name", "studies", ["patient_key"])
    op.create_index("studies_by_name2", "studies", ["patient_key2"])
    op.create_index("studies_by_name3", "studies", ["patient_key3"])
    op.create_index("studies_by_date", "studies", ["study_date", "id"])
    op.create_index("studies_by_accession", "studies", ["accession"])


def _series() -> None:
    op.create_table(
        "series",
        Column("id", _KEY, primary_key=True),
        Column("study", _KEY, ForeignKey("studies.id"), nullable=False),
        Column("series_uid", String(64), nullable=False),
        Column("modality", String(16), nullable=False, server_default=""),
        Column("number", Integer),
        Column("description", Text, nullable=False, server_default=""),
        Column("body_part", String(64), nullable=False, server_default=""),
        Column("attributes", Text, nullable=False, server_default="{}"),
        Column("changed", BigInteger, nullable=False, server_default="0"),
        Column("metadata", LargeBinary),
    )
    op.create_index("series_of_study", "series", ["study", "series_uid"], unique=True)
    op.create_index("series_by_uid", "series", ["series_uid"])
    op.create_index("series_by_modality", "series", ["modality", "study"])


def _instances() -> None:
    op.create_table(
        "instances",
        Column("id", _KEY, primary_key=True),
        Column("series", _KEY, ForeignKey("series.id"), nullable=False),
        Column("sop_uid", String(64), nullable=False),
        Column("sop_class", String(64), nullable=False),
        Column("version", Integer, nullable=False, server_default="1"),
        Column("is_current", Boolean, nullable=False, server_default=text("true")),
        Column("deleted", BigInteger, nullable=False, server_default="0"),
        Column("number", Integer),
        Column("transfer_syntax", String(64), nullable=False),
        Column("frames", Integer, nullable=False, server_default="1"),
        Column("size", BigInteger, nullable=False),
        Column("digest", String(64), nullable=False),
        Column("place", Text, nullable=False),
        Column("place_offset", BigInteger, nullable=False, server_default="0"),
        Column("data_set_offset", Integer, nullable=False, server_default="0"),
        Column("received", BigInteger, nullable=False),
        Column("origin", Text, nullable=False, server_default=""),
        Column("attributes", Text, nullable=False, server_default="{}"),
    )
    op.create_index("instances_by_uid", "instances", ["sop_uid", "version"], unique=True)
    op.create_index("instances_of_series", "instances", ["series", "is_current"])


def _others() -> None:
    op.create_table(
        "positions",
        Column("segment", String(64), primary_key=True),
        Column("position", BigInteger, nullable=False),
    )
    op.create_table(
        "about",
        Column("name", String(64), primary_key=True),
        Column("value", Text, nullable=False),
    )
