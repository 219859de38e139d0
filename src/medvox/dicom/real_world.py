"""Real-world value mappings (PS3.3 C.7.6.16.2.11): named, not applied."""

from __future__ import annotations

from typing import Any

from pydicom import Dataset

from medvox.core.errors import MedvoxError
from medvox.core.finding import Finding, Level
from medvox.dicom import tags
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
    slope, intercept = item.get("RealWorldValueSlope"), item.get("RealWorldValueIntercept")
    if slope is None or intercept is None:
        return None
    unit = _unit(item)
    text = f"Real-world value = {float(slope):g} · stored + {float(intercept):g}{unit}; named, not applied"
    return Finding("real-world-value", Level.INFO, where, text, REFERENCE)


def _unit(item: Any) -> str:
    codes = item.get("MeasurementUnitsCodeSequence") or []
    value = str(codes[0].get("CodeValue") or "") if codes else ""
    return f" {value}" if value and value not in ("1", "no units") else ""
