"""Real-world value mappings (PS3.3 C.7.6.16.2.11): named, and offered as a scaling."""

from __future__ import annotations

from pydicom import Dataset

from medvox.core.acquisition import Line
from medvox.core.errors import MedvoxError
from medvox.core.finding import Finding, Level
from medvox.dicom import tags
from medvox.dicom.elements.facts import finite
from medvox.dicom.header import Header

REFERENCE = "PS3.3 C.7.6.16.2.11"


def real_world_finding(header: Header, where: str) -> Finding | None:
    """Mapping at the top level of a classic image; None where it has none.

    The data set is read in full only where the attribute is there.
    """
    if tags.REAL_WORLD_VALUE_MAPPING not in header:
        return None
    try:
        items = header.dataset().get("RealWorldValueMappingSequence") or []
    except MedvoxError:
        return None
    return mapping_finding(items[0], where) if items else None


def mapping_finding(item: Dataset, where: str) -> Finding | None:
    """Finding that names slope, intercept and unit of a mapping; None for a mapping by table."""
    line = mapping_line(item)
    if line is None:
        return None
    unit = "" if line.unit == "1" else f" {line.unit}"
    text = (
        f"Real-world value = {line.slope:g} · stored + {line.intercept:g}{unit}; "
        "not applied, but there under the scaling 'real-world'"
    )
    return Finding("real-world-value", Level.INFO, where, text, REFERENCE)


def mapping_line(item: Dataset) -> Line | None:
    """Slope, intercept and unit (UCUM, ``"1"`` without) of a mapping; None for a mapping by table."""
    slope, intercept = finite(item.get("RealWorldValueSlope")), finite(item.get("RealWorldValueIntercept"))
    return None if not slope or intercept is None else Line(slope, intercept, _unit(item))


def _unit(item: Dataset) -> str:
    codes = item.get("MeasurementUnitsCodeSequence") or []
    value = str(codes[0].get("CodeValue") or "") if codes else ""
    return value if value and value != "no units" else "1"
