"""Recommended Display CIELab Value (PS3.3 C.10.7.1.1): sRGB to CIELab under D50 and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_TO_XYZ = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
"""sRGB to XYZ adapted to D50 (Bradford), as ICC profiles of sRGB give it (IEC 61966-2-1)."""
_WHITE = np.array([0.96422, 1.0, 0.82521])
_CUBE = (6 / 29) ** 3
_MOST = 65535


def cielab(color: Sequence[int]) -> list[int]:
    """Encode red, green, blue 0..255 as L, a, b of 16 bits (L 0..100, a and b -128..127)."""
    rgb = np.asarray(color, np.float64) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = (
        float(np.cbrt(v)) if v > _CUBE else float(v) / (3 * (6 / 29) ** 2) + 4 / 29
        for v in _TO_XYZ @ linear / _WHITE
    )
    lab = 116 * y - 16, 500 * (x - y), 200 * (y - z)
    scaled = lab[0] / 100 * _MOST, (lab[1] + 128) / 255 * _MOST, (lab[2] + 128) / 255 * _MOST
    return [round(min(_MOST, max(0.0, v))) for v in scaled]


def rgb(values: Sequence[int]) -> tuple[int, int, int]:
    """Decode L, a, b of 16 bits to red, green, blue 0..255; colors that sRGB lacks are clipped."""
    light, a, b = (float(v) / _MOST for v in values)
    y = (light * 100 + 16) / 116
    roots = np.array([y + (a * 255 - 128) / 500, y, y - (b * 255 - 128) / 200])
    xyz = np.where(roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29)) * _WHITE
    linear = np.clip(np.linalg.solve(_TO_XYZ, xyz), 0, 1)
    shown = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = np.rint(shown * 255).astype(int).tolist()
    return red, green, blue
