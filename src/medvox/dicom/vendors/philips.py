"""Philips: display and precise values, diffusion.

Sources: notes of dcm2niix on Philips files (neurolabusc/dcm2niix, Philips/README.md): with stored
value SV, rescale slope RS, intercept RI and scale slope SS, display value DV = SV·RS + RI and precise
value FP = DV / (RS·SS). PET factors: public issue threads on (7053,1000) and (7053,1009).
"""

from __future__ import annotations

from medvox.dicom import tags
from medvox.dicom.header import Header
from medvox.dicom.slices import Scaling


def is_philips(header: Header) -> bool:
    """Whether a Philips scanner wrote the instance."""
    return header.text(tags.MANUFACTURER).upper().startswith("PHILIPS")


def precise_scaling(display: Scaling, scale_slope: float | None) -> Scaling | None:
    """Scaling to the precise value, or None where no usable scale slope (2005,100E) is given."""
    if not scale_slope or not display.slope:
        return None
    return Scaling(1.0 / scale_slope, display.intercept / (display.slope * scale_slope))


def diffusion(header: Header) -> tuple[float | None, tuple[float, ...]]:
    """b-value from (2001,1003) and direction from (2005,10B0-10B2)."""
    if not is_philips(header):
        return None, ()
    parts = tuple(header.number(t) for t in tags.PHILIPS_GRADIENT)
    gradient = tuple(p for p in parts if p is not None)
    return header.number(tags.PHILIPS_B_VALUE), gradient if len(gradient) == 3 else ()


def pet_factors(header: Header) -> str:
    """What the private factors of a PET in counts are, in words; empty where there are none.

    Counts times (7053,1009) are Bq/ml; counts times (7053,1000) are SUV by body weight.
    """
    if not is_philips(header) or header.text(tags.UNITS) != "CNTS":
        return ""
    factors = {
        "Bq/ml": header.number(tags.PHILIPS_PET_ACTIVITY_FACTOR),
        "SUVbw": header.number(tags.PHILIPS_PET_SUV_FACTOR),
    }
    return ", ".join(f"{unit} = {factor:g} · counts" for unit, factor in factors.items() if factor)
