"""Model: what goes into an archive, what comes out, and how it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from medvox.core.errors import FormatError, WriteError

LONGEST_PAGE: Final = 5000
"""Rows that one page of a query has at most."""


class StorageFullError(WriteError):
    """Nothing can be stored now: full, read-only or broken (DIMSE 0xA700, HTTP 507)."""


class InvalidObjectError(FormatError):
    """What was sent is no instance, or not the one that was announced (DIMSE 0xA900 or 0xC000, HTTP 400)."""


class Outcome(StrEnum):
    """What became of an instance that was received."""

    STORED = "stored"
    """It is new."""
    SAME = "same"
    """It was there already, with the same data set."""
    VERSION = "version"
    """Its UID was there with another data set: it is kept as a new version, which queries now serve."""


class Level(StrEnum):
    """Level of a query (PS3.4 C.6)."""

    PATIENT = "patient"
    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """Where an archive is and what it promises.

    Parameters
    ----------
    store
        Folder of the bytes, the index and the audit, as far as they are not elsewhere; made if missing.
    is_durable
        Whether `Archive.receive` returns only when the instance survives a loss of power.
    segment_bytes
        Size from which on a new segment of the journal is begun.
    index
        URL of the database of the index and the audit, e.g. ``postgresql://medvox@host/medvox``; None for
        SQLite in the folder.
    objects
        URL of an object store for the bytes, e.g. ``s3://bucket/archive``; None for the folder.
    object_timeout_s
        How long one request to the object store may take; it is tried again twice.
    """

    store: Path
    is_durable: bool = True
    segment_bytes: int = 1 << 30
    index: str | None = None
    objects: str | None = None
    object_timeout_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sent an instance.

    Parameters
    ----------
    caller
        AE title, account or command.
    address
        Network address, empty for local commands.
    """

    caller: str = ""
    address: str = ""


NOBODY: Final = Origin()
"""A sender of whom nothing is known."""


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an instance; it is durable.

    Parameters
    ----------
    outcome
        Whether it was stored.
    study_uid, series_uid, sop_uid, sop_class
        As in its data set.
    digest
        SHA-256 of the data set, hexadecimal.
    """

    outcome: Outcome
    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class: str
    digest: str


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """One version of one instance in the archive.

    Parameters
    ----------
    study_uid, series_uid, sop_uid, sop_class, transfer_syntax
        As received.
    version
        1 for the first that was received; queries and retrieval serve the newest.
    frames
        Number of frames.
    size
        Bytes of the file.
    digest
        SHA-256 of the data set, hexadecimal.
    place, offset
        File in the store and first byte in it.
    data_set_offset
        Bytes of preamble and file meta information before the data set.
    received
        Nanoseconds since 1970, UTC.
    """

    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class: str
    transfer_syntax: str
    version: int
    frames: int
    size: int
    digest: str
    place: str
    offset: int
    data_set_offset: int
    received: int


@dataclass(frozen=True, slots=True)
class Query:
    """A question to the index.

    Parameters
    ----------
    level
        Of the rows wanted.
    filters
        Value to match by tag (``0x00100010``), as in an identifier of C-FIND; several UIDs are joined by a
        backslash. An empty value matches all (PS3.4 C.2.2.2.3).
    wanted
        Tags to return; None for all that the index has.
    limit
        Rows of a page; at most `LONGEST_PAGE`.
    after
        `Page.next` of the page before.
    fuzzy
        Whether each word of a name needs to be but the beginning of a word.
    any_case
        Whether small and capital letters of text are the same; of names they always are.
    """

    level: Level = Level.STUDY
    filters: Mapping[int, str] = field(default_factory=dict)
    wanted: frozenset[int] | None = None
    limit: int = 100
    after: str | None = None
    fuzzy: bool = False
    any_case: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of an answer.

    Parameters
    ----------
    rows
        Each a DICOM JSON object (PS3.18 F.2).
    next
        What `Query.after` must be for the next page; None for the last.
    ignored
        Tags of filters that the index cannot match and that were left out.
    """

    rows: list[dict[str, Any]]
    next: str | None = None
    ignored: tuple[int, ...] = ()
