"""Units: how DICOM says the unit of a volume, and whether it can."""

from __future__ import annotations

from medvox.dicom.lut import PET_UNITS, RESCALE_UNITS, SUV_UNITS

_RESCALE_TYPES = {unit: code for code, unit in RESCALE_UNITS.items() if code != "HU_MOD"}
_PET_CODES = {unit: code for code, unit in PET_UNITS.items()}
_SUV_TYPES = {unit: code for code, unit in SUV_UNITS.items() if code}
_UCUM = {"HU": "[hnsf'U]", "Bq/ml": "Bq/ml", "%": "%", "counts": "{counts}", "counts/s": "{counts}/s"}
_UCUM_SUV = {"SUVbw": "g/ml{SUVbw}", "SUVlbm": "g/ml{SUVlbm}", "SUVbsa": "cm2/ml{SUVbsa}"}
UNSPECIFIED = "US"


def rescale_type(unit: str) -> str:
    """Rescale Type (PS3.3 C.11.1.1.2): US where DICOM has no word for the unit."""
    return _RESCALE_TYPES.get(unit, UNSPECIFIED)


def pet_units(unit: str) -> tuple[str, str]:
    """Units and SUV Type of PET (PS3.3 C.8.9.1.1.3); NONE and empty where there is no word."""
    if unit in _SUV_TYPES:
        return ("CM2ML" if unit == "SUVbsa" else "GML"), _SUV_TYPES[unit]
    return _PET_CODES.get(unit, "NONE"), ""


def ucum(unit: str) -> str | None:
    """UCUM code of a unit, None where none is known (CID 84, 7180)."""
    return (_UCUM | _UCUM_SUV).get(unit)


def is_held(unit: str, modality: str, enhanced: bool) -> bool:
    """Whether the header of a grey image says the unit."""
    if modality == "PT" and not enhanced:
        return unit == "1" or pet_units(unit)[0] != "NONE"
    return unit == "1" or unit in _RESCALE_TYPES
