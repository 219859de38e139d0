"""The series of the demo patient: which are taken, on which grids, and the facts written with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from medvox.core.grid import Grid
from medvox.core.labels import Code
from medvox.core.volume import Volume
from medvox.dicom.writing.facts import (
    CtFacts,
    EquipmentFacts,
    MrFacts,
    PatientFacts,
    PetFacts,
    SeriesFacts,
    StudyFacts,
    UltrasoundFacts,
    XrayFacts,
    stable_uid,
)
from medvox.simulation.mr import DYNAMIC, T1_WEIGHTED, T2_WEIGHTED, PulseSequence
from medvox.simulation.pet import PetScanner
from medvox.simulation.phantom.shapes import rotation
from medvox.simulation.ultrasound import Probe
from medvox.simulation.xray import XrayBench

Affine = NDArray[np.float64]
Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]

PATIENT = PatientFacts(
    "Demo^Patient",
    "MEDVOX-DEMO",
    date(1961, 4, 1),
    "M",
    65,
    78.0,
    1.72,
    "SIMULATED: no person was ever scanned",
)
EQUIPMENT = EquipmentFacts("medvox", "simulation", "DEMO", "demo 1", "0")
FRAMES = {name: stable_uid("demo", "frame of reference", name) for name in ("PET/CT", "MR head", "MR liver")}
NOTE = "SIMULATED IMAGE, NOT A PERSON"

BODY_BOX: Box = ((-250, 250), (-240, 260), (-105, 830))
HEAD_BOX: Box = ((-86, 86), (-124, 112), (596, 828))
LIVER_BOX: Box = ((-182, 182), (-132, 132), (204, 344))


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """Voxel sizes (k, j, i) in mm, time points, and the instruments of the demo.

    `coarse` gives the same patient in few voxels, for tests.
    """

    ct_mm: tuple[float, float, float] = (2.5, 1.953125, 1.953125)
    pet_mm: tuple[float, float, float] = (3.0, 3.90625, 3.90625)
    head_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    thick_mm: float = 4.0
    liver_mm: tuple[float, float, float] = (4.0, 2.8, 2.8)
    times_s: tuple[float, ...] = (0, 15, 25, 35, 50, 75, 120, 240)
    pet: PetScanner = field(default_factory=PetScanner)
    probe: Probe = field(default_factory=Probe)
    bench: XrayBench = field(default_factory=XrayBench)

    @classmethod
    def coarse(cls, pet: PetScanner | None = None) -> DemoPlan:
        """Few voxels."""
        return cls(
            ct_mm=(8, 7.8125, 7.8125), pet_mm=(9, 7.8125, 7.8125), head_mm=(6, 6, 6), thick_mm=12,
            liver_mm=(10, 9.1, 9.1), times_s=(0, 25, 120), pet=pet or PetScanner(),
            probe=Probe(frames=3, rows=100, columns=120), bench=XrayBench(pixel_mm=6.0),
        )  # fmt: skip

    @property
    def ct_grid(self) -> Grid:
        """Grid of the CT."""
        return axial_grid(self.ct_mm, BODY_BOX, FRAMES["PET/CT"])

    @property
    def pet_grid(self) -> Grid:
        """Grid of the PET; same frame of reference as the CT."""
        return axial_grid(self.pet_mm, BODY_BOX, FRAMES["PET/CT"])


def axial_grid(spacing_mm: tuple[float, float, float], box_mm: Box, frame: str | None = None) -> Grid:
    """Axial grid (k up, j back, i left) that starts at the low corner of a box of LPS x, y, z ranges."""
    steps = spacing_mm[::-1]
    counts = [max(1, round((high - low) / step)) for (low, high), step in zip(box_mm, steps, strict=True)]
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for axis in range(3):
        matrix[axis, 2 - axis] = steps[axis]
        matrix[axis, 3] = box_mm[axis][0] + steps[axis] / 2
    return Grid((counts[2], counts[1], counts[0]), matrix, frame)


def motion(name: str) -> Affine:
    """4x4 rigid motion from PET/CT space to the space of another examination: how the patient lay there."""
    turn, shift = {
        "MR head": (rotation("x", 6.0) @ rotation("z", 3.0), (3.0, -8.0, -4.0)),
        "MR liver": (rotation("z", -2.0) @ rotation("x", 1.5), (2.0, 6.0, -1.0)),
    }[name]
    center = {"MR head": (0.0, 0.0, 740.0), "MR liver": (0.0, 0.0, 270.0)}[name]
    matrix = np.eye(4)
    matrix[:3, :3] = turn
    matrix[:3, 3] = np.array(shift) - turn @ np.array(center)
    return matrix


def _study(name: str, title: str, hour: int) -> StudyFacts:
    started = datetime(2026, 11, 2, hour, 0)  # noqa: DTZ001 (DICOM times are local)
    return StudyFacts(stable_uid("demo", "study", name), started, f"SIMULATED {title}", name)


PET_CT = _study("PETCT", "PET/CT whole body", 9)
MR = _study("MR", "MR head and liver", 13)
PROJECTION = _study("DX", "chest radiograph", 15)
ULTRASOUND = _study("US", "abdominal ultrasound", 16)


def _facts(
    modality: str, study: StudyFacts, number: int, title: str, minute: int, details: object, **more: object
) -> SeriesFacts:
    uid = stable_uid("demo", "series", study.study_id, number)
    acquired = study.started + timedelta(minutes=minute)
    return SeriesFacts(
        modality, PATIENT, study, EQUIPMENT, uid, number, f"SIMULATED {title}", acquired, details,  # type: ignore[arg-type]
        comments=NOTE, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def ct_facts() -> SeriesFacts:
    """Facts of the whole-body CT."""
    return _facts(
        "CT", PET_CT, 2, "CT arterial", 20, CtFacts(contrast_agent="SIMULATED"),
        frame_of_reference_uid=FRAMES["PET/CT"], image_type=("ORIGINAL", "PRIMARY", "AXIAL", "SIMULATED"),
        body_part="WHOLEBODY", windows=((50, 400, "SOFT TISSUE"), (400, 1800, "BONE"), (-600, 1500, "LUNG")),
    )  # fmt: skip


def pet_facts(pet: PetScanner) -> SeriesFacts:
    """Facts of the PET, with the dose and times from which SUV follows."""
    started = PET_CT.started + timedelta(minutes=24)
    details = PetFacts(
        injected=started - timedelta(seconds=pet.delay_s),
        injected_bq=pet.injected_bq,
        half_life_s=pet.half_life_s,
        positron_fraction=0.9673,
        frame_s=150.0,
        pharmaceutical=Code("35321007", "SCT", "Fluorodeoxyglucose F^18^"),
        nuclide=Code("77004003", "SCT", "^18^Fluorine"),
    )
    top = 7 * pet.bq_ml_per_suv
    return _facts(
        "PT", PET_CT, 3, "PET FDG", 24, details, frame_of_reference_uid=FRAMES["PET/CT"],
        image_type=("ORIGINAL", "PRIMARY", "AXIAL", "SIMULATED"), body_part="WHOLEBODY",
        windows=((top / 2, top, "SUV 0 TO 7"),),
    )  # fmt: skip


def _mr(sequence: PulseSequence, acquisition: str, agent: str = "") -> MrFacts:
    scanning = {"SE": "SE", "IR": "GR\\IR", "GR": "GR"}[sequence.kind]
    variant = {"SE": "SK", "IR": "SP\\MP", "GR": "SP"}[sequence.kind]
    inversion = sequence.inversion_ms if sequence.kind == "IR" else None
    return MrFacts(
        sequence.repetition_ms,
        sequence.echo_ms,
        sequence.flip_deg,
        inversion,
        1.5,
        scanning,
        variant,
        acquisition,
        agent,
    )


def mr_facts(name: str, volume: Volume) -> SeriesFacts:
    """Facts of an MR series: ``"t1"``, ``"t2"`` or ``"dynamic"``."""
    number, title, sequence, acquisition, minute, frame, part = {
        "t1": (2, "T1 3D sagittal", T1_WEIGHTED, "3D", 5, "MR head", "HEAD"),
        "t2": (3, "T2 axial", T2_WEIGHTED, "2D", 12, "MR head", "HEAD"),
        "dynamic": (4, "T1 dynamic contrast liver", DYNAMIC, "3D", 25, "MR liver", "LIVER"),
    }[name]
    high = float(np.percentile(volume.data, 99.7)) if isinstance(volume.data, np.ndarray) else 1000.0
    assert isinstance(sequence, PulseSequence)
    agent = "SIMULATED gadolinium agent" if name == "dynamic" else ""
    return _facts(
        "MR", MR, int(str(number)), str(title), int(str(minute)), _mr(sequence, str(acquisition), agent),
        frame_of_reference_uid=FRAMES[str(frame)], image_type=("ORIGINAL", "PRIMARY", "M", "SIMULATED"),
        body_part=str(part), windows=((round(high / 2), round(high), ""),),
    )  # fmt: skip


def xray_facts(bench: XrayBench) -> SeriesFacts:
    """Facts of the chest radiograph."""
    details = XrayFacts(
        "PA", "CHEST", ("L", "F"), bench.distance_mm, Code("51185008", "SCT", "Chest"),
        Code("399348003", "SCT", "postero-anterior"), round(bench.magnification(0.0), 4),
    )  # fmt: skip
    return _facts(
        "DX", PROJECTION, 1, "chest PA", 5, details, image_type=("DERIVED", "PRIMARY", "", "SIMULATED"),
        body_part="CHEST", windows=((2048, 4096, "NORMAL"),),
    )  # fmt: skip


def ultrasound_facts(probe: Probe) -> SeriesFacts:
    """Facts of the colour cine of liver and kidney."""
    details = UltrasoundFacts(
        probe.frame_ms,
        (0, 0, probe.columns - 1, probe.rows - 1),
        float(probe.pixel_mm),
    )
    return _facts(
        "US", ULTRASOUND, 1, "liver color flow", 5, details,
        image_type=("ORIGINAL", "PRIMARY", "ABDOMINAL", "SIMULATED"), body_part="LIVER",
    )  # fmt: skip
