"""GE: diffusion, image kind, slice count.

Source: notes of dcm2niix on GE files (neurolabusc/dcm2niix, GE/README.md).
"""

from __future__ import annotations

import math

from medvox.core.acquisition import Vector
from medvox.dicom import tags
from medvox.dicom.header import Header

MOSTLY = math.sqrt(0.5)
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


def diffusion_source(_: Header) -> tuple[str, str]:
    """Elements that tell b-value and direction."""
    return "(0043,1039) b-value", "(0019,10BB-10BD) diffusion direction"


def image_direction(header: Header, logical: Vector) -> Vector | None:
    """Direction along i, j and k of the stored pixels (k along row × column).

    GE gives (frequency, phase, slice), each toward the patient's right, front or head. Described and checked
    for transverse slices of patients who lie head first, supine: with phase along a column the first two are
    -i and -j, with phase along a row they change places.

    Returns
    -------
    tuple or None
        None for other slices and patients, and where the axis of the phase encoding is not told.
    """
    phase = header.text(tags.IN_PLANE_PHASE_ENCODING)[:3].upper()
    if not is_transverse(header) or phase not in ("ROW", "COL"):
        return None
    x, y, z = logical
    return (-x, -y, z) if phase == "COL" else (-y, x, z)


def is_transverse(header: Header) -> bool:
    """Whether rows run to the left, columns to the back, more or less, of a patient head first, supine."""
    cosines = header.floats(tags.IMAGE_ORIENTATION_PATIENT)
    along = len(cosines) == 6 and cosines[0] > MOSTLY and cosines[4] > MOSTLY
    return along and header.text(tags.PATIENT_POSITION) == "HFS"
