"""Databases of older revisions come to the last one with all rows, and it is what the tables say."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Engine, Integer, MetaData, Table, Text, insert, inspect, select, text

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.index import tables
from medvox.archive.index.engine import open_engine
from medvox.archive.migrations import running
from medvox.archive.migrations.running import AUDIT, INDEX, STATE, Lineage, migrate
from medvox.archive.model import ArchiveSettings, Level, Query
from medvox.archive.state.database import StateDatabase
from medvox.core.errors import UsageError

LINEAGES = {"index": (INDEX, tables.METADATA), "audit": (AUDIT, tables.AUDIT_METADATA)}


@pytest.fixture
def engine(database: Path | str):
    opened = open_engine(database)
    yield opened
    opened.dispose()


def upto(lineage: Lineage, head: str) -> Lineage:
    return Lineage(lineage.name, head, lineage.first, lineage.mark, lineage.folder)


def differences(engine: Engine, metadata: MetaData) -> list[object]:
    """What Alembic would change, but for version tables."""
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    return [one for one in found if not (one[0] == "remove_table" and one[1].name.startswith("alembic_"))]


@pytest.mark.parametrize("name", sorted(LINEAGES))
def test_the_last_revision_is_what_the_tables_say(engine: Engine, name: str) -> None:
    lineage, metadata = LINEAGES[name]
    assert migrate(engine, lineage)
    assert not migrate(engine, lineage)
    assert differences(engine, metadata) == []
    names = {index["name"] for table in metadata.tables for index in inspect(engine).get_indexes(table)}
    assert {index.name for table in metadata.tables.values() for index in table.indexes} <= names


@pytest.mark.parametrize("lineage", [INDEX, AUDIT, STATE], ids=lambda one: one.name)
def test_the_head_is_the_last_revision(lineage: Lineage) -> None:
    texts = [path.read_text() for path in sorted((lineage.folder / lineage.name).glob("r*.py"))]
    revisions = [re.search(r'^revision = "(.+)"', one, re.MULTILINE)[1] for one in texts]
    before = [re.search(r"^down_revision = (.+)", one, re.MULTILINE)[1].strip('"') for one in texts]
    assert before == ["None", *revisions[:-1]]
    assert revisions[-1] == lineage.head


def test_columns_of_postgresql_are_ordered_by_code_points(postgresql) -> None:
    engine = open_engine(postgresql.new_database())
    migrate(engine, INDEX)
    with engine.connect() as connection:
        other = connection.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
                " AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'"
                " AND table_name IN ('studies', 'series', 'instances', 'positions', 'about')"
            )
        ).all()
    engine.dispose()
    assert other == []


@pytest.mark.parametrize("is_stamped", [True, False])
def test_an_older_index_keeps_its_rows(tmp_path: Path, index: str | None, *, is_stamped: bool) -> None:
    settings = ArchiveSettings(tmp_path, index=index)
    with Archive.open(settings) as archive:
        for number in range(6):
            archive.receive(bare(sent(number, study=f"s{number % 2}")), transfer_syntax=EXPLICIT)
        before = {level: archive.find(Query(level)).rows for level in Level}
    engine = open_engine(index or tmp_path / "index.sqlite")
    _made_older(engine, is_stamped=is_stamped)
    engine.dispose()
    for path in (tmp_path / "segments").iterdir():
        path.rename(path.with_suffix(".gone"))  # so that it cannot be rebuilt
    with Archive.open(settings) as archive:
        assert {level: archive.find(Query(level)).rows for level in Level} == before
        with pytest.warns(UserWarning, match="Invalid value"):
            longer = sent(50, study="longer", StudyDate="1" * 400)
        archive.receive(bare(longer), transfer_syntax=EXPLICIT)
        assert len(archive.find(Query(Level.INSTANCE)).rows) == 7


def _made_older(engine: Engine, *, is_stamped: bool) -> None:
    """Put the rows of an index into tables of the first revision."""
    kept = {}
    order = [tables.STUDIES, tables.SERIES, tables.INSTANCES, tables.POSITIONS, tables.ABOUT]
    with engine.begin() as connection:
        for table in order:
            kept[table] = [dict(row._mapping) for row in connection.execute(select(table))]
        for table in reversed(order):
            table.drop(connection)
        connection.execute(text("DROP TABLE alembic_index"))
        if engine.dialect.name == "postgresql":
            connection.execute(text("DROP SEQUENCE record_order"))
    migrate(engine, upto(INDEX, "0001"))
    assert differences(engine, tables.METADATA) != []
    with engine.begin() as connection:
        for table, rows in kept.items():
            if rows:
                connection.execute(insert(table), rows)
        if not is_stamped:  # as it was before there were migrations
            connection.execute(text("DROP TABLE alembic_index"))


def test_an_index_of_an_unknown_revision_is_rebuilt_where_it_is_ones_own(tmp_path: Path, postgresql) -> None:
    with Archive.open(ArchiveSettings(tmp_path)) as archive:
        archive.receive(bare(sent()), transfer_syntax=EXPLICIT)
    engine = open_engine(tmp_path / "index.sqlite")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_index SET version_num = '9999'"))
    engine.dispose()
    with Archive.open(ArchiveSettings(tmp_path)) as archive:
        assert len(archive.find(Query()).rows) == 1
    engine = open_engine(postgresql.new_database())
    migrate(engine, INDEX)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_index SET version_num = '9999'"))
    with pytest.raises(UsageError, match="newer medvox"):
        migrate(engine, INDEX)
    engine.dispose()


def test_several_bring_one_database_up_at_once(database: Path | str) -> None:
    faults: list[Exception] = []
    barrier = threading.Barrier(4)

    def run() -> None:
        engine = open_engine(database)
        try:
            barrier.wait()
            for lineage in (INDEX, AUDIT, STATE):
                migrate(engine, lineage)
        except Exception as error:
            faults.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


REVISIONS = {
    "r0001_first.py": 'revision = "0001"\ndown_revision = None\ndef upgrade(): pass\n',
    "r0002_more.py": """
from alembic import op
from sqlalchemy import Column, Integer, inspect, text
revision = "0002"
down_revision = "0001"
def upgrade():
    if inspect(op.get_bind()).has_table("tasks"):
        op.add_column("tasks", Column("tries", Integer, server_default="0"))
        {more}
""",
}
OLD = Table("tasks", MetaData(), Column("id", Integer, primary_key=True), Column("name", Text))
NEW = Table(
    "tasks",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", Text),
    Column("tries", Integer, server_default="0"),
)


@pytest.fixture
def next_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A lineage of the state with a second revision; called to put it in force."""
    folder = tmp_path / "revisions" / "state"
    folder.mkdir(parents=True)

    def begin(more: str = "") -> None:
        for name, content in REVISIONS.items():
            (folder / name).write_text(content.replace("{more}", more))
        lineage = Lineage("state", "0002", folder=folder.parent)
        monkeypatch.setattr("medvox.archive.state.database.STATE", lineage)

    return begin


def test_state_keeps_its_rows_when_its_tables_change(database: Path | str, next_state) -> None:
    state = StateDatabase(database)
    state.prepare(OLD.metadata)
    with state.changing() as connection:
        connection.execute(insert(OLD).values(name="forward"))
    state.close()
    next_state()
    for _ in range(2):
        state = StateDatabase(database)
        state.prepare(NEW.metadata)
        with state.reading() as connection:
            assert connection.execute(select(NEW.c.name, NEW.c.tries)).all() == [("forward", 0)]
        state.close()


def test_a_migration_that_fails_changes_nothing(database: Path | str, next_state) -> None:
    state = StateDatabase(database)
    state.prepare(OLD.metadata)
    state.close()
    next_state("raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        StateDatabase(database)
    engine = open_engine(database)
    assert [column["name"] for column in inspect(engine).get_columns("tasks")] == ["id", "name"]
    with engine.connect() as connection:
        assert running._revision(connection, STATE) == "0001"
    engine.dispose()


def test_new_state_is_made_as_its_tables_are_by_now(database: Path | str, next_state) -> None:
    next_state()
    state = StateDatabase(database)
    state.prepare(NEW.metadata)
    with state.changing() as connection:
        connection.execute(insert(NEW).values(name="x"))
        assert connection.scalars(select(NEW.c.tries)).all() == [0]
    state.close()
