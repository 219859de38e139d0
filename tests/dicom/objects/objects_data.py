"""Sources for tests of objects: a tilted, unevenly spaced CT and labels on it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from medvox.core.labels import Algorithm, Code, LabelMap, Segment
from medvox.core.volume import Volume
from medvox.testing import dicom_builder as build
from medvox.workflows.open_folder import read

SKULL = Segment(
    1,
    "Skull",
    0,
    Code("123037004", "SCT", "Anatomical Structure"),
    Code("89546000", "SCT", "Skull"),
    (226, 212, 178),
    algorithm=Algorithm("AUTOMATIC", "threshold", "1.0", Code("123105", "DCM", "Tracking Region")),
    tracking_id="skull",
    tracking_uid="2.25.1",
)
LESION = Segment(
    2,
    "Läsion",
    1,
    Code("49755003", "SCT", "Morphologically Altered Structure"),
    Code("4147007", "SCT", "Mass"),
    (255, 0, 0),
    Code("89546000", "SCT", "Skull"),
    "left, growing",
    Algorithm("MANUAL"),
)
IGNORED = ("DICOMDIR", "Retired Person Name form")
"""Remarks of dciodvfy that are no faults of the object."""


def tilted_ct(folder: Path, shape: tuple[int, int, int] = (7, 16, 24), **attributes: object) -> Volume:
    """CT of a gantry tilted by some 20 degrees, its slice distances uneven."""
    rng = np.random.default_rng(3)
    pixels = rng.integers(-1000, 2000, shape).astype(np.int16)
    depths = np.cumsum([0, 2, 2, 3, 5, 5, 2.5][: shape[0]])
    positions = [(-11.5, -7.0 + 0.36 * d, float(d)) for d in depths]
    said = {
        "Manufacturer": "Scanner & Co",
        "ReferringPhysicianName": "",
        "PatientBirthDate": "19700101",
        "PatientSex": "F",
        "StudyTime": "101112",
        "StudyID": "S1",
        "AccessionNumber": "A1",
        "PositionReferenceIndicator": "",
        "RescaleSlope": "1",
        "RescaleIntercept": "0",
        **attributes,
    }
    ct = build.stack(pixels, modality="CT", positions_mm=positions, spacing_mm=(2.0, 0.5, 0.75), **said)
    build.save(ct, folder)
    return read(folder)


def overlapping(volume: Volume) -> LabelMap:
    """Two segments that share voxels; slice 2 shows none, the second only two slices."""
    rng = np.random.default_rng(4)
    data = np.zeros((2, *volume.grid.shape), np.uint8)
    data[0] = rng.random(volume.grid.shape) < 0.3
    data[0, 2] = 0
    data[1, 3:5, 4:9, 5:20] = 2
    return LabelMap(data, volume.grid, (SKULL, LESION), provenance=volume.known_provenance)


def faults(path: Path) -> list[str]:
    """Errors that dciodvfy finds."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (apt: dicom3tools)")
    done = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, check=False)
    return [line for line in done.stderr.splitlines() if line.startswith("Error")]
