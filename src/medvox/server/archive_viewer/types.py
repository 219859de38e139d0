"""The JSON types of the archive's list."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from medvox.server.types import Model

Text = Annotated[str, Field(max_length=64)]


class StudySearch(Model):
    """What studies are looked for; all that is given must match.

    `patient_name` matches the beginning of each word of the name, `patient_id`, `accession` and
    `description` any part of theirs; ``*`` and ``?`` stand for any letters and for one.
    """

    patient_name: Text = ""
    patient_id: Text = ""
    accession: Text = ""
    description: Text = ""
    modality: Annotated[str, Field(max_length=16)] = ""
    first_date: date | None = None
    last_date: date | None = None


class StudyPage(StudySearch):
    """A page of a search: at most `limit` studies, those `after` the page before."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    after: Annotated[str | None, Field(max_length=64)] = None


class ListedStudy(Model):
    """One study of an archive."""

    study_uid: str
    patient_name: str
    patient_id: str
    birth_date: str
    sex: str
    date: str
    time: str
    description: str
    accession: str
    modalities: list[str]
    series: int
    instances: int


class ListedStudies(Model):
    """One page of studies, the newest first; `next` asks for the page after it and is null at the end."""

    studies: list[ListedStudy]
    next: str | None


class ListedSeries(Model):
    """One series of a study."""

    series_uid: str
    number: int | None
    modality: str
    description: str
    body_part: str
    instances: int


class Added(Model):
    """What became of files that were added to the archive."""

    stored: int
    same: int
    versions: int
    refused: list[str]
