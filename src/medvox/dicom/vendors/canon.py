"""Canon and Toshiba: diffusion.

Source: notes of dcm2niix on Canon files (neurolabusc/dcm2niix, Canon/README.md).
"""

from __future__ import annotations

import re

from medvox.dicom import tags
from medvox.dicom.header import Header

_IN_COMMENT = re.compile(
    r"\bb\s*=\s*(\d+(?:\.\d+)?)(?:\s*\(\s*([-\d.]+)\s*,\s*([-\d.]+)\s*,\s*([-\d.]+)\s*\))?"
)


def diffusion(header: Header) -> tuple[float | None, tuple[float, ...]]:
    """b-value from (0018,9087), else from Image Comments such as ``b=2000(0.445,0.000,0.895)``."""
    if not header.text(tags.MANUFACTURER).upper().startswith(("CANON", "TOSHIBA")):
        return None, ()
    b_value = header.number(tags.DIFFUSION_B_VALUE)
    if b_value is not None:
        gradient = header.floats(tags.DIFFUSION_GRADIENT_ORIENTATION)
        return b_value, gradient if len(gradient) == 3 else ()
    found = _IN_COMMENT.search(header.text(tags.IMAGE_COMMENTS))
    if not found:
        return None, ()
    return float(found[1]), tuple(float(found[n]) for n in (2, 3, 4)) if found[2] else ()
