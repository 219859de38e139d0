"""Canon and Toshiba: diffusion.

Source: notes of dcm2niix on Canon files (neurolabusc/dcm2niix, Canon/README.md): the public b-value is
there only where a gradient was applied; the direction is in the public attribute (Toshiba, in the patient's
frame) or in Image Comments (Canon, relative to the readout).
"""

from __future__ import annotations

import re

from medvox.core.acquisition import Vector
from medvox.dicom import tags
from medvox.dicom.header import Header
from medvox.dicom.vendors import ge

_IN_COMMENT = re.compile(
    r"\bb\s*=\s*(\d+(?:\.\d+)?)(?:\s*\(\s*([-\d.]+)\s*,\s*([-\d.]+)\s*,\s*([-\d.]+)\s*\))?"
)


def is_canon(header: Header) -> bool:
    """Whether a Canon or Toshiba scanner wrote the instance."""
    return header.text(tags.MANUFACTURER).upper().startswith(("CANON", "TOSHIBA"))


def diffusion(header: Header) -> tuple[float | None, tuple[float, ...]]:
    """b-value and direction, public or from Image Comments such as ``b=2000(0.445,0.000,0.895)``.

    Where neither is there no gradient was applied, and b is 0.
    """
    if not is_canon(header):
        return None, ()
    b_value, gradient = header.number(tags.DIFFUSION_B_VALUE), _public(header)
    found = _IN_COMMENT.search(header.text(tags.IMAGE_COMMENTS))
    if b_value is None:
        b_value = float(found[1]) if found else 0.0
    if not gradient and found and found[2]:
        try:
            gradient = tuple(float(found[n]) for n in (2, 3, 4))
        except ValueError:
            gradient = ()
    return b_value, gradient


def from_comment(header: Header) -> bool:
    """Whether the direction is that of a comment, relative to the readout."""
    return is_canon(header) and not _public(header)


def image_direction(header: Header, logical: Vector) -> Vector | None:
    """Direction along i, j and k of the stored pixels (k along row × column), of one from a comment.

    Comments give (phase, frequency, slice) in the manner of GE, with the same limits: so dcm2niix converts
    Canon's public data.
    """
    phase, frequency, third = logical
    return ge.image_direction(header, (frequency, phase, third))


def diffusion_source(header: Header) -> tuple[str, str]:
    """Elements that tell b-value and direction."""
    comment = "(0020,4000) ImageComments"
    return (
        "(0018,9087) DiffusionBValue" if tags.DIFFUSION_B_VALUE in header else comment,
        "(0018,9089) DiffusionGradientOrientation" if _public(header) else comment,
    )


def _public(header: Header) -> tuple[float, ...]:
    gradient = header.floats(tags.DIFFUSION_GRADIENT_ORIENTATION)
    return gradient if len(gradient) == 3 else ()
