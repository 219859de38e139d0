"""Both stores keep the contract, the object store in three places."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from medvox.archive.store.disk import Disk
from medvox.archive.store.local import LocalStore
from medvox.archive.store.object import ObjectStore
from medvox.archive.store.records import Kind
from medvox.core.errors import MissingError, UsageError, WriteError
from medvox.testing.store_contract import StoreContract


class FailingDisk(Disk):
    is_broken = False

    def write(self, descriptor, buffers, offset) -> None:
        if self.is_broken:
            super().write(descriptor, [b"half"], offset)
            raise OSError(28, "No space left on device")
        super().write(descriptor, buffers, offset)


class TestLocalStore(StoreContract):
    disk: FailingDisk

    def opened(self, folder: Path) -> LocalStore:
        self.disk = FailingDisk()
        return LocalStore(folder, self.disk, segment_bytes=3000)

    def keep(self, store, kind, entry, data) -> None:
        store.commit(store.append(kind, entry, data))

    @contextlib.contextmanager
    def broken(self, store):
        self.disk.is_broken = True
        yield
        self.disk.is_broken = False


class ObjectStoreContract(StoreContract):
    def keep(self, store: ObjectStore, kind, entry, data) -> None:
        if kind is Kind.INSTANCE:
            place = store.put(entry, data)
            entry = entry | {"place": place, "size": sum(map(len, data))}
            kind = Kind.LINKED
        self.order = getattr(self, "order", 0) + 1
        store.write(self.order, [(kind, entry)])


class TestObjectsInFiles(ObjectStoreContract):
    test_what_is_refused_is_not_there_and_it_recovers = None  # files and memory cannot be made to fail

    def opened(self, folder: Path) -> ObjectStore:
        return ObjectStore(folder.as_uri(), is_durable=False)


class TestObjectsInMemory(ObjectStoreContract):
    def opened(self, folder: Path) -> ObjectStore:
        return ObjectStore("memory:///", is_durable=False)

    test_all_is_there_when_it_is_opened_again = None
    test_what_is_refused_is_not_there_and_it_recovers = None


class TestObjectsInS3(ObjectStoreContract):
    @pytest.fixture(autouse=True)
    def _server(self, object_server) -> None:
        self.server, self.urls = object_server, {}

    def opened(self, folder: Path) -> ObjectStore:
        if folder not in self.urls:
            self.urls[folder] = self.server.new_bucket()
        return ObjectStore(self.urls[folder], timeout_s=2)

    def broken(self, store):
        return self.server.door.failing("refusing")

    def test_a_store_that_does_not_answer_refuses_in_time(self, tmp_path: Path) -> None:
        store = ObjectStore(self.server.new_bucket(), timeout_s=0.3)
        with self.server.door.failing("silent"), pytest.raises(WriteError, match="does not keep"):
            store.write(1, [(Kind.CHANGE, {})])
        store.write(2, [(Kind.CHANGE, {})])
        assert len(store.segments()) == 1

    def test_a_bucket_that_is_not_there_is_told(self) -> None:
        with pytest.raises((WriteError, MissingError)):
            ObjectStore("s3://there-is-none/archive", timeout_s=2)


@pytest.mark.parametrize("url", ["file:///tmp/x", "memory:///", "ftp://host/x", "nothing"])
def test_what_keeps_no_promise_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        ObjectStore(url)


def test_many_segments_are_walked_in_their_order(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path.as_uri(), is_durable=False)
    for order in reversed(range(300)):
        store.write(order, [(Kind.CHANGE, {"n": order})])
    names = store.segments()
    assert [found[0].entry["n"] for _, found in store.walk_all(names)] == list(range(300))
    assert store.segments(after=289) == names[290:]
