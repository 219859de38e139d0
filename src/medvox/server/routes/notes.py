"""Measurements and marks of an image's series."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends

from medvox.archive.access import Action, Principal
from medvox.server.access.rights import requires
from medvox.server.dependencies import EntryOf, SessionOf
from medvox.server.notes import saving
from medvox.workflows.notes.folder import usual_folder
from medvox.workflows.notes.model import NoteDocument

router = APIRouter(tags=["notes"])
FolderOf = Annotated[Path, Depends(usual_folder)]


@router.get("/images/{id}/notes", operation_id="notes")
def notes(entry: EntryOf, folder: FolderOf) -> NoteDocument:
    """Return all notes of the series that an image belongs to."""
    return saving.read(folder, entry)


@router.post("/images/{id}/notes", operation_id="saveNotes")
def save_notes(
    entry: EntryOf,
    session: SessionOf,
    folder: FolderOf,
    sent: saving.NoteChanges,
    who: Annotated[Principal, requires(Action.WORK)],
) -> saving.SavedNotes:
    """Save changed notes; they are on the disk when this is answered."""
    return saving.save(folder, session, entry, sent.changes, who.name)
