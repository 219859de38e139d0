import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from medvox.archive.state.database import StateDatabase
from medvox.core.errors import WriteError

METADATA = MetaData()
NUMBERS = Table("numbers", METADATA, Column("value", Integer, unique=True))


def test_changes_are_kept_or_not_at_all(tmp_path):
    database = StateDatabase(tmp_path / "state.sqlite")
    database.prepare(METADATA)
    with database.changing() as connection:
        connection.execute(insert(NUMBERS).values(value=1))
    with pytest.raises(WriteError, match="cannot be kept"), database.changing() as connection:
        connection.execute(insert(NUMBERS), [{"value": 2}, {"value": 1}])
    database.close()
    again = StateDatabase(tmp_path / "state.sqlite")
    again.prepare(METADATA)
    with again.reading() as connection:
        assert connection.scalars(select(NUMBERS.c.value)).all() == [1]
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    again.close()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(WriteError, match="cannot be kept"):
        StateDatabase(tmp_path / "missing" / "state.sqlite")
