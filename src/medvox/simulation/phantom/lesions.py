"""Lesions of the demo patient: exact ellipsoids, so that their truth is a formula."""

from __future__ import annotations

import math
from dataclasses import dataclass

from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.phantom.shapes import Shape, ellipsoid


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion.

    Parameters
    ----------
    name
        Name of its segment.
    center_mm, radii_mm
        LPS centre and half-axes along x, y, z.
    tissue
        What it is made of.
    """

    name: str
    center_mm: tuple[float, float, float]
    radii_mm: tuple[float, float, float]
    tissue: str

    @property
    def volume_ml(self) -> float:
        """Exact volume, 4/3 π a b c."""
        a, b, c = self.radii_mm
        return 4 / 3 * math.pi * a * b * c / 1000

    @property
    def shape(self) -> Shape:
        """The ellipsoid."""
        return ellipsoid(self.center_mm, self.radii_mm)


LESIONS = (
    Lesion("lung nodule", (-76.0, -6.0, 468.0), (10.0, 10.0, 10.0), "lung tumor"),
    Lesion("lymph node", (-21.0, 10.0, 486.0), (8.0, 7.0, 11.0), "lymph node tumor"),
    Lesion("liver metastasis 1", (-98.0, 14.0, 284.0), (15.0, 15.0, 15.0), "liver tumor"),
    Lesion("liver metastasis 2", (-34.0, -44.0, 296.0), (9.0, 9.0, 9.0), "liver tumor"),
    Lesion("brain metastasis", (-36.0, 26.0, 758.0), (9.0, 9.0, 9.0), "brain tumor"),
)


def paint_lesions(canvas: Canvas) -> None:
    """Paint all lesions over everything else."""
    for lesion in LESIONS:
        canvas.paint(lesion.shape, lesion.name, lesion.tissue)
