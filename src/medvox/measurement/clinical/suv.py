"""Standardized uptake values and what is read from a lesion of them.

SUVbw = activity concentration · body weight / injected dose, decay-corrected to the same time (QIBA profile
FDG-PET/CT, "Vendor-neutral pseudo-code for SUV calculation"; NEMA/DICOM units (0054,1006)). SUVpeak: mean
over a sphere of 1 cm³ (Wahl et al., J Nucl Med 50 Suppl 1:122S-150S, 2009).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.acquisition import Fact, Pet
from medvox.core.errors import AmbiguityError, GeometryError, MissingError, UsageError
from medvox.core.grid import Grid
from medvox.measurement.radiomics.intensity import peaks

AnyArray = NDArray[Any]
Mask = NDArray[np.bool_]
SuvKind = Literal["bw", "bsa", "lbm"]
STORED_SUV: Mapping[str, SuvKind] = {"GML": "bw", "CM2ML": "bsa"}
"""Units (0054,1001) of images that hold SUV already (PS3.3 C.8.9.1.1.3)."""


def suv_factor(pet: Pet) -> float:
    """What activity in Bq/ml is multiplied by to give SUVbw in g/ml.

    Parameters
    ----------
    pet
        Facts of the series; see `medvox.core.acquisition.Pet`.

    Returns
    -------
    float
        1 for images that hold SUVbw already.

    Raises
    ------
    MissingError
        If an attribute is missing; the error names all that are, with their tags.
    AmbiguityError
        If the header does not say to which time values are decay-corrected.
    UsageError
        If values are counts: the scaling to activity is the vendor's own.
    """
    units = _value(pet.units)
    if units in STORED_SUV:
        kind = _value(pet.suv_kind) or "BW"
        if STORED_SUV[units] != "bw" or kind.upper() != "BW":
            raise UsageError(
                "values are an SUV of another kind", where="(0054,1006) SUV Type", got=kind, expected="BW"
            )
        return 1.0
    if units is not None and units != "BQML":
        raise UsageError(
            "values are not activity concentrations",
            where="(0054,1001) Units",
            got=units,
            expected="BQML or GML",
            advice="Philips counts: read the image with its scaling 'activity' or 'suv'",
        )
    missing = [name for name, fact in _needed(pet) if fact is None]
    if missing:
        raise MissingError("attributes for SUV are missing", where="PET header", expected=missing)
    passed = _value(pet.decay_from_injection_s)
    if passed is None:
        raise AmbiguityError(
            "the header does not say to which time values are decay-corrected",
            where="(0054,1102) Decay Correction, (0018,1072) injection, (0008,0031) Series Time",
            advice="Find out how the scanner corrects, and scale the image yourself",
        )
    weight, dose, half_life = (_value(f) for f in (pet.weight_kg, pet.injected_dose_bq, pet.half_life_s))
    return float(weight * 1000 / (dose * math.exp2(-passed / half_life)))


def _needed(pet: Pet) -> tuple[tuple[str, Fact[Any] | None], ...]:
    return (
        ("(0054,1001) Units", pet.units),
        ("(0010,1030) Patient's Weight", pet.weight_kg),
        ("(0018,1074) Radionuclide Total Dose", pet.injected_dose_bq),
        ("(0018,1075) Radionuclide Half Life", pet.half_life_s),
        ("(0018,1072) Radiopharmaceutical Start Time", pet.injection_s),
        ("(0054,1102) Decay Correction", pet.decay_correction),
    )


def _value(fact: Fact[Any] | None) -> Any:
    return None if fact is None else fact.value


@dataclass(frozen=True, slots=True)
class SuvLesion:
    """Uptake of one lesion.

    Parameters
    ----------
    name
        Of the segment.
    suv_max, suv_mean, suv_peak
        g/ml. The peak is the highest mean over 1 cm³ about any voxel of the region.
    mtv_ml
        Metabolic tumour volume: that of the region, on the stored grid.
    tlg_g
        Total lesion glycolysis: mean times volume.
    threshold
        SUV that the region was cut at, or None.
    """

    name: str
    suv_max: float
    suv_mean: float
    suv_peak: float
    mtv_ml: float
    tlg_g: float
    threshold: float | None = None


def lesion_uptake(
    suv: AnyArray,
    mask: Mask,
    grid: Grid,
    *,
    name: str = "",
    absolute: float | None = None,
    relative: float | None = None,
) -> SuvLesion:
    """Read the uptake of a lesion.

    Parameters
    ----------
    suv
        (k, j, i) SUV.
    mask
        (k, j, i) lesion.
    absolute, relative
        Cut the region at an SUV (e.g. 4.0), or at a part of its maximum (e.g. 0.41), before measuring.

    Raises
    ------
    MissingError
        If the region is empty, or is empty above the threshold.
    GeometryError
        If shapes differ or a value in the region is not finite.
    """
    if not suv.shape == mask.shape == grid.shape:
        raise GeometryError(
            "SUV, mask and grid differ in shape", where=name or None, got=mask.shape, expected=suv.shape
        )
    if absolute is not None and relative is not None:
        raise UsageError("give one threshold, absolute or relative", where=name or None)
    if not mask.any():
        raise MissingError("the region is empty", where=name or None)
    at = np.asarray(suv[mask], np.float64)
    if not np.isfinite(at).all():
        raise GeometryError(
            "values in the region are not finite", where=name or None, got=int((~np.isfinite(at)).sum())
        )
    threshold = absolute if relative is None else relative * float(at.max())
    region = mask if threshold is None else mask & (suv >= threshold)
    if not region.any():
        raise MissingError(
            "no voxel reaches the threshold", where=name or None, got=float(at.max()), expected=threshold
        )
    at = np.asarray(suv[region], np.float64)
    weights = np.broadcast_to(grid.voxel_volumes_mm3[:, None, None], region.shape)[region] / 1000
    volume = float(weights.sum())
    mean = float(at @ weights / volume)
    peak = peaks(suv, region, grid.spacing_mm)["global_intensity_peak"]
    return SuvLesion(name, float(at.max()), mean, peak, volume, mean * volume, threshold)
