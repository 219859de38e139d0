"""Philips: display and precise values, diffusion.

Sources: notes of dcm2niix on Philips files (neurolabusc/dcm2niix, Philips/README.md): with stored
value SV, rescale slope RS, intercept RI and scale slope SS, display value DV = SV·RS + RI and precise
value FP = DV / (RS·SS). PET factors: public issue threads on (7053,1000) and (7053,1009).
"""

from __future__ import annotations

from medvox.core.acquisition import Fact, Line
from medvox.dicom import tags
from medvox.dicom.elements.facts import Elements, Private, positive
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


def diffusion_number(header: Header) -> tuple[int, ...]:
    """Numbers of b-value and gradient, (2005,1412) and (2005,1413): they tell repeats of one weighting apart.

    Empty where they are absent.
    """
    if not is_philips(header):
        return ()
    numbers = tuple(header.integer(tag) for tag in tags.PHILIPS_DIFFUSION_NUMBERS)
    return tuple(n for n in numbers if n is not None) if None not in numbers else ()


def diffusion_source(header: Header) -> tuple[str, str]:
    """Elements that tell b-value and direction."""
    if tags.PHILIPS_B_VALUE in header:
        return "(2001,1003) diffusion b-factor", "(2005,10B0-10B2) diffusion direction"
    return "(0018,9087) DiffusionBValue", "(0018,9089) DiffusionGradientOrientation"


PET_SCALINGS = ("activity", "suv")


def pet_lines(header: Header, counts: Scaling) -> dict[str, Fact[Line]]:
    """Scalings of a PET in counts by its private factors: ``"activity"`` and ``"suv"``, those it has.

    Counts times (7053,1009) are Bq/ml; counts times (7053,1000) are SUV by body weight.

    Parameters
    ----------
    counts
        From stored values to counts.
    """
    if not is_philips(header) or header.text(tags.UNITS) != "CNTS":
        return {}
    activity, suv = PET_SCALINGS
    known = (
        (activity, "Bq/ml", tags.PHILIPS_PET_ACTIVITY_FACTOR, "(7053,1009) activity concentration factor"),
        (suv, "SUVbw", tags.PHILIPS_PET_SUV_FACTOR, "(7053,1000) SUV scale factor"),
    )
    return {
        name: Fact(Line(counts.slope * factor, counts.intercept * factor, unit), source)
        for name, unit, tag, source in known
        if (factor := header.number(tag))
    }


_IMAGING = ("PHILIPS IMAGING DD 001",)
_WATER_FAT_SHIFT = Private(0x2001, 0x22, _IMAGING, "water-fat shift", "FL")
_FREQUENCY = Private(0x2001, 0x83, ("PHILIPS IMAGING DD 002", *_IMAGING), "imaging frequency", "DS")


def water_fat_shift_px(elements: Elements) -> Fact[float] | None:
    """Shift between water and fat in pixels, (2001,xx22)."""
    return positive(elements.private_number(_WATER_FAT_SHIFT))


def imaging_frequency_mhz(elements: Elements) -> Fact[float] | None:
    """Imaging frequency of files without the public element, (2001,xx83)."""
    return positive(elements.private_number(_FREQUENCY))
