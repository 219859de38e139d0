"""Pieces that hang together: found, counted, kept or dropped.

Works on runs of voxels along rows, not on voxels: no image of numbers is made unless it is asked for, and
memory and time are bounded whatever the number of pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.segmentation.regions import Mask, Mode
from medvox.segmentation.slabs import in_slabs

AnyArray = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Pieces:
    """The pieces of a mask.

    Parameters
    ----------
    shape
        Of the mask, (k, j, i).
    across
        Whether pieces hang together between slices.
    ptr, starts, ends
        Runs; see `medvox.segmentation.kernels.run_kernels`.
    piece
        (runs,) piece of each run, from 0.
    count
        How many pieces.
    """

    shape: tuple[int, int, int]
    across: bool
    ptr: AnyArray
    starts: AnyArray
    ends: AnyArray
    piece: AnyArray
    count: int

    @cached_property
    def _measured(self) -> tuple[AnyArray, AnyArray]:
        from medvox.segmentation.kernels import run_kernels as kernels

        size, border = kernels.measure(
            np.array(self.shape), self.across, self.ptr, self.starts, self.ends, self.piece, self.count
        )
        return size, border

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(count,) voxels."""
        return self._measured[0]

    @property
    def at_border(self) -> Mask:
        """(count,) whether a piece touches the border of the image (of its slice in 2D)."""
        return self._measured[1]

    @cached_property
    def first_slice(self) -> NDArray[np.int64]:
        """(count,) slice in which a piece begins."""
        from medvox.segmentation.kernels import run_kernels as kernels

        found: NDArray[np.int64] = kernels.slices(np.array(self.shape), self.ptr, self.piece, self.count)
        return found

    def touching(self, mask: Mask) -> Mask:
        """(count,) whether a piece has a voxel in another mask of the same shape."""
        from medvox.segmentation.kernels import run_kernels as kernels

        hit = np.zeros(self.count, bool)
        rows = np.ascontiguousarray(mask).reshape(-1, self.shape[2])
        kernels.touched(rows, self.ptr, self.starts, self.ends, self.piece, hit)
        return hit

    def paint(self, keep: Mask, onto: Mask | None = None) -> Mask:
        """(k, j, i) mask of the pieces to keep, drawn onto another one where given (which is changed)."""
        out = np.zeros(self.shape, bool) if onto is None else onto
        self.draw(keep, out)
        return out

    def numbers(self) -> NDArray[np.uint32]:
        """(k, j, i) number of each voxel's piece, from 1; 0 outside."""
        out = np.zeros(self.shape, np.uint32)
        self.draw(np.arange(1, self.count + 1, dtype=np.uint32), out)
        return out

    def draw(self, values: AnyArray, out: AnyArray) -> None:
        """Write (count,) values into the voxels of their pieces; 0 leaves them as they are."""
        from medvox.segmentation.kernels import run_kernels as kernels

        rows = out.reshape(-1, self.shape[2])
        words = (self.ptr, self.starts, self.ends, self.piece, np.ascontiguousarray(values))
        in_slabs(lambda first, last: kernels.paint(rows, first, last, *words), len(rows))


def pieces(mask: Mask, mode: Mode = "3D", *, corners: bool = False, outside: bool = False) -> Pieces:
    """Find the pieces of a mask.

    Parameters
    ----------
    mask
        (k, j, i).
    mode
        Whether pieces hang together in space, or in each slice only.
    corners
        Whether voxels that share only an edge or a corner touch (26 and 8 neighbors), or faces alone (6
        and 4).
    outside
        Find the pieces of what is not in the mask.
    """
    from medvox.segmentation.kernels import run_kernels as kernels

    rows = np.ascontiguousarray(mask).view(np.uint8).reshape(-1, mask.shape[2])
    value = 0 if outside else 1
    counts = np.zeros(len(rows), np.int64)
    in_slabs(lambda a, b: kernels.count_runs(rows, value, a, b, counts), len(rows))
    ptr = np.concatenate([[0], np.cumsum(counts)])
    starts, ends = np.empty(ptr[-1], np.int32), np.empty(ptr[-1], np.int32)
    in_slabs(lambda a, b: kernels.find_runs(rows, value, a, b, ptr, starts, ends), len(rows))
    piece = kernels.join(np.array(mask.shape), corners, mode == "3D", ptr, starts, ends)
    shape = (int(mask.shape[0]), int(mask.shape[1]), int(mask.shape[2]))
    return Pieces(shape, mode == "3D", ptr, starts, ends, piece[:-1], int(piece[-1]))


def largest(mask: Mask, mode: Mode = "3D", count: int = 1) -> Mask:
    """Mask of the `count` largest pieces (of each slice in 2D), which touch by faces."""
    found = pieces(mask, mode)
    return found.paint(_biggest(found, count))


def _biggest(found: Pieces, count: int) -> Mask:
    keep = np.zeros(found.count, bool)
    slices = np.zeros(found.count, np.int64) if found.across else found.first_slice
    order = np.lexsort((np.arange(found.count), -found.sizes, slices))
    group = slices[order]
    rank = np.arange(found.count) - np.searchsorted(group, group)
    keep[order[rank < count]] = True
    return keep


def without_small(mask: Mask, least: int, mode: Mode = "3D") -> Mask:
    """Mask without its pieces of fewer than `least` voxels."""
    found = pieces(mask, mode)
    return found.paint(found.sizes >= least)


def filled(mask: Mask, mode: Mode = "3D", most: int | None = None) -> Mask:
    """Mask with its holes filled: pieces of the outside that do not touch the border.

    Parameters
    ----------
    mask
        (k, j, i).
    mode
        Holes in space, or in each slice.
    most
        Fill only holes of at most so many voxels.
    """
    found = pieces(mask, mode, outside=True)
    holes = ~found.at_border
    if most is not None:
        holes &= found.sizes <= most
    return found.paint(holes, mask.copy())
