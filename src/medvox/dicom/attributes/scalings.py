"""Ways from stored values to values that a header gives."""

from __future__ import annotations

from medvox.core.acquisition import Fact, Line, Scalings
from medvox.dicom.elements.facts import Elements
from medvox.dicom.lut import unit_of
from medvox.dicom.real_world import real_world_line
from medvox.dicom.slices import Slice
from medvox.dicom.vendors import philips


def scalings(elements: Elements, first: Slice) -> Scalings:
    """Scalings of the first slice of an image."""
    header, own = first.header, first.scaling
    source = elements.number("RescaleSlope")
    display = Fact(
        Line(own.slope, own.intercept, unit_of(header)), source.source if source else "none stated"
    )
    precise = None
    if first.precise is not None:
        line = Line(first.precise.slope, first.precise.intercept, "1")
        precise = Fact(line, "(2005,100E) scale slope")
    mapping = first.real_world or real_world_line(header)
    factors = philips.pet_lines(header, own)
    return Scalings(
        display=display,
        precise=precise,
        real_world=Fact(mapping, "(0040,9096) RealWorldValueMappingSequence") if mapping else None,
        activity=factors.get("activity"),
        suv=factors.get("suv"),
    )
