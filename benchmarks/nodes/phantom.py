"""A CT series whose every slice, row and column has contrast: a checkerboard of noise in three directions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medvox.testing.dicom_builder import instance, uid

CELL_MM, PIXEL_MM, SLICE_MM = 12.0, 0.7, 1.2
STUDY = "viewer"


def write(folder: Path, slices: int = 300, side: int = 512, slice_mm: float = SLICE_MM) -> str:
    """Write the files of a study and return its UID.

    Values are -60 and 140 HU by turns in cells of 12 mm, with noise of 12 HU, so that they compress as a
    scan of a body does.
    """
    random = np.random.default_rng(5)
    noise = random.normal(0, 12, (16, side, side)).astype(np.int16)
    cell = (np.arange(side) * PIXEL_MM // CELL_MM).astype(int)
    for number in range(slices):
        parity = (cell[:, None] + cell[None, :] + int(number * slice_mm // CELL_MM)) % 2
        values = noise[number % 16] + np.where(parity, 140, -60).astype(np.int16)
        data = instance(values, modality="CT", study=STUDY, InstanceNumber=number + 1)
        data.PatientID, data.PatientName, data.StudyDescription = "P-viewer", "Bench^Viewer", "Checkerboard"
        data.StudyID = data.AccessionNumber = data.ReferringPhysicianName = data.StudyTime = ""
        data.PatientBirthDate = data.PatientSex = data.SeriesDescription = ""
        data.PixelSpacing, data.SliceThickness = [PIXEL_MM, PIXEL_MM], slice_mm
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.ImagePositionPatient = [-side * PIXEL_MM / 2, -side * PIXEL_MM / 2, number * slice_mm]
        data.WindowCenter, data.WindowWidth = 40, 400
        data.save_as(folder / f"{number:04}.dcm", enforce_file_format=True)
    return uid(STUDY)
