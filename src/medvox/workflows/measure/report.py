"""Measured rows as a DICOM measurement report (TID 1500)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from medvox.core.errors import UsageError
from medvox.core.labels import Code, LabelMap
from medvox.core.volume import Volume
from medvox.dicom.objects.structured_report import (
    Measured,
    MeasurementGroup,
    MeasurementReport,
    SegmentReference,
    write_measurement_report,
)
from medvox.dicom.writing.source import Reference
from medvox.formats.base import WriteReport
from medvox.workflows.measure.row import Row, segments_of

OWN_SCHEME = "99MEDVOX"
NAMES: Mapping[str, Code] = {
    "volume": Code("118565006", "SCT", "Volume"),
    "surface_area": Code("C0JK", "IBSI", "Surface Area of Mesh"),
    "sphericity": Code("QCFX", "IBSI", "Sphericity"),
    "longest_diameter": Code("L0JK", "IBSI", "Maximum 3D Diameter"),
    "major_axis": Code("TDIC", "IBSI", "Major Axis Length"),
    "minor_axis": Code("P9VJ", "IBSI", "Minor Axis Length"),
    "least_axis": Code("7J51", "IBSI", "Least Axis Length"),
    "recist_long_diameter": Code("103339001", "SCT", "Long Axis"),
    "recist_short_diameter": Code("103340004", "SCT", "Short Axis"),
    "largest_slice_area": Code("42798000", "SCT", "Area"),
    "largest_slice_perimeter": Code("131191004", "SCT", "Perimeter"),
}
"""Codes of quantities (PS3.16 CID 7469, 7470; IBSI); what has none gets one of `OWN_SCHEME`."""


def write_report(
    rows: Sequence[Row],
    path: str | PathLike[str],
    volume: Volume,
    labels: LabelMap | None = None,
    segmentation: str | PathLike[str] | None = None,
) -> WriteReport:
    """Write the numbers of rows as a structured report that belongs to the image's patient and study.

    Words, infinite values and numbers that are none have no place in a report's NUM item and stay out; the
    table has them.

    Parameters
    ----------
    volume
        Image that was measured, read from DICOM.
    segmentation
        DICOM segmentation that the labels come from; the groups then refer to its segments.

    Raises
    ------
    UsageError
        If the image does not come from DICOM, or no number is left.
    """
    if not any(s.sop_instance_uid for s in volume.known_provenance.sources):
        raise UsageError(
            "a report needs an image from DICOM", where=path, advice="Measure the DICOM series, or use --csv"
        )
    groups = []
    for name in segments_of(rows):
        measured = tuple(
            Measured(_name(r.quantity), r.value, _unit(r.unit), uncertainty=r.discretization_95)
            for r in rows
            if r.segment == name and isinstance(r.value, float) and math.isfinite(r.value)
        )
        if measured:
            segment = _segment(name, labels, segmentation)
            groups.append(MeasurementGroup(name or "image", measured, segment=segment))
    if not groups:
        raise UsageError("there is no number to report", where=path)
    return write_measurement_report(MeasurementReport(tuple(groups)), path, volume)


def _segment(
    name: str, labels: LabelMap | None, segmentation: str | PathLike[str] | None
) -> SegmentReference | None:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    if labels is None or segmentation is None or not any(s.name == name for s in labels.segments):
        return None
    wanted = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
    try:
        header = dcmread(Path(segmentation), stop_before_pixels=True, specific_tags=list(wanted))
    except (InvalidDicomError, OSError):
        return None
    kind, instance, series, study = (str(header.get(k, "")) for k in wanted)
    reference = Reference(kind, instance, series, study)
    return SegmentReference(reference, labels.segment(name).number)


def _name(quantity: str) -> Code:
    known = NAMES.get(quantity)
    return known or Code(quantity[:16], OWN_SCHEME, quantity[:64])


def _unit(unit: str) -> Code:
    return Code(unit[:16], "UCUM", "no units" if unit == "1" else unit[:64])
