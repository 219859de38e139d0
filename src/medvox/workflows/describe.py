"""A scan as plain values, for JSON."""

from __future__ import annotations

from typing import Any

from medvox.core.finding import EXPLANATIONS, Finding
from medvox.core.grid import Grid, Space
from medvox.core.study import Image, Scan, Series, Study


def describe_scan(scan: Scan) -> dict[str, Any]:
    """Studies, series, images, geometry and findings of a scan."""
    return {
        "roots": list(scan.roots),
        "files": scan.files,
        "studies": [_study(study) for study in scan.studies],
        "findings": [_finding(f) for f in scan.findings],
    }


def _study(study: Study) -> dict[str, Any]:
    patient = study.patient
    return {
        "study_instance_uid": study.uid,
        "description": study.description,
        "date": study.date,
        "time": study.time,
        "accession_number": study.accession,
        "patient": {
            "name": patient.name,
            "id": patient.id,
            "birth_date": patient.birth_date,
            "sex": patient.sex,
            "age": patient.age,
        },
        "series": [_series(series) for series in study.series],
    }


def _series(series: Series) -> dict[str, Any]:
    return {
        "series_instance_uid": series.uid,
        "number": series.number,
        "description": series.description,
        "modality": series.modality,
        "body_part": series.body_part,
        "format": series.format,
        "object_type": series.object_type,
        "files": len(series.instances),
        "images": [_image(image) for image in series.images],
        "findings": [_finding(f) for f in series.findings],
    }


def _image(image: Image) -> dict[str, Any]:
    return {
        "label": image.label,
        "kind": str(image.kind),
        "modality": image.modality,
        "unit": image.unit,
        "axes": list(image.axes),
        "shape": list(image.shape),
        "facts": dict(image.facts),
        "grid": describe_grid(image.grid),
        "findings": [_finding(f) for f in image.findings],
    }


def describe_grid(grid: Grid) -> dict[str, Any]:
    """A grid's numbers: sizes, spacing, affine, tilt and slice positions."""
    unit = "px" if grid.space is Space.PIXEL else "mm"
    return {
        "shape_kji": list(grid.shape),
        f"spacing_{unit}_kji": [round(s, 6) for s in grid.spacing_mm],
        "affine_kji_to_lps": grid.affine.tolist(),
        "orientation_kji": grid.letters,
        "space": str(grid.space),
        "frame_of_reference_uid": grid.frame_of_reference,
        "even": grid.is_even,
        "tilt_deg": round(grid.tilt_deg, 3),
        "slice_origins_mm": None if grid.slice_origins_mm is None else grid.slice_origins_mm.tolist(),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "level": str(finding.level),
        "where": finding.where,
        "text": finding.text,
        "reference": finding.reference,
        "explanation": EXPLANATIONS[finding.code],
    }
