"""Smaller copies of an image for a search from coarse to fine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.grid import Grid
from medvox.core.volume import Volume
from medvox.processing.resample import regular_copy

BLUR = 0.8
FEWEST = 8
"""An axis is not made shorter than this."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Values on a regular grid.

    Parameters
    ----------
    values
        (k, j, i) float32.
    weight
        (k, j, i) float32, 0 where the values do not count; or None: all count.
    affine
        (4, 4) from index to LPS mm.
    """

    values: NDArray[np.float32]
    affine: NDArray[np.float64]
    weight: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, volume: Volume, mask: NDArray[np.bool_] | None = None) -> Picture:
        """Values of a volume: the mean over its axes before k, uneven or tilted slices on a regular copy."""
        while volume.lead_shape:
            mean = volume.values(np.float32).mean(axis=0)
            volume = volume.derive(mean, "mean", axes=volume.axes[1:], coordinates={})
        known = regular_copy(volume)
        weight = None
        if mask is not None:
            inside = Volume(mask.astype(np.float32), volume.grid)
            weight = regular_copy(inside, order="nearest").values(np.float32)
        return cls(np.ascontiguousarray(known.values(np.float32)), known.grid.affine, weight)

    def smoothed(self) -> Picture:
        """Return the values blurred by `BLUR` voxels.

        Interpolating between voxels averages their noise away; unless it is blurred before, two noisy images
        fit best where no voxel lies on another.
        """
        from scipy.ndimage import gaussian_filter

        return Picture(gaussian_filter(self.values, BLUR, mode="nearest"), self.affine, self.weight)

    @property
    def grid(self) -> Grid:
        """Where the values are."""
        return Grid(self.values.shape, self.affine)

    def shrunk(self, spacing_mm: float) -> Picture:
        """Return means over blocks of about this size; itself where voxels are as large already."""
        sizes = np.linalg.norm(self.affine[:3, :3], axis=0)
        steps = [
            max(1, min(int(spacing_mm / size + 0.5), count // FEWEST))
            for size, count in zip(sizes, self.values.shape, strict=True)
        ]
        if steps == [1, 1, 1]:
            return self
        affine = self.affine.copy()
        affine[:3, 3] += self.affine[:3, :3] @ ((np.array(steps) - 1) / 2)
        affine[:3, :3] = self.affine[:3, :3] * steps
        weight = None if self.weight is None else _means(self.weight, steps)
        return Picture(_means(self.values, steps), affine, weight)


def _means(values: NDArray[Any], steps: list[int]) -> NDArray[np.float32]:
    counts = [n // s for n, s in zip(values.shape, steps, strict=True)]
    cut = values[tuple(slice(c * s) for c, s in zip(counts, steps, strict=True))]
    for axis in (2, 1, 0):
        shape = (*cut.shape[:axis], counts[axis], steps[axis], *cut.shape[axis + 1 :])
        cut = cut.reshape(shape).mean(axis=axis + 1, dtype=np.float32)
    return np.ascontiguousarray(cut)
