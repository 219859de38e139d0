"""Running: applies the revisions that a database does not have yet, all or none of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, Connection, Engine, MetaData, Table, Text, inspect, select

from medvox.archive.index.engine import hold
from medvox.core.errors import UsageError

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Lineage:
    """Revisions of one kind of database.

    Parameters
    ----------
    name
        Of the folder and, with ``alembic_`` before it, of the version table.
    head
        The last revision.
    first, mark
        The revision that a database has which has the table `mark` and no version table, since it was made
        before there were migrations; empty if there is none.
    folder
        Of the revisions.
    """

    name: str
    head: str
    first: str = ""
    mark: str = ""
    folder: Path = _FOLDER

    @property
    def version_table(self) -> Table:
        """The table that says which revision a database has."""
        return Table(f"alembic_{self.name}", MetaData(), Column("version_num", Text))


INDEX: Final = Lineage("index", "0002", "0001", "studies")
AUDIT: Final = Lineage("audit", "0001", "0001", "audit")
STATE: Final = Lineage("state", "0001")


def migrate(engine: Engine, lineage: Lineage, *, may_empty: bool = False) -> bool:
    """Bring a database to the last revision; tell whether anything was changed.

    Parameters
    ----------
    engine
        The database; several processes may do this at once.
    lineage
        Which tables.
    may_empty
        Whether a database of a revision that is not known here may be emptied, since it can be rebuilt.

    Raises
    ------
    UsageError
        If the database is of a newer revision.
    """
    with engine.connect() as connection:
        if _revision(connection, lineage) == lineage.head:
            return False
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # else each table is changed by itself
        hold(connection, alone=("migrations",))
        is_behind = _revision(connection, lineage) != lineage.head
        if is_behind:
            _upgrade(connection, lineage, may_empty=may_empty)
        connection.commit()
    return is_behind


def _revision(connection: Connection, lineage: Lineage) -> str | None:
    if not inspect(connection).has_table(lineage.version_table.name):
        return None
    return connection.scalar(select(lineage.version_table.c.version_num))


def _upgrade(connection: Connection, lineage: Lineage, *, may_empty: bool) -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(lineage.folder / lineage.name))
    config.set_main_option("version_locations", str(lineage.folder / lineage.name))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    found = _revision(connection, lineage)
    if found is not None and found not in {one.revision for one in script.walk_revisions()}:
        if not may_empty:
            raise UsageError(
                "this database was made by a newer medvox",
                where=lineage.name,
                got=found,
                expected=lineage.head,
                advice="Use that version, or a new database",
            )
        _empty(connection)
    if lineage.mark and found is None and inspect(connection).has_table(lineage.mark):
        _run(connection, config, script, lineage, lineage.first, is_stamp=True)
    _run(connection, config, script, lineage, lineage.head)


def _run(
    connection: Connection,
    config: Any,
    script: ScriptDirectory,
    lineage: Lineage,
    upto: str,
    *,
    is_stamp: bool = False,
) -> None:
    from alembic.runtime.environment import EnvironmentContext

    def steps(revision: Any, _context: Any) -> Any:
        if is_stamp:
            return script._stamp_revs(upto, revision)  # noqa: SLF001
        return script._upgrade_revs(upto, revision)  # noqa: SLF001

    with EnvironmentContext(config, script, fn=steps) as environment:
        environment.configure(
            connection=connection, version_table=lineage.version_table.name, transactional_ddl=True
        )
        environment.run_migrations()


def _empty(connection: Connection) -> None:
    known = MetaData()
    known.reflect(connection)
    known.drop_all(connection)
