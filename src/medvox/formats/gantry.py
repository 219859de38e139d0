"""From a scanner's coordinates to the patient's: what Interfile and ECAT images are stored in.

A scanner's axes are, seen from the foot end of the bed as one faces the scanner: x from left to right,
y from top to bottom, z from deep in the scanner out along the bed. STIR defines them so
(``DiscretisedDensity::swap_axes_based_on_orientation``), and (X)MedCon gives the slices of Interfile and
ECAT 7 files the same directions. The patient position (PS3.3 C.7.3.1.1.2) turns them into LPS.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_LETTERS = MappingProxyType(
    {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}
)
POSITIONS = MappingProxyType(
    {
        "HFS": "LPI",
        "HFP": "RAI",
        "FFS": "RPS",
        "FFP": "LAS",
        "HFDR": "PRI",
        "HFDL": "ALI",
        "FFDR": "ARS",
        "FFDL": "PLS",
    }
)
"""Patient position -> the patient directions that the scanner's x, y and z run towards."""
USUAL = "HFS"
"""Position taken where a file gives none: head first, supine."""


def scanner_axes(position: str) -> FloatArray:
    """Unit vectors of the scanner's x, y and z in LPS.

    Parameters
    ----------
    position
        A key of `POSITIONS`.

    Returns
    -------
    (3, 3) float64
        One column an axis.

    Examples
    --------
    >>> scanner_axes("HFS").tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]
    """
    return np.array([_LETTERS[letter] for letter in POSITIONS[position]], dtype=np.float64).T
