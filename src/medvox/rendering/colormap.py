"""Color maps: 256 colors from black (low) to bright (high), as (256, 3) uint8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError

Colors = NDArray[np.uint8]
FloatArray = NDArray[np.float64]

_LAB_TO_LMS = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
)
_LMS_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
"""From Oklab (B. Ottosson, 2020) to linear sRGB."""

# (hue in degrees, chroma) of Oklab at lightness 0, 0.25, 0.5, 0.75, 1
_PERCEPTUAL: Mapping[str, Sequence[tuple[float, float]]] = MappingProxyType(
    {
        "ember": ((300, 0.0), (310, 0.13), (370, 0.2), (425, 0.17), (465, 0.06)),
        "lagoon": ((280, 0.0), (268, 0.12), (225, 0.11), (160, 0.15), (105, 0.1)),
        "ice": ((265, 0.0), (262, 0.1), (250, 0.13), (225, 0.09), (200, 0.0)),
    }
)

_LINEAR: Mapping[str, Sequence[tuple[float, float, float, float]]] = MappingProxyType(
    {
        "gray": ((0, 0, 0, 0), (1, 1, 1, 1)),
        "inverted": ((0, 1, 1, 1), (1, 0, 0, 0)),
        # black through red and yellow to white, like the standard's Hot Iron (PS3.6 B.1.1)
        "hot": ((0, 0, 0, 0), (0.5, 1, 0, 0), (0.75, 1, 0.5, 0), (1, 1, 1, 1)),
        "bone": ((0, 0, 0, 0), (0.4, 0.35, 0.35, 0.49), (0.75, 0.66, 0.78, 0.78), (1, 1, 1, 1)),
        "pet": (
            (0, 0, 0, 0),
            (0.2, 0.05, 0.05, 0.45),
            (0.4, 0.45, 0.0, 0.65),
            (0.6, 0.9, 0.15, 0.25),
            (0.8, 1, 0.65, 0.05),
            (1, 1, 1, 0.9),
        ),
    }
)

COLORMAPS: tuple[str, ...] = (*_LINEAR, *_PERCEPTUAL)
"""Names that `colormap` knows. ember, lagoon and ice are perceptually uniform in lightness."""


@cache
def colormap(name: str) -> Colors:
    """Colors of a map.

    Returns
    -------
    (256, 3) uint8, read-only
        Red, green, blue for greys 0 to 255.

    Raises
    ------
    UsageError
        If the name is not one of `COLORMAPS`.
    """
    if name in _LINEAR:
        points = np.array(_LINEAR[name])
        x = np.linspace(0, 1, 256)
        rgb = np.stack([np.interp(x, points[:, 0], points[:, n]) for n in (1, 2, 3)], axis=1)
    elif name in _PERCEPTUAL:
        rgb = _perceptual(_PERCEPTUAL[name])
    else:
        raise UsageError("no such color map", got=name, expected=COLORMAPS)
    colors: Colors = np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)
    colors.setflags(write=False)
    return colors


def apply_colormap(gray: NDArray[np.uint8], name: str) -> Colors:
    """Color greys (rows, columns) -> (rows, columns, 3)."""
    return np.asarray(colormap(name)[gray])


def _perceptual(points: Sequence[tuple[float, float]]) -> FloatArray:
    """Lightness rises evenly; hue and chroma pass through `points`, chroma cut back to what sRGB holds."""
    lightness = np.linspace(0, 1, 256)
    hue_chroma = np.array(points, dtype=float)
    at = np.linspace(0, 1, len(points))
    hue = np.radians(np.interp(lightness, at, hue_chroma[:, 0]))
    chroma = np.interp(lightness, at, hue_chroma[:, 1])
    for _ in range(200):
        linear = _linear_rgb(lightness, chroma, hue)
        beyond = ((linear < -1e-4) | (linear > 1 + 1e-4)).any(axis=1)
        if not beyond.any():
            break
        chroma = np.where(beyond, chroma * 0.97, chroma)
    linear = np.clip(_linear_rgb(lightness, chroma, hue), 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _linear_rgb(lightness: FloatArray, chroma: FloatArray, hue: FloatArray) -> FloatArray:
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)
    return np.asarray((lab @ _LAB_TO_LMS.T) ** 3 @ _LMS_TO_RGB.T)
