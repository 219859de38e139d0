"""Documents of notes as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from medvox.core.errors import FormatError, UnsupportedError
from medvox.workflows.notes.model import (
    SCHEMA,
    Note,
    NoteDocument,
    NoteKind,
    NoteSource,
    NoteSpace,
    Point,
    Quantity,
    Threshold,
)


def to_json(document: NoteDocument) -> bytes:
    """Encode a document; numbers that are not finite are refused.

    Raises
    ------
    FormatError
        If a number is not finite.
    """
    try:
        return json.dumps(asdict(document), ensure_ascii=False, allow_nan=False, indent=1).encode()
    except ValueError as error:
        raise FormatError("a measurement holds a number that is not finite", where=document.key) from error


def from_json(data: bytes, where: object = "") -> NoteDocument:
    """Decode a document.

    Raises
    ------
    FormatError
        If it is damaged.
    UnsupportedError
        If a later version of medvox wrote it.
    """
    try:
        found = json.loads(data)
        if found["schema"] > SCHEMA:
            raise UnsupportedError(
                "these measurements were saved by a later version of medvox",
                where=where,
                got=found["schema"],
                expected=f"at most {SCHEMA}",
                advice="Open the study with that version",
            )
        return NoteDocument(**{**found, "notes": tuple(note_from(note) for note in found["notes"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, UnsupportedError):
            raise
        raise FormatError(
            "the saved measurements are damaged",
            where=where,
            advice="Put back a copy of the file, or move it away to begin anew",
        ) from error


def note_from(found: Mapping[str, Any]) -> Note:
    """Make a note of its JSON form.

    Raises
    ------
    ValueError, TypeError, KeyError
        If it is none.
    """
    given = {field.name: found[field.name] for field in fields(Note)}
    source, threshold, normal = given["source"], given["threshold"], given["normal"]
    made: dict[str, Any] = {
        "kind": NoteKind(given["kind"]),
        "space": NoteSpace(given["space"]),
        "points": _points(given["points"]),
        "outline": _points(given["outline"]),
        "voxels": _points(given["voxels"]),
        "normal": None if normal is None else _point(normal),
        "source": None if source is None else NoteSource(**source),
        "threshold": None if threshold is None else Threshold(**threshold),
        "results": tuple(Quantity(**quantity) for quantity in given["results"]),
    }
    return Note(**{**given, **made})


def _points(found: list[Any]) -> tuple[Point, ...]:
    return tuple(_point(point) for point in found)


def _point(found: list[Any]) -> Point:
    x, y, z = map(float, found)
    if not all(map(math.isfinite, (x, y, z))):
        raise ValueError("not finite")
    return x, y, z
