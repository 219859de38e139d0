"""A built patient for tests of looking: CT and PET in one frame of reference, an earlier CT in another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medvox.testing import dicom_builder as build

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CT_SHAPE, CT_SPACING, CT_ORIGIN = (40, 64, 64), (2.5, 2.0, 2.0), (-63.0, -63.0, -48.75)
PT_SHAPE, PT_SPACING, PT_ORIGIN = (26, 32, 32), (4.0, 4.0, 4.0), (-62.0, -62.0, -50.0)
PRIOR_ORIGIN = (-163.0, 37.0, 151.25)
WHO = {"PatientName": "LOOK^AT", "PatientID": "L1"}


def hounsfield(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Value of the CT at points (…, 3), LPS mm: a plane, so that every interpolation is exact."""
    return np.asarray(2.0 * p[..., 0] + 1.0 * p[..., 1] + 3.0 * p[..., 2])


def uptake(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Value of the PET, SUV: rises from right to left."""
    return np.asarray(5.0 + 0.07 * p[..., 0])


def points(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], origin: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Voxel centres (k, j, i, 3) of an axial stack."""
    k, j, i = np.indices(shape)
    return np.stack([i * spacing[2], j * spacing[1], k * spacing[0]], axis=-1) + np.asarray(origin)


def rounded(values: NDArray[np.float64]) -> NDArray[np.int16]:
    """Nearest whole numbers."""
    return np.rint(values).astype(np.int16)


def write(folder: Path) -> Path:
    """Write the patient and return the folder."""
    ct = rounded(hounsfield(points(CT_SHAPE, CT_SPACING, CT_ORIGIN)))
    slope = {"RescaleSlope": 1, "RescaleIntercept": 0}
    common = {**WHO, **slope, "BodyPartExamined": "CHEST"}
    now = {"study": "now", "StudyDate": "20240505", "FrameOfReferenceUID": build.uid("here")}
    series = build.stack(
        ct, origin_mm=CT_ORIGIN, spacing_mm=CT_SPACING, modality="CT", series="ct",
        SeriesDescription="CT now",
        **now, **common,
    )  # fmt: skip
    build.save(series, folder / "ct")
    pet = rounded(uptake(points(PT_SHAPE, PT_SPACING, PT_ORIGIN)) * 100)
    series = build.stack(
        pet, origin_mm=PT_ORIGIN, spacing_mm=PT_SPACING, modality="PT", series="pt",
        SeriesDescription="PET now", Units="GML", **now, **{**common, "RescaleSlope": 0.01},
    )  # fmt: skip
    build.save(series, folder / "pt")
    then = {"study": "then", "StudyDate": "20220505", "FrameOfReferenceUID": build.uid("there")}
    series = build.stack(
        ct + 100, origin_mm=PRIOR_ORIGIN, spacing_mm=CT_SPACING, modality="CT", series="prior",
        SeriesDescription="CT then", **then, **common,
    )  # fmt: skip
    build.save(series, folder / "prior")
    return folder


def rotate(q: list[float], v: tuple[float, float, float]) -> NDArray[np.float64]:
    """Turn a vector by a unit quaternion x, y, z, w, by its matrix."""
    x, y, z, w = np.asarray(q) / np.linalg.norm(q)
    matrix = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return np.asarray(matrix @ np.asarray(v, float))
