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
