"""Montage: many slices of a volume on one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medvox.core.errors import UsageError
from medvox.core.progress import Progress, silent, track
from medvox.core.volume import Volume
from medvox.rendering.annotate import annotate
from medvox.rendering.look import Look
from medvox.rendering.picture import Picture
from medvox.rendering.resize import shrink
from medvox.rendering.reslice import Plane, slice_image, slice_positions

MAX_WIDTH = 2048


def montage(
    volume: Volume,
    rows: int = 4,
    columns: int = 5,
    plane: Plane = "axial",
    lead: Sequence[int] = (),
    look: Look | None = None,
    progress: Progress = silent,
) -> Picture:
    """Slices spread evenly over a volume, row by row, each with its position.

    Parameters
    ----------
    rows, columns
        Pictures down and across; fewer where there are not so many slices.
    plane, lead, look
        As for `slice_image`; one window for all.

    Raises
    ------
    UsageError
        If rows or columns are not above 0.
    """
    if rows < 1 or columns < 1:
        raise UsageError("a montage needs rows and columns", got=(rows, columns), expected="at least 1")
    chosen = (look or Look()).settled(volume)
    count = len(slice_positions(volume.grid, plane))
    shown = min(rows * columns, count)
    columns = min(columns, shown)
    numbers = [int((n + 0.5) * count / shown) for n in range(shown)]
    side = MAX_WIDTH // columns
    pictures = []
    for number in track(numbers, progress, "Rendering"):
        picture = shrink(slice_image(volume, plane, number, lead=lead, look=chosen), side)
        pictures.append(annotate(replace(picture, letters=("", "", "", "")), scale=False))
    return _joined(pictures, columns)


def _joined(pictures: Sequence[Picture], columns: int) -> Picture:
    tiles = [p.pixels for p in pictures]
    height, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    sheet = np.zeros((rows * height, columns * width, *tiles[0].shape[2:]), np.uint8)
    for n, tile in enumerate(tiles):
        top, left = n // columns * height, n % columns * width
        sheet[top : top + height, left : left + width] = tile
    return Picture(sheet, pictures[0].pixel_mm)
