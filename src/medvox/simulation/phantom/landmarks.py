"""Where things are in the phantom: spine, trunk and chest wall, in LPS mm.

The origin lies between the hip joints of a man of about 172 cm lying on his back; z grows to the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medvox.simulation.phantom.shapes import Frame, Shape, loft

FloatArray = NDArray[np.float64]

SPINE = np.array(
    [
        (60, 64), (108, 42), (145, 25), (200, 18), (260, 28), (320, 46), (400, 63), (450, 65), (500, 57),
        (550, 39), (590, 23), (630, 14), (690, 12),
    ],
    dtype=float,
)  # fmt: skip
"""z and y of the line through the vertebral bodies."""

BODY = np.array(
    [
        (-95, 0, 10, 85, 62, 82, 2.3),
        (-60, 0, 8, 140, 78, 98, 2.4),
        (-20, 0, 6, 172, 92, 112, 2.4),
        (40, 0, 4, 176, 98, 114, 2.4),
        (100, 0, 2, 168, 100, 108, 2.4),
        (160, 0, 2, 152, 102, 100, 2.4),
        (200, 0, 2, 147, 104, 102, 2.4),
        (260, 0, 2, 152, 110, 110, 2.4),
        (330, 0, 2, 162, 116, 118, 2.4),
        (400, 0, 2, 168, 119, 124, 2.4),
        (450, 0, 2, 170, 115, 125, 2.4),
        (500, 0, 4, 172, 99, 120, 2.4),
        (535, 0, 8, 160, 78, 104, 2.3),
        (560, 0, 12, 122, 62, 84, 2.2),
        (585, 0, 12, 78, 60, 66, 2.1),
        (610, 0, 11, 59, 58, 57, 2.0),
        (650, 0, 12, 56, 56, 60, 2.0),
        (690, 0, 14, 56, 56, 62, 2.0),
    ],
    dtype=float,
)
"""Skin of the trunk: z, centre x, centre y, half-width, depth to front, depth to back, exponent."""

CAVITY = np.array(
    [
        (-48, 0, 20, 40, 30, 50, 2.2),
        (-20, 0, 18, 52, 45, 58, 2.2),
        (10, 0, 12, 62, 52, 62, 2.3),
        (50, 0, 8, 82, 66, 58, 2.4),
        (100, 0, 4, 116, 76, 50, 2.4),
        (160, 0, 2, 126, 82, 56, 2.4),
        (220, 0, 2, 128, 86, 74, 2.4),
        (280, 0, 2, 133, 92, 92, 2.3),
        (340, 0, 2, 138, 96, 102, 2.3),
        (400, 0, 2, 138, 96, 106, 2.3),
        (450, 0, 4, 130, 89, 104, 2.2),
        (500, 0, 10, 108, 72, 92, 2.2),
        (530, 0, 18, 84, 54, 74, 2.1),
        (552, 0, 26, 60, 36, 54, 2.0),
        (568, 0, 32, 36, 20, 34, 2.0),
    ],
    dtype=float,
)
"""Inside of chest and belly wall, columns as `BODY`."""

_BODY_HEIGHTS_MM = {"L": (27, 27, 27, 27, 26), "C": (14, 13, 13, 13, 13)}
_DISCS_MM = {"L": (11, 11, 10, 9, 8), "C": (5.5, 5, 5, 5, 5)}


@dataclass(frozen=True, slots=True, eq=False)
class Vertebra:
    """One vertebra: its place and the size of its body."""

    name: str
    frame: Frame
    height_mm: float
    radii_mm: tuple[float, float]
    disc_mm: float

    @property
    def center_mm(self) -> FloatArray:
        """LPS centre of the body."""
        return self.frame.origin_mm


def spine_y(z: float) -> float:
    """Depth of the vertebral bodies at a height."""
    from scipy.interpolate import CubicSpline

    return float(CubicSpline(SPINE[:, 0], SPINE[:, 1])(z))


def spine_frame(z: float) -> Frame:
    """Local axes at a height: x left, y back, z along the spine."""
    slope = (spine_y(z + 2) - spine_y(z - 2)) / 4
    up = np.array([0.0, slope, 1.0]) / np.hypot(1, slope)
    back = np.array([0.0, up[2], -up[1]])
    return Frame(np.array([0.0, spine_y(z), z]), np.stack([[1.0, 0, 0], back, up], axis=1))


def vertebrae() -> list[Vertebra]:
    """L5 up to C3, T1 to T12 between; atlas and axis are the skull's neighbours, made apart."""
    result = []
    z = 108.0
    thoracic = [(25.5 - 0.72 * n, 6.5 - 0.22 * n) for n in range(12)]
    sizes = [(f"L{5 - n}", h, d) for n, (h, d) in enumerate(zip(*_level("L"), strict=True))]
    sizes += [(f"T{12 - n}", h, d) for n, (h, d) in enumerate(thoracic)]
    sizes += [(f"C{7 - n}", h, d) for n, (h, d) in enumerate(zip(*_level("C"), strict=True))]
    for n, (name, height, disc) in enumerate(sizes):
        f = n / (len(sizes) - 1)
        wide = np.interp(f, [0, 0.2, 0.5, 0.75, 0.8, 1], [26, 23, 16.5, 14.5, 12.5, 11])
        deep = np.interp(f, [0, 0.2, 0.5, 0.75, 0.8, 1], [18, 17, 15, 11, 8.5, 8])
        result.append(Vertebra(name, spine_frame(z + height / 2), height, (float(wide), float(deep)), disc))
        z += height + disc
    return result


def _level(letter: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return _BODY_HEIGHTS_MM[letter], _DISCS_MM[letter]


def cavity() -> Shape:
    """Inside of the trunk wall."""
    return loft(CAVITY)


def chest_wall(z: float, degrees: float, outside_mm: float = 0.0) -> FloatArray:
    """Point on the trunk wall at a height, `degrees` round from the back to the left, to the front at 180."""
    from scipy.interpolate import PchipInterpolator

    column = PchipInterpolator(CAVITY[:, 0], CAVITY[:, 1:])(z)
    s, c = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    deep = column[4] if c > 0 else column[3]
    n = column[5]
    length = (abs(s) ** n + abs(c) ** n) ** (1 / n)
    out = np.array([s * (column[2] + outside_mm), c * (deep + outside_mm)]) / length
    return np.array([column[0] + out[0], column[1] + out[1], z])
