"""Plan of a written series: what is decided before the first byte is encoded."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import TIME
from medvox.core.errors import UnsupportedError, UsageError
from medvox.core.grid import Grid, Space
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume
from medvox.dicom.writing.facts import stable_uid
from medvox.dicom.writing.options import DicomKind, DicomWriteOptions
from medvox.dicom.writing.quantize import StoredNumbers, stored_numbers
from medvox.dicom.writing.source import Reference, SourceImages, load_source, slice_references
from medvox.dicom.writing.storage import OTHER, StorageClass, choose_class, is_placed

FloatArray = NDArray[np.float64]
_RIGHT_ANGLE = 1e-4
"""Largest cosine between rows and columns that are written: beyond, a voxel moves by 0.05 mm in 512."""


class Uids:
    """Makes new UIDs: random, or from a seed."""

    def __init__(self, seed: str | None) -> None:
        self._seed = seed

    def new(self, *words: object) -> str:
        """UID of what `words` name: with a seed always the same (PS3.5 B.2)."""
        if self._seed is None:
            return f"2.25.{uuid.uuid4().int}"
        return stable_uid(self._seed, *words)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """All that the writers of the classes need.

    Parameters
    ----------
    volume, options
        What is written, and how.
    kind, modality, storage
        Class of the objects.
    numbers
        Stored numbers of all frames, in C order of time and k.
    source
        What is continued, narrowed to what the volume was made from.
    references
        Source instance of each frame.
    frame_of_reference
        Empty where positions are not written.
    series_uid, study_uid
        Of the new series.
    created
        When the objects are made.
    """

    volume: Volume
    options: DicomWriteOptions
    kind: DicomKind
    modality: str
    storage: StorageClass
    numbers: StoredNumbers
    source: SourceImages | None
    references: Sequence[Reference | None]
    frame_of_reference: str
    study_uid: str
    series_uid: str
    created: datetime
    uids: Uids

    @property
    def placed(self) -> bool:
        """Whether positions in the patient are written."""
        return is_placed(self.volume, self.options)

    @property
    def times(self) -> int:
        """Number of time points."""
        return self.volume.lead_shape[0] if self.volume.lead_shape else 1

    @property
    def slices(self) -> int:
        """Number of slices of one time point."""
        return self.volume.grid.shape[0]

    @property
    def seconds(self) -> tuple[float, ...] | None:
        """Time of each time point, where known."""
        return self.volume.coordinates.get(TIME)


def make_plan(
    volume: Volume, kind: DicomKind, options: DicomWriteOptions, progress: Progress = silent
) -> Plan:
    """Decide how a volume is written; its values are read.

    Raises
    ------
    UnsupportedError
        If no class of the kind holds the volume.
    UsageError
        If options contradict each other.
    MissingError
        If the source is not there.
    """
    modality = options.modality or (volume.modality or "").strip().upper() or OTHER
    if kind is DicomKind.LEGACY_ENHANCED and options.source is None:
        raise UsageError(
            "a legacy converted image needs the classic series that it converts", advice="Name it as source"
        )
    if is_placed(volume, options):
        check_right_angle(volume.grid)
    whole = load_source(options.source) if options.source is not None else None
    source = whole.used_by(volume) if whole else None
    template = source.template if source else None
    known = {*options.attributes, *(template.dir() if template else ())}
    storage = choose_class(volume, modality, kind, options, known)
    numbers = stored_numbers(volume, storage.numbers, progress)
    uids = Uids(options.uid_seed)
    return Plan(
        volume=volume,
        options=options,
        kind=kind,
        modality=modality,
        storage=storage,
        numbers=numbers,
        source=source,
        references=slice_references(volume, source),
        frame_of_reference=_frame_of_reference(volume, source, options, uids),
        study_uid=str(template.StudyInstanceUID) if template else uids.new("study"),
        series_uid=uids.new("series"),
        created=options.created or datetime.now(),  # noqa: DTZ005 - DICOM times are local (PS3.5 6.2)
        uids=uids,
    )


def check_right_angle(grid: Grid) -> None:
    """Refuse rows and columns that are not at a right angle (PS3.3 C.7.6.2.1.1)."""
    direction = grid.direction
    cosine = abs(float(direction[:, 1] @ direction[:, 2]))
    if cosine > _RIGHT_ANGLE:
        angle = np.degrees(np.arccos(cosine))
        raise UnsupportedError(
            "rows and columns are not at a right angle: DICOM has no place for that (PS3.3 C.7.6.2.1.1)",
            got=f"{angle:.3f} degrees",
            expected="90",
            advice="Resample to a regular grid first",
        )


def continues_space(volume: Volume, source: SourceImages | None, options: DicomWriteOptions) -> bool:
    """Whether the grid lies in the frame of reference of the source."""
    theirs = source.frame_of_reference if source else None
    if theirs is None or options.same_space is False:
        return False
    return options.same_space is True or volume.grid.frame_of_reference == theirs


def _frame_of_reference(
    volume: Volume, source: SourceImages | None, options: DicomWriteOptions, uids: Uids
) -> str:
    if not is_placed(volume, options):
        return ""
    if source and continues_space(volume, source, options):
        return source.frame_of_reference or ""
    own = volume.grid.frame_of_reference if volume.grid.space is Space.PATIENT else None
    return own if own and options.same_space is not False else uids.new("frame of reference")
