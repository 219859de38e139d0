"""Notes of an image's series: whose they are, and where what is drawn came from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from medvox.core.errors import MedvoxError
from medvox.core.study import Series
from medvox.server.catalog import ImageEntry, relative_file
from medvox.server.image.probe import source_of_slice
from medvox.server.session import ViewerSession
from medvox.workflows.notes.folder import MOST_NOTES, NoteFolder, SeriesOfNotes
from medvox.workflows.notes.model import Note, NoteDocument, NoteSource


class NoteChanges(BaseModel):
    """Notes that were drawn, changed or removed, each with the revision that was changed."""

    model_config = ConfigDict(extra="forbid")

    changes: list[Note] = Field(max_length=MOST_NOTES)


class SavedNotes(BaseModel):
    """All notes after saving; `copies` were changed by another window at the same time and kept beside."""

    document: NoteDocument
    copies: list[str]


def series_of(entry: ImageEntry) -> SeriesOfNotes:
    """Whose notes those of an image are."""
    return SeriesOfNotes.of(entry.series, entry.study.uid)


def read(folder: Path, entry: ImageEntry) -> NoteDocument:
    """Return the notes of an image's series."""
    return NoteFolder(folder).read(series_of(entry))


def save(
    folder: Path, session: ViewerSession, entry: ImageEntry, changes: list[Note], author: str
) -> SavedNotes:
    """Merge changes into the notes of an image's series, with the source of each."""
    sourced = [with_source(session, entry, note) for note in changes]
    document, copies = NoteFolder(folder).save(series_of(entry), sourced, author)
    return SavedNotes(document=document, copies=list(copies))


def with_source(session: ViewerSession, entry: ImageEntry, note: Note) -> Note:
    """Say which instance and frame a note lies on, as the image itself knows it."""
    image = session.catalog.images.get(note.image_id, entry)
    if note.deleted or image.series_id != entry.series_id:
        return note
    opened = session.store.opened(image.image)
    found = opened.volume.grid.frame_of_reference
    if note.slice is None:
        return replace(note, source=None, frame_of_reference=found)
    try:
        source = source_of_slice(opened, note.time, note.slice)
    except MedvoxError:  # a slice that is no more: what was known stays
        return replace(note, frame_of_reference=found)
    if source is None:
        return replace(note, source=None, frame_of_reference=found)
    made = NoteSource(
        sop_instance_uid=source.sop_instance_uid,
        sop_class_uid=_class_of(image.series, source.sop_instance_uid),
        frame=source.frame,
        file=relative_file(source.file, session.roots),
    )
    return replace(note, source=made, frame_of_reference=found)


def _class_of(series: Series, sop_instance_uid: str | None) -> str | None:
    if sop_instance_uid is None:
        return None
    instances = series.instances
    return next((i.sop_class_uid for i in instances if i.sop_instance_uid == sop_instance_uid), None)
