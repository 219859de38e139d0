"""Retention: rules that say which studies go to the bin; a plan is looked at before it is carried out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from medvox.archive.archive import Archive
from medvox.archive.index.tables import INSTANCES, SERIES, STUDIES
from medvox.core.errors import AccessError, MissingError, UsageError
from medvox.core.progress import Progress, silent

_DAY_NS: Final = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """What is kept at most; None for no limit.

    Parameters
    ----------
    days
        Since the last instance of a study was received.
    size
        Bytes of what is served; the studies that grew the longest ago go first.
    patients
        Patients; those whose last study grew the longest ago go first, with all their studies.
    """

    days: float | None = None
    size: int | None = None
    patients: int | None = None

    def __post_init__(self) -> None:
        for name in ("days", "size", "patients"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise UsageError("a limit of retention is 0 or more", where=name, got=value)


@dataclass(frozen=True, slots=True)
class Expired:
    """A study that a rule does not keep.

    Parameters
    ----------
    study_uid
        Of the study.
    instances, size
        How many, and their bytes.
    grown
        When its last instance was received, nanoseconds since 1970.
    reason
        ``"age"``, ``"size"`` or ``"patients"``.
    """

    study_uid: str
    instances: int
    size: int
    grown: int
    reason: str


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What goes to the bin.

    Parameters
    ----------
    expired
        Studies, the oldest first.
    kept
        Bytes of what stays.
    protected
        Studies that would go, were they not protected.
    """

    expired: tuple[Expired, ...]
    kept: int
    protected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Study:
    uid: str
    patient: tuple[str, str]
    is_protected: bool
    instances: int
    size: int
    grown: int


def plan_retention(archive: Archive, rule: RetentionRule, now: int | None = None) -> RetentionPlan:
    """Return which studies a rule does not keep; nothing is changed.

    Protected studies stay, and count as what is kept.

    Parameters
    ----------
    archive
        Whose studies.
    rule
        What is kept at most.
    now
        Nanoseconds since 1970; by default the present time.
    """
    now = time.time_ns() if now is None else now
    studies = _studies(archive)
    reasons: dict[str, str] = {}
    if rule.days is not None:
        before = now - int(rule.days * _DAY_NS)
        reasons |= {study.uid: "age" for study in studies if study.grown < before}
    if rule.patients is not None:
        _limit_patients(studies, rule.patients, reasons)
    if rule.size is not None:
        _limit_size(studies, rule.size, reasons)
    gone = [study for study in studies if study.uid in reasons and not study.is_protected]
    return RetentionPlan(
        tuple(Expired(one.uid, one.instances, one.size, one.grown, reasons[one.uid]) for one in gone),
        sum(study.size for study in studies) - sum(study.size for study in gone),
        tuple(study.uid for study in studies if study.uid in reasons and study.is_protected),
    )


def carry_out(
    archive: Archive, plan: RetentionPlan, *, who: str = "retention", progress: Progress = silent
) -> int:
    """Put the studies of a plan into the bin; return how many.

    One that was deleted, protected or grew since the plan was made is left.
    """
    count = 0
    there = {study.uid: study for study in _studies(archive)}
    progress(0, len(plan.expired), "Deleting")
    for done, expired in enumerate(plan.expired, start=1):
        found = there.get(expired.study_uid)
        if found is not None and found.grown == expired.grown:
            try:
                archive.delete(expired.study_uid, reason=f"retention: {expired.reason}", who=who)
                count += 1
            except (AccessError, MissingError):
                pass  # protected or deleted a moment ago
        progress(done, len(plan.expired), "Deleting")
    return count


def _studies(archive: Archive) -> Sequence[_Study]:
    """Studies that are served, the one that grew the longest ago first."""
    i = INSTANCES.c
    grown = func.max(i.received)
    statement = (
        select(
            *(STUDIES.c.study_uid, STUDIES.c.patient_id, STUDIES.c.issuer, STUDIES.c.is_protected),
            *(func.count(), func.sum(i.size), grown),
        )
        .select_from(INSTANCES.join(SERIES, SERIES.c.id == i.series).join(STUDIES))
        .where(i.is_current)
        .group_by(STUDIES.c.id)
        .order_by(grown, STUDIES.c.id)
    )
    with archive.index() as connection:
        return [_study(*row) for row in connection.execute(statement)]


def _study(uid: str, patient: str, issuer: str, is_protected: Any, *counts: Any) -> _Study:
    return _Study(uid, (patient, issuer), bool(is_protected), *map(int, counts))


def _limit_patients(studies: Sequence[_Study], most: int, reasons: dict[str, str]) -> None:
    last: dict[tuple[str, str], int] = {}
    for study in studies:
        if study.uid not in reasons or study.is_protected:
            last[study.patient] = max(last.get(study.patient, 0), study.grown)
    shielded = {study.patient for study in studies if study.is_protected}
    open_ones = sorted((patient for patient in last if patient not in shielded), key=last.__getitem__)
    gone = set(open_ones[: max(0, len(last) - most)])
    for study in studies:
        if study.patient in gone:
            reasons.setdefault(study.uid, "patients")


def _limit_size(studies: Sequence[_Study], most: int, reasons: dict[str, str]) -> None:
    size = sum(study.size for study in studies if study.uid not in reasons or study.is_protected)
    for study in studies:
        if size <= most:
            return
        if study.uid not in reasons:
            reasons[study.uid] = "size"
            size -= 0 if study.is_protected else study.size
