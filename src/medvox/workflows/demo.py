"""The demo patient as a folder of DICOM files, made here, with the truth beside it on request."""

from __future__ import annotations

import shutil
import tempfile
from datetime import date, datetime
from pathlib import Path

import numpy as np

from medvox.core.errors import UsageError, WriteError
from medvox.core.grid import Grid
from medvox.core.progress import Progress, silent
from medvox.dicom.series_facts import (
    CtFacts,
    EquipmentFacts,
    PatientFacts,
    SeriesFacts,
    StudyFacts,
    stable_uid,
)
from medvox.dicom.write_series import write_series
from medvox.simulation.anatomy import paint_patient
from medvox.simulation.ct import simulate_ct

PATIENT = PatientFacts(
    "Demo^Patient",
    "MEDVOX-DEMO",
    date(1961, 4, 1),
    "M",
    65,
    78.0,
    1.74,
    "SIMULATED: no person was ever scanned",
)
EQUIPMENT = EquipmentFacts("medvox", "simulation", "DEMO", "demo 1", "0")
FRAME_UID = stable_uid("demo", "frame of reference", "PET/CT")


def axial_grid(
    spacing_mm: tuple[float, float, float], box_mm: tuple[tuple[float, float], ...], frame: str
) -> Grid:
    """Axial grid (k up, j back, i left) over a box of LPS x, y, z ranges."""
    steps = spacing_mm[::-1]
    counts = [max(1, round((high - low) / step)) for (low, high), step in zip(box_mm, steps, strict=True)]
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for axis in range(3):
        matrix[axis, 2 - axis] = steps[axis]
        matrix[axis, 3] = box_mm[axis][0] + steps[axis] / 2
    return Grid((counts[2], counts[1], counts[0]), matrix, frame)


def write_demo(folder: Path, labelled: bool = False, progress: Progress = silent) -> Path:
    """Write the demo patient.

    Parameters
    ----------
    folder
        Must not be there yet, or be empty.
    labelled
        Also write the truth: segments as NIfTI and `truth.json`.

    Returns
    -------
    Path
        The folder, complete.

    Raises
    ------
    UsageError
        If the folder holds something.
    WriteError
        If the system refuses; nothing half written is left.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("the folder is not empty", where=folder, advice="Name a new folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise WriteError("cannot make the demo folder", where=folder, got=error.strerror) from error
    try:
        _write(made, labelled, progress)
        made.chmod(0o755)
        made.replace(folder)
    except OSError as error:
        raise WriteError("cannot write the demo", where=folder, got=error.strerror) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _write(folder: Path, labelled: bool, progress: Progress) -> None:
    study = StudyFacts(
        stable_uid("demo", "study", "PET/CT"), datetime(2026, 11, 2, 9, 30), "SIMULATED PET/CT"
    )
    grid = axial_grid((2.5, 1.953125, 1.953125), ((-250, 250), (-240, 260), (-105, 830)), FRAME_UID)
    canvas = paint_patient(grid, progress=progress)
    ct = simulate_ct(canvas)
    facts = SeriesFacts(
        "CT", PATIENT, study, EQUIPMENT, stable_uid("demo", "series", "CT"), 1, "SIMULATED CT whole body arterial",
        datetime(2026, 11, 2, 9, 40), CtFacts(contrast_agent="SIMULATED"), FRAME_UID,
        ("ORIGINAL", "PRIMARY", "AXIAL", "SIMULATED"), "WHOLEBODY", comments="SIMULATED IMAGE",
        windows=((40, 400, "SOFT TISSUE"), (400, 1800, "BONE"), (-600, 1500, "LUNG")),
    )  # fmt: skip
    write_series(ct, folder / "ct", facts, progress)
