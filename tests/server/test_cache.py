"""The cache: a byte bound, and one making however many ask."""

from __future__ import annotations

import threading
import time

import pytest

from medvox.server.image.cache import ByteCache


def test_what_was_used_longest_ago_is_dropped_past_the_bound() -> None:
    cache = ByteCache(100)
    for name in "abc":
        cache.get(name, lambda n=name: (n.upper(), 40))  # type: ignore[misc]
    assert [cache.peek(n) for n in "abc"] == [None, "B", "C"]
    assert cache.get("b", lambda: pytest.fail("it is there")) == "B"
    cache.get("d", lambda: ("D", 40))
    assert [cache.peek(n) for n in "bcd"] == ["B", None, "D"]
    assert cache.nbytes == 80


def test_one_thing_larger_than_the_bound_is_kept_alone() -> None:
    cache = ByteCache(100)
    cache.get("a", lambda: ("A", 50))
    cache.get("big", lambda: ("BIG", 500))
    assert (cache.peek("a"), cache.peek("big"), cache.nbytes) == (None, "BIG", 500)
    cache.get("b", lambda: ("B", 50))
    assert (cache.peek("big"), cache.peek("b"), cache.nbytes) == (None, "B", 50)


def test_many_threads_cause_one_making() -> None:
    cache, made, got = ByteCache(100), [], []

    def make() -> tuple[str, int]:
        made.append(threading.current_thread())
        time.sleep(0.05)
        return "thing", 10

    threads = [threading.Thread(target=lambda: got.append(cache.get("key", make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), got) == (1, ["thing"] * 8)


def test_an_error_reaches_all_who_wait_and_the_next_call_tries_again() -> None:
    cache, errors = ByteCache(100), []

    def fail() -> tuple[str, int]:
        time.sleep(0.05)
        raise ValueError("no")

    def ask() -> None:
        try:
            cache.get("key", fail)
        except ValueError as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 4
    assert cache.get("key", lambda: ("thing", 1)) == "thing"
