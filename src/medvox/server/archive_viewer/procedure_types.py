"""The JSON types of the worklist page."""

from __future__ import annotations

from typing import Literal

from medvox.server.types import Model

StepStatus = Literal["SCHEDULED", "ARRIVED", "READY", "STARTED", "DEPARTED", "COMPLETED", "DISCONTINUED"]


class ScheduledStep(Model):
    """One step of the worklist; `images` is how many instances of its study the archive has."""

    id: int
    study_uid: str
    patient_name: str
    patient_id: str
    date: str
    time: str
    modality: str
    station: str
    description: str
    accession: str
    status: StepStatus
    images: int


class PerformedStep(Model):
    """One step that a modality performs or has performed."""

    uid: str
    patient_name: str
    patient_id: str
    date: str
    time: str
    modality: str
    station: str
    description: str
    status: Literal["IN PROGRESS", "COMPLETED", "DISCONTINUED"]


class Procedures(Model):
    """Scheduled steps by their start, performed ones the newest first; `is_cut` if there are more."""

    scheduled: list[ScheduledStep]
    performed: list[PerformedStep]
    is_cut: bool


class StatusChange(Model):
    """The status that a scheduled step is to have."""

    status: StepStatus
