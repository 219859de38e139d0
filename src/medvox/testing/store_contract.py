"""What every store of an archive promises, as tests.

Subclass `StoreContract` in a test module, say how a store is opened and how it keeps a record, and pytest
runs all of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from medvox.archive.store.base import Store
from medvox.archive.store.records import Kind, Record
from medvox.core.errors import MissingError, WriteError


def content(number: int) -> tuple[bytes, bytes]:
    """Beginning and data set of a file."""
    return b"\0" * 128 + b"DICM" + bytes([number % 7]), hashlib.sha512(str(number).encode()).digest() * 9


def entry_of(number: int) -> dict[str, Any]:
    """Return an entry with what a store looks at, and a text of another alphabet."""
    data = content(number)[1]
    return {"n": number, "name": "Yamada^\u5c71\u7530", "digest": hashlib.sha256(data).hexdigest()}


class StoreContract:
    """Tests of one kind of store."""

    def opened(self, folder: Path) -> Store:
        """Open the store that belongs to a folder: the same for the same folder."""
        raise NotImplementedError

    def keep(self, store: Any, kind: Kind, entry: dict[str, Any], data: tuple[bytes, ...]) -> None:
        """Keep one record; it is durable when this returns."""
        raise NotImplementedError

    def broken(self, store: Any) -> AbstractContextManager[Any]:
        """Return a block in which the store cannot write."""
        raise NotImplementedError

    def _kept(self, store: Any, *numbers: int) -> None:
        for number in numbers:
            self.keep(store, Kind.INSTANCE, entry_of(number), content(number))

    def test_records_come_back_in_their_order(self, tmp_path: Path) -> None:
        """Instances and changes come back as they were kept, one after another."""
        store = self.opened(tmp_path)
        self._kept(store, *range(6))
        self.keep(store, Kind.CHANGE, {"change": "delete", "study_uid": "1.2"}, ())
        self._kept(store, 7)
        records = _records(store)
        assert [record.entry.get("n") for _, record in records] == [0, 1, 2, 3, 4, 5, None, 7]
        assert records[6][1].entry == {"change": "delete", "study_uid": "1.2"}
        assert records[6][1].kind is Kind.CHANGE
        assert records[0][1].entry["name"] == "Yamada^\u5c71\u7530"
        store.close()

    def test_bytes_come_back_whole_and_in_parts(self, tmp_path: Path) -> None:
        """Any range of a file can be read."""
        store = self.opened(tmp_path)
        self._kept(store, *range(4))
        for number, (place, offset, size) in enumerate(_places(store)):
            whole = b"".join(content(number))
            assert store.read(place, offset, size) == whole
            assert store.read(place, offset + 130, 40) == whole[130:170]
            assert store.read(place, offset + size, 0) == b""
        store.close()

    def test_what_is_not_there_is_missing(self, tmp_path: Path) -> None:
        """What cannot be read whole is an error, never fewer bytes."""
        store = self.opened(tmp_path)
        self._kept(store, 1)
        ((place, offset, size),) = _places(store)
        for wrong in ((place, offset, size + 10_000), (place, offset + 1_000_000, 10), ("none.seg", 0, 8)):
            with pytest.raises(MissingError):
                store.read(*wrong)
        store.close()

    def test_the_same_content_is_kept_as_often_as_it_is_told(self, tmp_path: Path) -> None:
        """The store does not judge what is the same; the archive does."""
        store = self.opened(tmp_path)
        self._kept(store, 3, 3, 3)
        assert [store.read(*place) for place in _places(store)] == [b"".join(content(3))] * 3
        store.close()

    def test_all_is_there_when_it_is_opened_again(self, tmp_path: Path) -> None:
        """Records and identity outlast the process; another store has others."""
        numbers: list[int] = []
        identities = set()
        for turn in range(3):
            store = self.opened(tmp_path)
            identities.add(store.identity())
            assert [record.entry["n"] for _, record in _records(store)] == numbers
            self._kept(store, turn, turn + 10)
            numbers += [turn, turn + 10]
            store.close()
        other = self.opened(tmp_path / "other")
        assert len(identities) == 1
        assert other.identity() not in identities
        assert other.segments() == []
        other.close()

    def test_threads_keep_at_the_same_time(self, tmp_path: Path) -> None:
        """Nothing is lost or mixed up among threads."""
        store = self.opened(tmp_path)
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda number: self._kept(store, number), range(30)))
        found = {
            record.entry["n"]: place
            for (_, record), place in zip(_records(store), _places(store), strict=True)
        }
        assert sorted(found) == list(range(30))
        assert all(store.read(*place) == b"".join(content(number)) for number, place in found.items())
        store.close()

    def test_what_is_refused_is_not_there_and_it_recovers(self, tmp_path: Path) -> None:
        """A write that fails is told, leaves nothing, and the next one works."""
        store = self.opened(tmp_path)
        self._kept(store, 1)
        with self.broken(store), pytest.raises(WriteError):
            self._kept(store, 2)
        assert [record.entry["n"] for _, record in _records(store)] == [1]
        self._kept(store, 3)
        assert [record.entry["n"] for _, record in _records(store)] == [1, 3]
        store.close()


def _records(store: Store) -> list[tuple[str, Record]]:
    found = [(segment, one) for segment in store.segments() for one in store.walk(segment)]
    return [(segment, one) for segment, one in found if isinstance(one, Record)]


def _places(store: Store) -> list[tuple[str, int, int]]:
    return [
        _place(segment, one, one.entry) for segment, one in _records(store) if one.kind is not Kind.CHANGE
    ]


def _place(segment: str, record: Record, entry: Mapping[str, Any]) -> tuple[str, int, int]:
    if "place" in entry:
        return entry["place"], 0, entry["size"]
    return segment, record.data_offset, record.data_length
