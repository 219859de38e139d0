"""SUV factors against the formula of the QIBA profile, worked out here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from medvox.server.image.uptake import suv_factor
from medvox.testing import dicom_builder as build
from medvox.workflows.open_folder import scan

if TYPE_CHECKING:
    from pathlib import Path


def pet(folder: Path, **changes: object) -> float | None:
    """Factor of a PET whose values count from one half life after the injection."""
    dose = build.items(
        RadiopharmaceuticalStartTime="090000", RadionuclideTotalDose=4e8, RadionuclideHalfLife=3600.0
    )
    told = {"PatientWeight": 80, "RadiopharmaceuticalInformationSequence": dose, "Units": "BQML"}
    when = {"SeriesDate": "20240101", "SeriesTime": "100000", "AcquisitionDate": "20240101"}
    series = build.stack(
        np.ones((3, 4, 4), np.int16), modality="PT", DecayCorrection="START", AcquisitionTime="100500",
        RescaleSlope=1, RescaleIntercept=0, CorrectedImage=["ATTN", "DECY"], **{**told, **when, **changes},
    )  # fmt: skip
    build.save(series, folder)
    image = scan([folder]).studies[0].series[0].images[0]
    return suv_factor(image, image.volume().unit)


def test_the_factor_is_weight_over_the_dose_that_was_left(tmp_path: Path) -> None:
    assert pet(tmp_path) == pytest.approx(80_000 / 2e8)


def test_without_weight_or_with_other_units_there_is_none(tmp_path: Path) -> None:
    assert pet(tmp_path / "a", PatientWeight=None) is None
    assert pet(tmp_path / "b", Units="GML") is None
