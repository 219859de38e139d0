"""Settings: threads, limits and folders, from the environment, changeable in a `with` block."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from medvox.core.errors import UsageError

GIB = 1 << 30
MOST_COMPRESSION = 9


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may set; every field reads the variable ``MEDVOX_<FIELD>`` in capitals.

    Parameters
    ----------
    threads
        Threads for reading and decoding.
    max_image_bytes
        Images whose header claims more decoded bytes are refused with a `LimitError`.
    max_files
        Files looked at in one scan.
    max_expanded_bytes
        Bytes taken out of zip, tar, gzip or deflated input in one go.
    compression_level
        Of written gzip and zlib streams, 1 (fast) to 9 (small), or None: as fast as can be.
    data_folder
        Where the user's own data go, or None for the system's usual place.
    """

    threads: int = min(8, os.cpu_count() or 1)
    max_image_bytes: int = 64 * GIB
    max_files: int = 5_000_000
    max_expanded_bytes: int = 64 * GIB
    compression_level: int | None = None
    data_folder: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings.

        Raises
        ------
        UsageError
            If a variable is not a positive whole number where one is needed.
        """
        variables = os.environ if environment is None else environment
        return _parsed(tuple(variables.get(name) for name in _VARIABLES))


_FIELDS = (
    "threads",
    "max_image_bytes",
    "max_files",
    "max_expanded_bytes",
    "compression_level",
    "data_folder",
)
_VARIABLES = tuple(f"MEDVOX_{field.upper()}" for field in _FIELDS)


@lru_cache(maxsize=16)
def _parsed(texts: tuple[str | None, ...]) -> Settings:
    found: dict[str, Any] = {}
    for field, name, text in zip(_FIELDS, _VARIABLES, texts, strict=True):
        if text is not None:
            found[field] = Path(text) if field == "data_folder" else _positive(name, text)
    if found.get("compression_level", 1) > MOST_COMPRESSION:
        raise UsageError("MEDVOX_COMPRESSION_LEVEL is 1 to 9", got=found["compression_level"])
    return Settings(**found)


def _positive(name: str, text: str) -> int:
    if not text.strip().isdigit() or int(text) < 1:
        raise UsageError("a setting is not a positive whole number", where=name, got=text)
    return int(text)


_active: ContextVar[Settings | None] = ContextVar("medvox_settings", default=None)


def current() -> Settings:
    """Return the settings in force."""
    return _active.get() or Settings.from_environment()


@contextmanager
def using(**changes: Any) -> Iterator[Settings]:
    """Change settings inside a `with` block (this thread and tasks started from it)."""
    token = _active.set(replace(current(), **changes))
    try:
        yield current()
    finally:
        _active.reset(token)
