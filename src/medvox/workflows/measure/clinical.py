"""Uptake, calcium and bone density of the segments of files."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

from medvox.core.errors import AmbiguityError, MissingError, UsageError
from medvox.core.labels import LabelMap
from medvox.core.study import Image
from medvox.core.volume import Volume
from medvox.measurement.clinical.calcium import calcium_score
from medvox.measurement.clinical.density import DensityCalibration, bone_density, calibrate
from medvox.measurement.clinical.suv import lesion_uptake, suv_factor
from medvox.workflows.measure.row import Row
from medvox.workflows.open_folder import scan

Path_ = str | PathLike[str]
SUV_UNITS = ("SUVbw", "g/ml")


def read_suv(image: Path_, *, is_suv: bool = False) -> Volume:
    """Read a PET volume in SUVbw.

    Parameters
    ----------
    is_suv
        The values are SUVbw already, which formats other than DICOM cannot say.

    Raises
    ------
    MissingError
        If the header lacks what an SUV needs; the error names the tags.
    UsageError
        If the file has no PET header and `is_suv` is not said, or its values are no activity.
    """
    chosen = _only(image)
    volume = chosen.volume()
    if volume.lead_shape:
        raise UsageError("a PET series with a time axis needs one time point", where=image, got=volume.axes)
    if is_suv or volume.unit == SUV_UNITS[0]:
        return volume.derive(volume.values(), "suv", unit="SUVbw")
    pet = chosen.acquisition().pet
    if pet is None:
        raise UsageError(
            "the file has no PET header, and so no dose and weight",
            where=image,
            advice="Give the DICOM series, or say --values-are-suv where they are",
        )
    return volume.derive(volume.values(float) * suv_factor(pet), "suv", unit="SUVbw")


def _only(path: Path_) -> Image:
    images = list(scan(path).images())
    if len(images) != 1:
        if not images:
            raise MissingError("no image found", where=path)
        raise AmbiguityError("several images were found", choices=[i.label for i in images], where=path)
    return images[0]


def suv_rows(
    suv: Volume, labels: LabelMap, *, absolute: float | None = None, relative: float | None = None
) -> list[Row]:
    """SUVmax, mean, peak, MTV and TLG of all segments; an empty one has a row that says so."""
    rows = []
    values = suv.values(float)
    for segment in labels.segments:
        mask = labels.mask(segment.name)
        if not mask.any():
            rows.append(Row(segment.name, "mtv", 0.0, "mL", note="empty"))
            continue
        found = lesion_uptake(values, mask, suv.grid, name=segment.name, absolute=absolute, relative=relative)
        note = "" if found.threshold is None else f"SUV at least {found.threshold:.3g}"
        rows += [
            Row(segment.name, "suv_max", found.suv_max, "g/ml{SUVbw}", note=note),
            Row(segment.name, "suv_mean", found.suv_mean, "g/ml{SUVbw}", note=note),
            Row(segment.name, "suv_peak", found.suv_peak, "g/ml{SUVbw}", note=note or "1 cm3"),
            Row(segment.name, "mtv", found.mtv_ml, "mL", note=note),
            Row(segment.name, "tlg", found.tlg_g, "g", note=note),
        ]
    return rows


def calcium_rows(
    volume: Volume, labels: LabelMap | None, threshold_hu: float, mass_factor: float | None
) -> list[Row]:
    """Agatston, volume and mass score, of each segment and in total; of the whole image without segments.

    Raises
    ------
    UsageError
        If the image is not in HU.
    """
    values = hounsfield(volume)
    masks = [("", None)] if labels is None else [(s.name, labels.mask(s.name)) for s in labels.segments]
    scores = [
        calcium_score(values, volume.grid, m, name=n, threshold_hu=threshold_hu, mass_factor=mass_factor)
        for n, m in masks
    ]
    rows = []
    for s in scores:
        rows += [
            Row(s.name, "agatston", s.agatston, note=s.category),
            Row(s.name, "calcium_volume", s.volume_mm3, "mm3"),
            Row(s.name, "calcium_lesions", float(s.lesions)),
        ]
        if s.mass_mg is not None:
            rows.append(Row(s.name, "calcium_mass", s.mass_mg, "mg"))
    if len(scores) > 1:
        rows.append(Row("total", "agatston", sum(s.agatston for s in scores)))
    return rows


def density_rows(
    volume: Volume, labels: LabelMap, rods: Sequence[str], rods_mg_cm3: Sequence[float]
) -> list[Row]:
    """Bone mineral density of all segments that are no rods, calibrated with those that are.

    Parameters
    ----------
    rods
        Names of the segments that mark the phantom's rods.
    rods_mg_cm3
        Their densities, in the same order.

    Raises
    ------
    MissingError
        If a rod is not there or empty.
    """
    values = hounsfield(volume)
    means = []
    for rod in rods:
        mask = labels.mask(rod)
        if not mask.any():
            raise MissingError("a rod of the phantom is empty", where=rod)
        means.append(float(values[mask].mean()))
    fit = calibrate(means, rods_mg_cm3)
    rows = _fit_rows(fit)
    for segment in labels.segments:
        if segment.name in rods:
            continue
        mask = labels.mask(segment.name)
        if not mask.any():
            rows.append(Row(segment.name, "bone_mineral_density", float("nan"), "mg/cm3", note="empty"))
            continue
        found = bone_density(values, mask, volume.grid, fit, segment.name)
        rows += [
            Row(segment.name, "bone_mineral_density", found.mean_mg_cm3, "mg/cm3", note=found.category),
            Row(segment.name, "bone_mineral_density_sd", found.sd_mg_cm3, "mg/cm3"),
            Row(segment.name, "bone_mineral_content", found.content_mg, "mg"),
            Row(segment.name, "volume", found.volume_ml, "mL"),
        ]
    return rows


def _fit_rows(fit: DensityCalibration) -> list[Row]:
    told = "" if fit.slope_95 is None else f"± {fit.slope_95:.3g} (95 % of the fit)"
    more = "" if fit.intercept_95 is None else f"± {fit.intercept_95:.3g} (95 % of the fit)"
    return [
        Row("calibration", "slope", fit.slope, "mg/cm3/[hnsf'U]", note=told),
        Row("calibration", "intercept", fit.intercept, "mg/cm3", note=more),
        Row("calibration", "r_squared", fit.r_squared),
    ]


def hounsfield(volume: Volume) -> Any:
    """Values of a CT volume.

    Raises
    ------
    UsageError
        If they are not in HU, or there is more than one volume.
    """
    if volume.unit not in ("HU", "1") or volume.modality not in (None, "CT"):
        raise UsageError("the image is not in HU", where="image", got=volume.unit, expected="HU")
    if volume.lead_shape:
        raise UsageError("one volume is needed", where="image", got=volume.axes)
    return volume.values(float)
