"""Pages of 100 rows from an index of 1,000,000 instances beside those from one of 10,000.

The rows are made in the database itself, 40 instances a study and two studies a patient, as
`medvox.archive.index` writes them. What is timed is the index's own way of answering: the questions of
QIDO-RS and C-FIND, with the objects that are sent. The goal is about the time at 10,000.

``MEDVOX_SCALE`` sets another number than 1,000,000 for a shorter run. PostgreSQL is left out where it is
not installed.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks.harness import Case
from medvox.archive.index.engine import open_engine
from medvox.archive.index.query import page
from medvox.archive.migrations.running import INDEX, migrate
from medvox.archive.model import Level, Query
from medvox.testing import postgresql

SMALL = 10_000
LARGE = int(os.environ.get("MEDVOX_SCALE", "1000000"))
PER_SERIES, PER_STUDY = 20, 40
UID = "1.2.826.0.1.3680043.10.1450"
TIMES = 5
"""Pages of one measurement."""

NUMBERS = {
    "postgresql": "SELECT CAST(n AS text) AS t, n FROM generate_series(1, {0}) AS g(n)",
    "sqlite": (
        "WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {0})"
        " SELECT CAST(n AS text) AS t, n FROM g"
    ),
}
STUDIES = f"""
INSERT INTO studies (id, study_uid, patient_id, patient_name, patient_key, birth_date, sex, study_date,
  study_time, accession, study_id, description, attributes, changed)
SELECT n, '{UID}.1.' || t, 'P' || CAST(n / 2 AS text), 'Family' || CAST(n % 2 AS text) || '^' || t,
  'family' || CAST(n % 2 AS text) || '^' || t, '19700101', 'O',
  CAST(20100101 + (n % 15) * 10000 + (n % 12) * 100 + n % 28 AS text), '101500', 'A' || t, t, 'Head',
  '{{"0020000D":{{"vr":"UI","Value":["{UID}.1.' || t || '"]}},"00100020":{{"vr":"LO","Value":["P' ||
  CAST(n / 2 AS text) || '"]}},"00100010":{{"vr":"PN","Value":[{{"Alphabetic":"Family^' || t ||
  '"}}]}},"00080020":{{"vr":"DA","Value":["20200101"]}},"00081030":{{"vr":"LO","Value":["Head"]}}}}', n
FROM ({{numbers}}) AS numbers
"""
SERIES = f"""
INSERT INTO series (id, study, series_uid, modality, number, description, body_part, attributes, changed)
SELECT n, (n + 1) / 2, '{UID}.2.' || t, CASE WHEN n % 3 = 0 THEN 'CT' ELSE 'MR' END, n % 2, 'Axial', 'HEAD',
  '{{"0020000E":{{"vr":"UI","Value":["{UID}.2.' || t || '"]}},"00080060":{{"vr":"CS","Value":["MR"]}}}}', n
FROM ({{numbers}}) AS numbers
"""
INSTANCES = f"""
INSERT INTO instances (id, series, sop_uid, sop_class, number, transfer_syntax, size, digest, place,
  place_offset, data_set_offset, received, origin, attributes)
SELECT n, (n - 1) / {PER_SERIES} + 1, '{UID}.3.' || t, '1.2.840.10008.5.1.4.1.1.2', n % {PER_SERIES},
  '1.2.840.10008.1.2.1', 526000, '0123456789abcdef0123456789abcdef0123456789abcdef' || t,
  '00000001abcdef-000001.seg', n, 400, n, '["CT1","10.0.0.1"]',
  '{{"00080018":{{"vr":"UI","Value":["{UID}.3.' || t || '"]}},"00280010":{{"vr":"US","Value":[512]}}}}'
FROM ({{numbers}}) AS numbers
"""
QUESTIONS: dict[str, Query] = {
    "QIDO studies, newest": Query(limit=100),
    "QIDO studies, name*": Query(filters={0x00100010: "family1*"}, limit=100),
    "QIDO studies, modality": Query(filters={0x00080061: "CT"}, limit=100),
    "QIDO series, all": Query(Level.SERIES, limit=100),
    "QIDO series, modality": Query(Level.SERIES, {0x00080060: "CT"}, limit=100),
    "QIDO instances, all": Query(Level.INSTANCE, limit=100),
    "QIDO instances of a study": Query(Level.INSTANCE, {0x0020000D: f"{UID}.1.77"}, limit=100),
    "C-FIND patients, all": Query(Level.PATIENT, limit=100),
    "C-FIND patients, name*": Query(Level.PATIENT, {0x00100010: "family1*"}, limit=100),
    "C-FIND studies of a patient": Query(filters={0x00100020: "P33"}, limit=100),
    "C-FIND studies, accession": Query(filters={0x00080050: "A99"}, limit=100),
    "C-FIND studies, dates": Query(filters={0x00080020: "20120101-20171231"}, limit=100),
    "C-FIND images of a series": Query(Level.INSTANCE, {0x0020000E: f"{UID}.2.55"}, limit=100),
}


def filled(where: Path | str, count: int) -> Engine:
    """Make an index of `count` instances."""
    engine = open_engine(where)
    migrate(engine, INDEX)
    numbers = NUMBERS[engine.dialect.name]
    with engine.begin() as connection:
        for statement, rows in (
            (STUDIES, count // PER_STUDY),
            (SERIES, count // PER_SERIES),
            (INSTANCES, count),
        ):
            connection.execute(text(escaped(statement.replace("{numbers}", numbers.format(rows)))))
    if engine.dialect.name == "postgresql":  # as its autovacuum does by itself
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    return engine


def escaped(statement: str) -> str:
    """Keep colons of JSON from being taken for parameters."""
    return statement.replace(":", "\\:")


@cache
def folder() -> Path:
    made = Path(tempfile.mkdtemp(prefix="medvox-bench-scale-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@cache
def server() -> postgresql.Server:
    started = postgresql.Server(shared_buffers="512MB")
    atexit.register(started.stop)
    return started


@cache
def engine_of(kind: str, count: int) -> Engine:
    """An index of a kind and size, made once."""
    where = folder() / f"{count}.sqlite" if kind == "SQLite" else server().new_database()
    engine = filled(where, count)
    atexit.register(engine.dispose)
    return engine


def pages(kind: str, count: int, query: Query) -> list[int]:
    """Ask for the page some times; return how many rows each had."""
    lengths = []
    for _ in range(TIMES):
        with engine_of(kind, count).connect() as connection:
            lengths.append(len(page(connection, query).rows))
    return lengths


def check(results: dict[str, list[int]]) -> None:
    ours = results["ours"]
    assert min(ours) > 0
    assert all(lengths == ours for lengths in results.values()), results


def kinds() -> list[str]:
    return ["SQLite", *(["PostgreSQL"] if postgresql.programs() else [])]


def cases() -> list[Case]:
    """Each question on each kind of database."""
    made: list[Case] = []
    for kind in kinds():
        for name, query in QUESTIONS.items():
            ours: Callable[[], list[int]] = partial(pages, kind, LARGE, query)
            made.append(
                Case(
                    name=f"{kind} {LARGE:,} instances, {name}",
                    ours=ours,
                    peers={f"{SMALL:,} instances": partial(pages, kind, SMALL, query)},
                    goals={f"{SMALL:,} instances": 1 / 2},
                    check=check,
                    repeats=7,
                )
            )
    return made
