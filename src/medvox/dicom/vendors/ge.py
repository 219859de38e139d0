"""GE: diffusion, image kind, slice count.

Source: notes of dcm2niix on GE files (neurolabusc/dcm2niix, GE/README.md).
"""

from __future__ import annotations

from medvox.dicom import tags
from medvox.dicom.header import Header

_KINDS = {0: "M", 1: "P", 2: "R", 3: "I"}


def is_ge(header: Header) -> bool:
    """Whether a GE scanner wrote the instance."""
    return header.text(tags.MANUFACTURER).upper().startswith("GE")


def component(header: Header) -> str:
    """Image kind from (0043,102F): M, P, R or I; empty where absent."""
    if not is_ge(header):
        return ""
    return _KINDS.get(header.integer(tags.GE_IMAGE_KIND) or 0, "") if tags.GE_IMAGE_KIND in header else ""


def diffusion(header: Header) -> tuple[float | None, tuple[float, ...]]:
    """b-value from (0043,1039), first value modulo 1e9, and direction from (0019,10BB-10BD)."""
    if not is_ge(header):
        return None, ()
    values = header.floats(tags.GE_B_VALUE)
    b_value = values[0] % 1e9 if values else None
    parts = tuple(header.number(t) for t in tags.GE_GRADIENT)
    gradient = tuple(p for p in parts if p is not None)
    return b_value, gradient if len(gradient) == 3 else ()


def slice_count(header: Header) -> int | None:
    """Slices of one volume from (0021,104F)."""
    return header.integer(tags.GE_SLICE_COUNT) if is_ge(header) else None


WHY_NOT = "GE's are relative to the readout, and only head first, supine patients are described"


def diffusion_source(_: Header) -> tuple[str, str]:
    """Elements that tell b-value and direction."""
    return "(0043,1039) b-value", "(0019,10BB-10BD) diffusion direction"


def image_direction(
    header: Header, logical: tuple[float, float, float], rising: int
) -> tuple[float, float, float] | None:
    """Direction along i, j and k of the stored pixels (k along row × column).

    GE gives (frequency, phase, slice): with phase along a column the first two are i and j, against their
    sense; with phase along a row they change places; the third runs with the Instance Numbers.

    Parameters
    ----------
    rising
        1 where Instance Numbers rise with k, -1 where they fall.

    Returns
    -------
    tuple or None
        None where the patient does not lie head first, supine, or the phase encoding is not told.
    """
    phase = header.text(tags.IN_PLANE_PHASE_ENCODING)[:3].upper()
    if header.text(tags.PATIENT_POSITION) != "HFS" or phase not in ("ROW", "COL"):
        return None
    x, y, z = logical
    return (-x, -y, rising * z) if phase == "COL" else (-y, x, rising * z)
