"""Facts of a series that its pixels do not tell, one class a concern; what the DICOM writer needs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date, datetime

from medvox.core.labels import Code

_NAMESPACE = uuid.UUID("6d656476-6f78-5000-8000-000000000000")


def stable_uid(*words: object) -> str:
    """UID that is always the same for the same words: "2.25." and a UUID (PS3.5 B.2), version 5.

    Examples
    --------
    >>> stable_uid("demo", 1) == stable_uid("demo", 1)
    True
    """
    return f"2.25.{uuid.uuid5(_NAMESPACE, chr(31).join(str(w) for w in words)).int}"


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """Patient and General Study/Patient Study modules (PS3.3 C.7.1.1, C.7.2.2)."""

    name: str
    patient_id: str
    birth_date: date | None = None
    sex: str = "O"
    age_years: int | None = None
    weight_kg: float | None = None
    height_m: float | None = None
    comments: str = ""


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """General Study module (PS3.3 C.7.2.1)."""

    uid: str
    started: datetime
    description: str
    study_id: str = "1"
    accession_number: str = ""


@dataclass(frozen=True, slots=True)
class EquipmentFacts:
    """General Equipment module (PS3.3 C.7.5.1)."""

    manufacturer: str
    model: str = ""
    station: str = ""
    software: str = ""
    serial_number: str = "0"


@dataclass(frozen=True, slots=True)
class CtFacts:
    """CT Image module (PS3.3 C.8.2.1)."""

    kvp: float = 120.0
    tube_current_ma: int = 180
    exposure_ms: int = 500
    kernel: str = "STANDARD"
    contrast_agent: str = ""


@dataclass(frozen=True, slots=True)
class MrFacts:
    """MR Image module (PS3.3 C.8.3.1)."""

    repetition_ms: float
    echo_ms: float
    flip_deg: float = 90.0
    inversion_ms: float | None = None
    field_t: float = 1.5
    sequence: str = "SE"
    variant: str = "NONE"
    acquisition: str = "2D"
    contrast_agent: str = ""


@dataclass(frozen=True, slots=True)
class PetFacts:
    """PET Series, Isotope and Image modules (PS3.3 C.8.9.1, C.8.9.2, C.8.9.4).

    Parameters
    ----------
    injected_bq
        Dose at `injected`.
    half_life_s, positron_fraction
        Of the nuclide.
    frame_s
        Duration of a bed position.
    pharmaceutical, nuclide
        Coded names.
    """

    injected: datetime
    injected_bq: float
    half_life_s: float
    positron_fraction: float
    frame_s: float
    pharmaceutical: Code
    nuclide: Code


@dataclass(frozen=True, slots=True)
class XrayFacts:
    """DX image facts (PS3.3 C.8.11): what was pictured and from where."""

    view: str
    body_part: str
    patient_orientation: tuple[str, str]
    source_to_detector_mm: float
    region: Code
    view_code: Code
    magnification: float = 1.0


@dataclass(frozen=True, slots=True)
class UltrasoundFacts:
    """US multi-frame facts (PS3.3 C.8.5.5, C.8.5.6): calibrated region and cine rate."""

    frame_ms: float
    region: tuple[int, int, int, int]
    spacing_mm: float
    color_region: tuple[int, int, int, int] | None = None
    transducer: str = "CURVED LINEAR"
    quality: int = 88


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """All facts of one series.

    Parameters
    ----------
    modality
        ``"CT"``, ``"MR"``, ``"PT"``, ``"DX"`` or ``"US"``.
    acquired
        When the first slice was taken; typed, so that decay is computed from real times.
    details
        Facts of the modality.
    image_type
        Image Type values (0008,0008).
    """

    modality: str
    patient: PatientFacts
    study: StudyFacts
    equipment: EquipmentFacts
    uid: str
    number: int
    description: str
    acquired: datetime
    details: CtFacts | MrFacts | PetFacts | XrayFacts | UltrasoundFacts
    frame_of_reference_uid: str = ""
    image_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY")
    body_part: str = ""
    protocol: str = ""
    comments: str = ""
    patient_position: str = "HFS"
    windows: tuple[tuple[float, float, str], ...] = field(default_factory=tuple)
