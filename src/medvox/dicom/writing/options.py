"""How a volume is written as DICOM: one record of choices, each with a default that invents nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from medvox.core.errors import UsageError
from medvox.core.study import Instance, Series, Study

Source = Study | Series | Instance | str | Path | Sequence[Instance | str | Path]
"""Objects whose patient and study a written series continues."""


_Choice = TypeVar("_Choice", bound=StrEnum)


class DicomKind(StrEnum):
    """Which objects are written."""

    CLASSIC = "classic"
    """One instance a slice: CT, MR, PET, US, DX image, else secondary capture."""
    ENHANCED = "enhanced"
    """One multi-frame instance: enhanced CT, MR or PET, else multi-frame secondary capture."""
    LEGACY_ENHANCED = "legacy-enhanced"
    """One legacy converted enhanced CT, MR or PET instance; needs a classic source series."""


class Compression(StrEnum):
    """Transfer syntax of the pixel data; all are lossless."""

    NONE = "none"
    DEFLATED = "deflated"
    RLE = "rle"
    JPEG_LOSSLESS = "jpeg-lossless"
    JPEG_LS = "jpeg-ls"
    JPEG_2000 = "jpeg-2000"
    HTJ2K = "htj2k"


@dataclass(frozen=True, slots=True)
class DicomWriteOptions:
    """How to write a volume as DICOM.

    Parameters
    ----------
    kind
        `DicomKind` or its text; None: classic into a folder, enhanced into a single file (classic where
        the volume is one slice).
    compression
        `Compression` or its text.
    modality
        DICOM modality code (``"CT"``), instead of the volume's own. Where neither tells, secondary
        capture images of modality OT are written.
    source
        Series, study, instance, or files: patient and study are copied from it, the frame of reference
        goes on where the grid lies in it, and source instances are referenced.
    series_description, series_number
        Of the new series; by default the volume's label, and no number.
    same_space
        Whether the grid lies in the frame of reference of `source`; None: where the grid's own frame of
        reference UID says so.
    assume_patient_space
        Write a grid whose place in the patient is not known as if its axes were the patient's.
    uid_seed
        Makes all new UIDs depend on this text alone, which then must name the content; None: random.
    created
        When the objects are made; None: now. With `uid_seed` the same volume gives the same bytes.
    acquired
        When the first slice was acquired, where that is known and no `source` tells it.
    attributes
        Elements by keyword that replace those written, e.g. ``{"PatientID": "P-17"}``.
    overwrite
        Whether files of the same names in a folder may be replaced.

    Raises
    ------
    UsageError
        If kind or compression have no such value.
    """

    kind: DicomKind | str | None = None
    compression: Compression | str = Compression.NONE
    modality: str | None = None
    source: Source | None = None
    series_description: str | None = None
    series_number: int | None = None
    same_space: bool | None = None
    assume_patient_space: bool = False
    uid_seed: str | None = None
    created: datetime | None = None
    acquired: datetime | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.kind is not None:
            object.__setattr__(self, "kind", _member(DicomKind, self.kind, "kind"))
        object.__setattr__(self, "compression", _member(Compression, self.compression, "compression"))
        if self.modality is not None:
            object.__setattr__(self, "modality", self.modality.strip().upper() or None)


def _member(known: type[_Choice], value: str, name: str) -> _Choice:
    try:
        return known(str(value).lower())
    except ValueError as error:
        expected = [str(member) for member in known]
        raise UsageError(f"unknown {name} of DICOM objects", got=value, expected=expected) from error
