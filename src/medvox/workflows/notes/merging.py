"""Merging what several windows say of the same notes: nothing that was saved is lost."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Final

from medvox.workflows.notes.model import Note, NoteDocument

COPY: Final = " (other window)"
"""Added to the name of a note that two windows changed at the same time."""


def merged(
    document: NoteDocument, changes: Iterable[Note], author: str, now: str
) -> tuple[NoteDocument, tuple[str, ...]]:
    """Put changed notes into a document.

    A change that was made to the latest revision replaces it. One that was made to an older revision is kept
    beside the other as a copy; a removal then gives way to a change. To say the same twice changes nothing,
    so a request whose answer was lost can be sent again.

    Parameters
    ----------
    changes
        Notes with the revision that was changed; 0 for new ones.
    author, now
        Written into what is changed.

    Returns
    -------
    document
        One version on; the same one where nothing changed.
    copies
        Ids of notes that were kept as copies.
    """
    notes = {note.id: note for note in document.notes}
    copies = []
    for change in changes:
        known = notes.get(change.id)
        if known is not None and _content(known) == _content(change):
            continue
        if known is None or known.revision == change.revision or known.deleted:
            revision = 1 if known is None else known.revision + 1
            notes[change.id] = _saved(change, author, now, revision)
        elif not change.deleted:
            copy = replace(change, id=_copy_id(change), name=f"{change.name}{COPY}")
            if copy.id not in notes:
                notes[copy.id] = _saved(copy, author, now, 1)
                copies.append(copy.id)
    result = tuple(notes.values())
    if result == document.notes:
        return document, ()
    return replace(document, version=document.version + 1, notes=result), tuple(copies)


def _saved(note: Note, author: str, now: str, revision: int) -> Note:
    created = note.created or now
    return replace(note, author=author, created=created, modified=now, revision=revision)


def _content(note: Note) -> Note:
    """Return what a user says of a note, without what saving adds."""
    return replace(note, created="", modified="", author="", revision=0, source=None, frame_of_reference=None)


def _copy_id(note: Note) -> str:
    digest = hashlib.sha256(repr(asdict(_content(note))).encode()).digest()
    return uuid.UUID(bytes=digest[:16], version=4).hex
