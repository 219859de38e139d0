"""Tables of the index, the same in SQLite and PostgreSQL.

Who changes them adds a revision to `medvox.archive.migrations.index`, see `medvox.archive.migrations`.

Values that queries match are columns; what is only returned lies in `attributes`, a JSON object of DICOM
JSON elements (PS3.18 F). Names of patients are matched by `patient_key`, which folds letters and groups.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    String,
    Table,
    Text,
    text,
)

METADATA: Final = MetaData()
_KEY: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by INTEGER alone
_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its code points, as SQLite has it; values of files may be of any length."""
_UID: Final = String(64).with_variant(String(64, collation="C"), "postgresql")

STUDIES: Final = Table(
    "studies",
    METADATA,
    Column("id", _KEY, primary_key=True),
    Column("study_uid", _UID, nullable=False, unique=True),
    Column("patient_id", _TEXT, nullable=False, server_default=""),
    Column("issuer", _TEXT, nullable=False, server_default=""),
    Column("patient_name", _TEXT, nullable=False, server_default=""),
    Column("patient_key", _TEXT, nullable=False, server_default=""),
    Column("patient_key2", _TEXT, nullable=False, server_default=""),
    Column("patient_key3", _TEXT, nullable=False, server_default=""),
    Column("birth_date", _TEXT, nullable=False, server_default=""),
    Column("sex", _TEXT, nullable=False, server_default=""),
    Column("study_date", _TEXT, nullable=False, server_default=""),
    Column("study_time", _TEXT, nullable=False, server_default=""),
    Column("accession", _TEXT, nullable=False, server_default=""),
    Column("referring_key", _TEXT, nullable=False, server_default=""),
    Column("referring_key2", _TEXT, nullable=False, server_default=""),
    Column("referring_key3", _TEXT, nullable=False, server_default=""),
    Column("study_id", _TEXT, nullable=False, server_default=""),
    Column("referring", _TEXT, nullable=False, server_default=""),
    Column("description", _TEXT, nullable=False, server_default=""),
    Column("attributes", _TEXT, nullable=False, server_default="{}"),
    Column("changed", BigInteger, nullable=False, server_default="0"),
    Column("is_protected", Boolean, nullable=False, server_default=text("false")),
    Index("studies_by_patient", "patient_id", "issuer"),
    Index("studies_by_name", "patient_key"),
    Index("studies_by_name2", "patient_key2"),
    Index("studies_by_name3", "patient_key3"),
    Index("studies_by_date", "study_date", "id"),
    Index("studies_by_accession", "accession"),
)

SERIES: Final = Table(
    "series",
    METADATA,
    Column("id", _KEY, primary_key=True),
    Column("study", ForeignKey("studies.id"), nullable=False),
    Column("series_uid", _UID, nullable=False),
    Column("modality", _TEXT, nullable=False, server_default=""),
    Column("number", Integer),
    Column("description", _TEXT, nullable=False, server_default=""),
    Column("body_part", _TEXT, nullable=False, server_default=""),
    Column("attributes", _TEXT, nullable=False, server_default="{}"),
    Column("changed", BigInteger, nullable=False, server_default="0"),
    Column("metadata", LargeBinary),
    Index("series_of_study", "study", "series_uid", unique=True),
    Index("series_by_uid", "series_uid"),
    Index("series_by_modality", "modality", "study"),
)

INSTANCES: Final = Table(
    "instances",
    METADATA,
    Column("id", _KEY, primary_key=True),
    Column("series", ForeignKey("series.id"), nullable=False),
    Column("sop_uid", _UID, nullable=False),
    Column("sop_class", _UID, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("is_current", Boolean, nullable=False, server_default=text("true")),
    Column("deleted", BigInteger, nullable=False, server_default="0"),
    Column("number", Integer),
    Column("transfer_syntax", _UID, nullable=False),
    Column("frames", Integer, nullable=False, server_default="1"),
    Column("size", BigInteger, nullable=False),
    Column("digest", _UID, nullable=False),
    Column("place", _TEXT, nullable=False),
    Column("place_offset", BigInteger, nullable=False, server_default="0"),
    Column("data_set_offset", Integer, nullable=False, server_default="0"),
    Column("received", BigInteger, nullable=False),
    Column("origin", _TEXT, nullable=False, server_default=""),
    Column("attributes", _TEXT, nullable=False, server_default="{}"),
    Index("instances_by_uid", "sop_uid", "version", unique=True),
    Index("instances_of_series", "series", "is_current"),
)

POSITIONS: Final = Table(
    "positions",
    METADATA,
    Column("segment", _UID, primary_key=True),
    Column("position", BigInteger, nullable=False),
)
"""Up to which byte each segment of the journal is in the index."""

ABOUT: Final = Table(
    "about",
    METADATA,
    Column("name", _UID, primary_key=True),
    Column("value", _TEXT, nullable=False),
)
"""Facts about the index itself: which store it belongs to."""

ORDER: Final = Sequence("record_order", metadata=METADATA)
"""Numbers records of an object store, where several processes write them (PostgreSQL)."""

AUDIT_METADATA: Final = MetaData()
AUDIT: Final = Table(
    "audit",
    AUDIT_METADATA,
    Column("id", _KEY, primary_key=True),
    Column("time", String(32), nullable=False),
    Column("who", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", Text, nullable=False, server_default=""),
    Column("outcome", String(32), nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("chain", String(64), nullable=False),
    Index("audit_by_target", "target"),
    Index("audit_by_time", "time"),
)
"""Events, each with the digest of all before it; in a database of its own, since it cannot be rebuilt."""
