"""Voxels in another order, each staying where it is: for formats whose axes have fixed directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import orientation_letters
from medvox.core.grid import Grid
from medvox.core.rescale import Rescale

_OPPOSITE = dict(zip("LRPASI", "RLAPIS", strict=True))
_STRAIGHT = 1e-6


@dataclass(frozen=True, slots=True)
class Reordered:
    """How voxels are reordered.

    Parameters
    ----------
    grid
        Grid of the reordered voxels.
    order
        Which of the old axes (0: k, 1: j, 2: i) becomes k, j and i.
    flipped
        Which of the new axes run the other way than the old ones did.
    """

    grid: Grid
    order: tuple[int, int, int] = (0, 1, 2)
    flipped: tuple[bool, bool, bool] = (False, False, False)

    @property
    def is_same(self) -> bool:
        """Whether nothing changes."""
        return self.order == (0, 1, 2) and not any(self.flipped)

    @property
    def losses(self) -> tuple[str, ...]:
        """Sentence for a report; none where nothing changes."""
        text = "The voxels are written in another order (axes turned or reversed, as the format's orientation"
        return () if self.is_same else (f"{text} asks): every value keeps its position in space.",)

    def values(self, values: NDArray[Any]) -> NDArray[Any]:
        """Reorder an array (..., k, j, i)."""
        lead = values.ndim - 3
        turned = values.transpose(*range(lead), *(lead + axis for axis in self.order))
        return turned[(..., *(slice(None, None, -1) if flip else slice(None) for flip in self.flipped))]

    def rescale(self, rescale: Rescale) -> Rescale:
        """Reorder a rescale whose last axis is k; k must stay k unless one line holds for all slices."""
        if rescale.is_uniform or not self.flipped[0]:
            return rescale
        shape = np.broadcast_shapes(rescale.slope.shape, rescale.intercept.shape)
        slope, intercept = (np.broadcast_to(part, shape) for part in (rescale.slope, rescale.intercept))
        return Rescale(slope[..., ::-1], intercept[..., ::-1], rescale.table)


def straight_axes(grid: Grid) -> bool:
    """Whether the index axes run along the patient's axes, evenly."""
    return grid.is_even and bool(
        np.abs(np.abs(grid.direction) - np.rint(np.abs(grid.direction))).max() < _STRAIGHT
    )


def reorder(grid: Grid, letters: str) -> Reordered:
    """Find the order in which i, j and k run towards given directions.

    Parameters
    ----------
    grid
        With axes along the patient's, or nearly so: the nearest directions are taken.
    letters
        Directions of i, j and k, e.g. ``"LPI"``.
    """
    now = orientation_letters(grid.affine)
    order, flipped = [], []
    for letter in reversed(letters):
        axis = next(n for n in range(3) if now[n] in (letter, _OPPOSITE[letter]))
        order.append(axis)
        flipped.append(now[axis] != letter)
    shape = tuple(grid.shape[axis] for axis in order)
    local = np.zeros((4, 4))
    local[3, 3] = 1.0
    for new, (axis, flip) in enumerate(zip(order, flipped, strict=True)):
        local[axis, new] = -1.0 if flip else 1.0
        local[axis, 3] = shape[new] - 1 if flip else 0.0
    turned = Grid(
        (shape[0], shape[1], shape[2]), grid.affine @ local, grid.frame_of_reference, None, grid.space
    )
    return Reordered(turned, (order[0], order[1], order[2]), (flipped[0], flipped[1], flipped[2]))
