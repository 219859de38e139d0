"""Who is who in a BIDS tree: labels of subjects and sessions, no names or IDs unless asked for."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medvox.core.errors import UsageError
from medvox.core.study import Study
from medvox.formats.files import read_bytes
from medvox.workflows.bids.entities import label


@dataclass(frozen=True, slots=True)
class Place:
    """Subject and session of a study.

    Parameters
    ----------
    subject
        Label, without ``sub-``.
    session
        Label, or empty where the subject has one session only.
    """

    subject: str
    session: str = ""

    @property
    def entities(self) -> dict[str, str]:
        """As entities of a name."""
        return {"sub": self.subject} | ({"ses": self.session} if self.session else {})


@dataclass(frozen=True, slots=True)
class Subjects:
    """Labels by Patient ID.

    Parameters
    ----------
    labels
        From Patient ID (or, where that is empty, the name) to label.
    keep_identity
        Whether patients who are not among `labels` are called after their ID; else they are numbered.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    keep_identity: bool = False

    @classmethod
    def read(cls, path: Path, keep_identity: bool = False) -> Subjects:
        """Read a table with the columns ``patient_id`` and ``participant_id``, tabs or commas between them.

        Raises
        ------
        UsageError
            If a column is missing, or a label is not letters and digits.
        """
        text = read_bytes(path).decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text), delimiter="\t" if "\t" in text else ","))
        if not rows or not {"patient_id", "participant_id"} <= set(rows[0]):
            raise UsageError(
                "the table needs two columns", where=path.name, expected="patient_id, participant_id"
            )
        labels = {
            row["patient_id"].strip(): row["participant_id"].strip().removeprefix("sub-") for row in rows
        }
        for number, name in enumerate(labels.values(), start=2):
            if not name.isascii() or not name.isalnum():
                raise UsageError("a label is letters and digits", where=f"{path.name}, line {number}")
        return cls(labels, keep_identity)

    def places(self, studies: Sequence[Study]) -> dict[int, Place]:
        """Give each study (by its number in the list) a subject and a session.

        Patients without a label are numbered in the order of their first study; studies of a patient are
        sessions in the order of their dates. A study that names no patient is a subject of its own.
        """
        order = sorted(range(len(studies)), key=lambda n: (studies[n].date, studies[n].time, n))
        named: dict[str, str] = {}
        mine: dict[str, list[int]] = {}
        for number in order:
            patient = studies[number].patient
            who = patient.id.strip() or patient.name.strip() or f"study {number} of nobody"
            if who not in named:
                named[who] = self._label(who, set(named.values()))
            mine.setdefault(named[who], []).append(number)
        return {
            number: Place(subject, f"{n:02d}" if len(numbers) > 1 else "")
            for subject, numbers in mine.items()
            for n, number in enumerate(numbers, start=1)
        }

    def _label(self, who: str, taken: set[str]) -> str:
        if who in self.labels:
            return self.labels[who]
        busy = taken | set(self.labels.values())
        named = self.keep_identity and " of nobody" not in who
        if named and label(who) and label(who) not in busy:
            return label(who)
        return next(name for n in range(1, len(busy) + 2) if (name := f"{n:02d}") not in busy)
