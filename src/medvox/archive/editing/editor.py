"""Editor: corrects, merges, splits and moves; every change becomes new versions and can be undone."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from sqlalchemy import select

from medvox.archive.archive import Archive, checked_entry, origin_text
from medvox.archive.audit import Event
from medvox.archive.editing.intents import BEGUN, DONE, FAILED, UNDONE, Author, Edit, Intents, Step
from medvox.archive.editing.patients import (
    PATIENT,
    STUDY,
    PatientKey,
    series_of,
    studies_of,
    values_of,
    versions_of,
)
from medvox.archive.editing.rewriting import Rewrite, checked_values, now, rewritten
from medvox.archive.index.changes import WITHDRAW
from medvox.archive.index.tables import INSTANCES
from medvox.archive.model import InstanceRow, Origin
from medvox.archive.state.database import StateDatabase
from medvox.core.errors import MedvoxError, MissingError, UsageError
from medvox.dicom import tags

CALLER: Final = "medvox:edit"
"""Origin of versions that an edit has made; its address is the key of the edit."""
_THREADS: Final = 4


class Editor:
    """Changes what an archive serves; safe to use from several threads.

    An edit is noted before it is begun and is finished by the next `Editor` of this archive if the process
    ends in the middle. If it cannot be done, nothing of it is served. The originals stay as older versions.

    Parameters
    ----------
    archive
        That is changed.
    state
        Where edits are noted.
    """

    def __init__(self, archive: Archive, state: StateDatabase) -> None:
        self._archive, self._intents = archive, Intents(state)
        for edit in reversed(self._intents.list(BEGUN, limit=10_000)):
            self._do(edit)

    def edits(self, limit: int = 100) -> list[Edit]:
        """Return the edits, the newest first."""
        return self._intents.list(limit=limit)

    def correct_patient(self, patient: PatientKey, values: Mapping[str, str], author: Author) -> Edit:
        """Correct attributes in all studies of a patient.

        Parameters
        ----------
        patient
            Whose.
        values
            By keyword, see `checked_values`.
        author
            Who, and why.

        Raises
        ------
        UsageError
            If a value is not possible.
        MissingError
            If there is no such patient.
        FormatError, UnsupportedError
            If a data set cannot be written again; nothing is changed then.
        StorageFullError
            If it cannot be kept.
        """
        wanted = checked_values(values)
        with self._archive.index() as connection:
            studies = studies_of(connection, patient)
            versions = [pair for uid in studies for pair in versions_of(connection, uid)]
        return self._begin("correct", author, studies, [Step(Rewrite(wanted, now()), versions)])

    def correct_study(self, study_uid: str, values: Mapping[str, str], author: Author) -> Edit:
        """Correct attributes of one study; see `correct_patient`."""
        wanted = checked_values(values)
        with self._archive.index() as connection:
            versions = versions_of(connection, study_uid)
        return self._begin("correct", author, [study_uid], [Step(Rewrite(wanted, now()), versions)])

    def merge_patients(self, source: PatientKey, into: PatientKey, author: Author) -> Edit:
        """Give the studies of one patient to another, whose attributes they get; see `correct_patient`."""
        if source == into:
            raise UsageError("a patient cannot be merged with himself")
        with self._archive.index() as connection:
            studies = studies_of(connection, source)
            wanted = values_of(connection, studies_of(connection, into)[0], PATIENT)
            versions = [pair for uid in studies for pair in versions_of(connection, uid)]
        return self._begin("merge-patients", author, studies, [Step(Rewrite(wanted, now()), versions)])

    def move_study(self, study_uid: str, into: PatientKey, author: Author) -> Edit:
        """Give one study to another patient, who has studies; see `correct_patient`."""
        with self._archive.index() as connection:
            wanted = values_of(connection, studies_of(connection, into)[0], PATIENT)
            versions = versions_of(connection, study_uid)
        return self._begin("move", author, [study_uid], [Step(Rewrite(wanted, now()), versions)])

    def merge_studies(self, source_uid: str, into_uid: str, author: Author) -> Edit:
        """Put the series of one study into another, whose attributes they get; see `correct_patient`.

        References of the moved instances to their old study follow.
        """
        if source_uid == into_uid:
            raise UsageError("a study cannot be merged with itself", got=source_uid)
        with self._archive.index() as connection:
            versions_of(connection, into_uid)
            wanted = values_of(connection, into_uid, PATIENT, STUDY) | {tags.STUDY_INSTANCE_UID: into_uid}
            versions = versions_of(connection, source_uid)
        change = Rewrite(wanted, now(), nested_uids={source_uid: into_uid})
        return self._begin("merge-studies", author, [source_uid, into_uid], [Step(change, versions)])

    def split_series(
        self,
        study_uid: str,
        series_uids: Collection[str],
        author: Author,
        values: Mapping[str, str] | None = None,
    ) -> Edit:
        """Take series of a study out into a new one, the last of `Edit.studies`; see `correct_patient`.

        Parameters
        ----------
        study_uid
            Of the study.
        series_uids
            Which series; not all.
        author
            Who, and why.
        values
            What the new study has otherwise, e.g. ``{"StudyDescription": "Neck"}``.
        """
        new = f"2.25.{uuid.uuid4().int}"
        wanted = checked_values(values or {}) | {tags.STUDY_INSTANCE_UID: new}
        with self._archive.index() as connection:
            there = series_of(connection, study_uid)
            if missing := set(series_uids) - there:
                raise MissingError("there is no such series in the study", got=min(missing))
            if there == set(series_uids):
                raise UsageError("all series of the study are named", advice="Leave one in it")
            versions = versions_of(connection, study_uid, series_uids)
        return self._begin("split", author, [study_uid, new], [Step(Rewrite(wanted, now()), versions)])

    def undo(self, key: str, author: Author) -> int:
        """Serve again the versions before an edit; return how many instances that concerns.

        Raises
        ------
        MissingError
            If there is no such edit, or the versions before were removed.
        UsageError
            If it is not done, or later versions lie on top of its own.
        """
        edit = self._intents.get(key)
        if edit.state != DONE:
            raise UsageError("only an edit that is done can be undone", got=edit.state)
        count = self._withdraw(edit, is_careful=True)
        self._intents.settle(key, UNDONE)
        self._note("undo", edit, author)
        return count

    def _begin(self, kind: str, author: Author, studies: Sequence[str], steps: Sequence[Step]) -> Edit:
        if not author.reason.strip():
            raise UsageError("a change needs a reason")
        key = uuid.uuid4().hex
        edit = Edit(key, time.time_ns(), kind, author, tuple(studies), BEGUN, tuple(steps))
        self._intents.begin(edit)
        self._do(edit)
        return self._intents.get(key)

    def _do(self, edit: Edit) -> None:
        try:
            with ThreadPoolExecutor(_THREADS, "medvox-edit") as threads:
                for step in edit.steps:
                    done = [
                        threads.submit(self._one, edit, step, uid, digest) for uid, digest in step.versions
                    ]
                    for future in done:
                        future.result()
        except MedvoxError:
            self._withdraw(edit, is_careful=False)
            self._intents.settle(edit.key, FAILED)
            self._note(edit.kind, edit, edit.author, "failure")
            raise
        self._intents.settle(edit.key, DONE)
        self._note(edit.kind, edit, edit.author)

    def _one(self, edit: Edit, step: Step, sop_uid: str, digest: str) -> None:
        """Keep the new version of one instance; again it makes the same bytes, and nothing is kept twice."""
        rows = self._archive.instances(sop_uid=sop_uid, is_history=True)
        row = next((row for row in rows if row.digest == digest), None)
        if row is None:
            raise MissingError("an instance to be changed is not there any more", got=sop_uid)
        data = rewritten(self._archive.read_data_set(row), row.transfer_syntax, step.rewrite)
        if data is not None:
            origin = Origin(CALLER, edit.key)
            self._archive.receive(data, transfer_syntax=row.transfer_syntax, origin=origin)

    def _withdraw(self, edit: Edit, *, is_careful: bool) -> int:
        """Let the versions of an edit not be served any more."""
        i = INSTANCES.c
        made = select(i.sop_uid, i.digest, i.is_current).where(
            i.origin == origin_text(Origin(CALLER, edit.key)), i.deleted == 0
        )
        with self._archive.index() as connection:
            rows = connection.execute(made).all()
        if is_careful and not all(row.is_current for row in rows):
            raise UsageError("later versions lie on top of this edit", advice="Undo what made them first")
        versions = [[row.sop_uid, row.digest] for row in rows]
        if not versions:
            return 0
        parts = self._before({(row.sop_uid, row.digest) for row in rows}, is_careful=is_careful)
        entry = {"change": WITHDRAW, "study_uid": edit.studies[0], "versions": versions, **parts}
        return self._archive.change(entry, lambda _: len(versions))

    def _before(self, made: set[tuple[str, str]], *, is_careful: bool) -> dict[str, Any]:
        """What studies and series were before some versions, as the newest of the others say."""
        digests = {digest for _, digest in made}
        newest: dict[tuple[str, str], InstanceRow] = {}
        for uid in sorted({uid for uid, _ in made}):
            others = [row for row in self._live(uid) if row.digest not in digests]
            if not others and is_careful:
                raise MissingError("the version before this edit was removed", got=uid)
            for row in others[-1:]:
                newest[row.study_uid, row.series_uid] = row
        studies, series = {}, []
        for row in newest.values():
            entry = checked_entry(self._archive.read_data_set(row), row.transfer_syntax, ("", ""))
            uids = {"study_uid": row.study_uid, "series_uid": row.series_uid}
            studies[row.study_uid] = entry["study"] | {"study_uid": row.study_uid}
            series.append(entry["series"] | uids)
        return {"studies": list(studies.values()), "series": series}

    def _live(self, sop_uid: str) -> list[InstanceRow]:
        """Versions of an instance that are neither in the bin nor withdrawn, the oldest first."""
        query = select(INSTANCES.c.version).where(INSTANCES.c.sop_uid == sop_uid, INSTANCES.c.deleted == 0)
        with self._archive.index() as connection:
            live = set(connection.scalars(query))
        rows = [
            row for row in self._archive.instances(sop_uid=sop_uid, is_history=True) if row.version in live
        ]
        return sorted(rows, key=lambda row: row.version)

    def _note(self, action: str, edit: Edit, author: Author, outcome: str = "success") -> None:
        detail = f"{edit.key} {author.reason}"
        self._archive.audit.append(*(Event(author.who, action, uid, outcome, detail) for uid in edit.studies))
