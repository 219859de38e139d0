"""Common questions are answered by the indexes of the database, never by reading a whole table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from benchmarks.scale import QUESTIONS, UID, filled
from sqlalchemy import Engine, event, text

from medvox.archive.index.query import page
from medvox.archive.model import Level, Query

COUNT = 40_000
MORE = {
    "studies of an instance": Query(filters={0x00080018: f"{UID}.3.777"}),
    "series of an instance": Query(Level.SERIES, {0x00080018: f"{UID}.3.777"}),
    "patients of an instance": Query(Level.PATIENT, {0x00080018: f"{UID}.3.777"}),
    "studies of a rare modality": Query(filters={0x00080061: "US"}),
    "studies by the beginning of an ID": Query(filters={0x00100020: "P33*"}),
    "one name": Query(filters={0x00100010: "family1^77"}),
    "one instance": Query(Level.INSTANCE, {0x00080018: f"{UID}.3.777"}),
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    where: Path | str = tmp_path_factory.mktemp("index") / "index.sqlite"
    if request.param == "postgresql":
        where = request.getfixturevalue("postgresql").new_database()
    opened = filled(where, COUNT)
    yield opened
    opened.dispose()


def rows_read(engine: Engine, query: Query) -> tuple[int, list[str]]:
    """Rows of a page, and whole tables that were read for it."""
    asked: list[tuple[str, object]] = []

    def remember(_connection, _cursor, statement, parameters, *_more) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", remember)
    with engine.connect() as connection:
        count = len(page(connection, query).rows)
    event.remove(engine, "before_cursor_execute", remember)
    scans: list[str] = []
    with engine.connect() as connection:
        for statement, parameters in asked:
            if engine.dialect.name == "sqlite":
                plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)
                whole = re.compile(r"SCAN (studies|series|instances)$")
                scans += [row[3] for row in plan if whole.match(row[3])]
            else:
                connection.exec_driver_sql("SET enable_seqscan = off")  # small tables are read whole
                plan = connection.exec_driver_sql("EXPLAIN " + statement, parameters)
                scans += [row[0] for row in plan if "Seq Scan" in row[0]]
    return count, scans


@pytest.mark.parametrize("name", [*QUESTIONS, *MORE])
def test_no_table_is_read_as_a_whole(engine: Engine, name: str) -> None:
    count, scans = rows_read(engine, (QUESTIONS | MORE)[name])
    assert count > 0 or "rare" in name
    if name not in {"QIDO series, all", "QIDO series, modality", "QIDO instances, all"}:
        assert scans == []  # those are in the order of the rows themselves, until the page is full


def test_rows_that_are_made_are_those_that_are_written(engine: Engine) -> None:
    with engine.connect() as connection:
        for table, count in (("instances", COUNT), ("series", COUNT // 20), ("studies", COUNT // 40)):
            assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == count
        (study,) = page(connection, Query(filters={0x0020000D: f"{UID}.1.7"})).rows
    assert study["00201208"]["Value"] == [40]
    assert study["00201206"]["Value"] == [2]
