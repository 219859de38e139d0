"""Pictures made smaller, every pixel the mean of what it covers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medvox.rendering.picture import Picture


def shrink(picture: Picture, size: int) -> Picture:
    """Return the picture with its longer side at most `size` pixels; smaller ones as they are."""
    rows, columns = picture.pixels.shape[:2]
    factor = max(rows, columns) / size
    if factor <= 1:
        return picture
    down = _weights(rows, max(1, round(rows / factor)))
    across = _weights(columns, max(1, round(columns / factor)))
    values = picture.pixels.astype(np.float32)
    values = np.tensordot(down, values, axes=(1, 0))
    values = np.moveaxis(np.tensordot(across, values, axes=(1, 1)), 0, 1)
    pixels = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    mm = None if picture.pixel_mm is None else picture.pixel_mm * factor
    return replace(picture, pixels=np.ascontiguousarray(pixels), pixel_mm=mm)


def _weights(count: int, wanted: int) -> NDArray[np.float32]:
    """(wanted, count) share of every source pixel in every target pixel."""
    edges = np.linspace(0, count, wanted + 1)
    at = np.arange(count)
    covered = np.minimum(edges[1:, None], at + 1) - np.maximum(edges[:-1, None], at)
    share = np.clip(covered, 0, 1) * (wanted / count)
    return np.asarray(share, dtype=np.float32)
