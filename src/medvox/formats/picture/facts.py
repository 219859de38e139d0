"""What the header of a picture says, and the text that tells its spacing."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from medvox.core.grid import Grid, Space
from medvox.formats.text_header import say

SpacingMm = tuple[float, float, float]

SPACING = "spacing_mm"
"""Keyword of the text that holds slice, row and column distance in mm."""
SLICE_DISTANCE = "SpacingBetweenSlices"
"""Fact of an image of one slice whose file says how far the next slice is (DICOM's keyword)."""
_SPACING_TEXT = re.compile(rf"{SPACING}\s+(\S+)\s+(\S+)\s+(\S+)")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the header of a picture says.

    Parameters
    ----------
    rows, columns
        Size in pixels.
    channels
        1 or 3, as shown.
    dtype
        Type of the values.
    alpha
        Whether there is transparency, which is left out.
    lines
        Field and value, for the header browser.
    steps
        Values are decoded this many times too large (1-, 2- and 4-bit grey).
    spacing_mm
        Slice, row and column distance, where a text tells them.
    resolution_mm
        Row and column distance of the resolution field: that of a screen or a printer, perhaps.
    notes
        Code and text of findings.
    inverted
        Whether low values are white.
    times_s
        Start of each frame of an animation; empty for one picture.
    timed
        Whether `times_s` are told by the file, or only counted.
    """

    rows: int
    columns: int
    channels: int
    dtype: np.dtype[Any]
    alpha: bool = False
    lines: tuple[tuple[str, str], ...] = ()
    steps: int = 1
    spacing_mm: SpacingMm | None = None
    resolution_mm: tuple[float, float] | None = None
    notes: tuple[tuple[str, str], ...] = ()
    inverted: bool = False
    times_s: tuple[float, ...] = ()
    timed: bool = False

    @property
    def frames(self) -> int:
        """Pictures in the file."""
        return max(1, len(self.times_s))

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return self.frames * self.rows * self.columns * self.channels * self.dtype.itemsize


def spacing_text(grid: Grid) -> str:
    """Write the spacing of a grid as a text; empty where distances are in pixels.

    >>> spacing_text(Grid((1, 2, 2), np.diag([3.0, 0.75, 0.5, 1.0])))
    'spacing_mm 3 0.75 0.5'
    """
    return "" if grid.space is Space.PIXEL else f"{SPACING} {say(grid.spacing_mm)}"


def spacing_of(text: str) -> SpacingMm | None:
    """Find a spacing in a text; None where there is none that can be used.

    >>> spacing_of("made by hand, spacing_mm 3 0.75 0.5")
    (3.0, 0.75, 0.5)
    """
    match = _SPACING_TEXT.search(text)
    try:
        k, j, i = (float(word) for word in match.groups()) if match else (0.0, 0.0, 0.0)
    except ValueError:
        return None
    usable = all(math.isfinite(v) and 1e-9 < v < 1e6 for v in (k, j, i))
    return (k, j, i) if usable else None
