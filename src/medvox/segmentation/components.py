"""Pieces that hang together: labelling and sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.segmentation.regions import Mask, Mode


def label(mask: Mask, mode: Mode = "3D", *, corners: bool = False) -> tuple[NDArray[np.uint32], int]:
    """Number the pieces of a mask.

    Parameters
    ----------
    mask
        (k, j, i).
    mode
        Whether pieces hang together in space, or in each slice only.
    corners
        Whether voxels that share only an edge or a corner touch (26 and 8 neighbors), or faces alone (6
        and 4).

    Returns
    -------
    array
        (k, j, i) numbers from 1, 0 outside.
    int
        How many.
    """
    import cc3d

    solid = np.ascontiguousarray(mask).view(np.uint8)
    if mode == "3D":
        found, count = cc3d.connected_components(
            solid, connectivity=26 if corners else 6, return_N=True, out_dtype=np.uint32
        )
        return found.astype(np.uint32, copy=False), int(count)
    out = np.zeros(mask.shape, np.uint32)
    total = 0
    for k, plane in enumerate(solid):
        found, count = cc3d.connected_components(
            plane, connectivity=8 if corners else 4, return_N=True, out_dtype=np.uint32
        )
        np.add(found, total, out=out[k], where=found > 0, casting="unsafe")
        total += int(count)
    return out, total


def sizes(pieces: NDArray[Any], count: int) -> NDArray[np.int64]:
    """(count + 1,) voxels of each piece; the first counts those outside."""
    return np.bincount(pieces.ravel(), minlength=count + 1)
