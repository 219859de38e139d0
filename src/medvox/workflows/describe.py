"""A scan as plain values, for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medvox.core.finding import EXPLANATIONS, Finding
from medvox.core.grid import Grid, Space
from medvox.core.study import Image, Scan, Series, Study
from medvox.dicom.objects.summary import ObjectSummary, summarize

MOST_SUMMARIES = 100
"""Objects of one series that are looked into."""


def describe_scan(scan: Scan) -> dict[str, Any]:
    """Studies, series, images, geometry and findings of a scan."""
    objects = object_summaries(scan)
    return {
        "roots": list(scan.roots),
        "files": scan.files,
        "studies": [_study(study, objects) for study in scan.studies],
        "findings": [_finding(f) for f in scan.findings],
    }


def _study(study: Study, objects: Mapping[str, ObjectSummary]) -> dict[str, Any]:
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
        "series": [_series(series, objects) for series in study.series],
    }


def object_summaries(scan: Scan) -> dict[str, ObjectSummary]:
    """Say what segmentations, structure sets, reports and their like hold and refer to, by file."""
    at_hand = {i.sop_instance_uid for s in scan.series() for i in s.instances if i.sop_instance_uid}
    found = {}
    for series in scan.series():
        if series.object_type is None or series.format != "DICOM":
            continue
        for instance in series.instances[:MOST_SUMMARIES]:
            summary = summarize(Path(instance.file), at_hand)
            if summary is not None:
                found[instance.file] = summary
    return found


def _object(summary: ObjectSummary) -> dict[str, Any]:
    return {
        "kind": summary.kind,
        "parts": list(summary.parts),
        "references": len(summary.referenced),
        "findings": [_finding(f) for f in summary.findings],
    }


def _series(series: Series, objects: Mapping[str, ObjectSummary]) -> dict[str, Any]:
    mine = [objects[i.file] for i in series.instances if i.file in objects]
    return {
        "series_instance_uid": series.uid,
        "number": series.number,
        "description": series.description,
        "modality": series.modality,
        "body_part": series.body_part,
        "format": series.format,
        "object_type": series.object_type,
        "files": len(series.instances),
        "objects": [_object(summary) for summary in mine],
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
