"""Real-world value mappings (PS3.3 C.7.6.16.2.11): named in a finding, offered as a scaling."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from pydicom import Dataset, dcmread

from medvox.core.acquisition import Line
from medvox.core.errors import MedvoxError
from medvox.core.finding import Finding, Level
from medvox.dicom import tags
from medvox.dicom.elements.facts import finite
from medvox.dicom.header import Header

REFERENCE = "PS3.3 C.7.6.16.2.11"


def real_world_finding(header: Header, where: str) -> Finding | None:
    """Mapping at the top level of a classic image; None where it has none."""
    return mapping_finding(mappings_of(header), where)


def real_world_line(header: Header) -> Line | None:
    """Mapping of a classic image as a line; None where it has none."""
    return mapping_line(mappings_of(header))


def mappings_of(header: Header) -> list[Dataset]:
    """Mappings at the top level; only where the attribute is there, and then only it is read."""
    if tags.REAL_WORLD_VALUE_MAPPING not in header:
        return []
    keyword = "RealWorldValueMappingSequence"
    try:
        if header.encoding.deflated or header.findings:  # read as the header was, not as the file says
            return list(header.dataset().get(keyword) or [])
        with header.open() as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = dcmread(stream, stop_before_pixels=True, force=True, specific_tags=[keyword])
            return list(data.get(keyword) or [])
    except MedvoxError:
        return []
    except Exception:  # pydicom raises many classes; a mapping that cannot be read is none
        return []


def mapping_finding(items: Sequence[Dataset], where: str) -> Finding | None:
    """Finding that names slope, intercept and unit of a mapping; None without one."""
    line = mapping_line(items)
    if line is None:
        if not items:
            return None
        text = f"{len(items)} real-world value mappings, not one line: none is applied"
        return Finding("real-world-value", Level.INFO, where, text, REFERENCE)
    unit = "" if line.unit == "1" else f" {line.unit}"
    text = (
        f"Real-world value = {line.slope:g} · stored + {line.intercept:g}{unit}; "
        "not applied, but there under the scaling 'real-world'"
    )
    return Finding("real-world-value", Level.INFO, where, text, REFERENCE)


def mapping_line(items: Sequence[Dataset]) -> Line | None:
    """Slope, intercept and unit (UCUM, ``"1"`` without) of the one mapping.

    None for a mapping by table, and where several hold for different ranges or quantities.
    """
    if len(items) != 1:
        return None
    slope = finite(items[0].get("RealWorldValueSlope"))
    intercept = finite(items[0].get("RealWorldValueIntercept"))
    return None if not slope or intercept is None else Line(slope, intercept, _unit(items[0]))


def _unit(item: Dataset) -> str:
    codes = item.get("MeasurementUnitsCodeSequence") or []
    value = str(codes[0].get("CodeValue") or "") if codes else ""
    return value if value and value != "no units" else "1"
