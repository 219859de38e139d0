"""Labels that grow from seeds, and follow edits of the seeds at once."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.segmentation.distance import Window
from medvox.segmentation.regions import Mask, Mode
from medvox.segmentation.slabs import in_slabs

AnyArray = NDArray[Any]
Method = Literal["geodesic", "watershed"]
MOST_LABEL = 254
GRAYS = 1023
"""Values are told apart in so many steps."""


class SeededLabels:
    """A segmentation from seeds that is kept up to date while seeds are painted and erased.

    Only what an edit changes is computed; the result is the same as from the beginning, to the voxel.

    Parameters
    ----------
    values
        (k, j, i) image.
    grid
        Where its voxels are.
    method
        ``"geodesic"``: each voxel goes to the seed of the shortest way, where crossing edges is long (as
        fast GrowCut: Zhu et al., MICCAI Workshop 2014). ``"watershed"``: to the seed from which it floods
        first over the gradient magnitude (Vincent and Soille, IEEE TPAMI 13 (1991) 583).
    mask
        (k, j, i) where labels may go; everywhere where left out.
    mode
        Whether labels spread in space or in each slice.
    smoothness
        Geodesic only: what a step costs beside the square of the difference of its values (a difference of a
        tenth of the image's range costs 163, more than three tenths 1500).

    Attributes
    ----------
    changed
        Voxels that the last `edit` computed.
    """

    def __init__(
        self,
        values: AnyArray,
        grid: Grid,
        method: Method = "geodesic",
        mask: Mask | None = None,
        *,
        mode: Mode = "3D",
        smoothness: int = 4,
    ) -> None:
        from medvox.segmentation.kernels import seed_kernels as kernels

        self.shape: tuple[int, int, int] = grid.shape
        self._flood = method == "watershed"
        outer = tuple(n + 2 for n in grid.shape)
        self._image = _whole_numbers(gradient(values, grid) if self._flood else values, outer)
        self._key = np.zeros(outer, np.uint32)
        inner = self._key[1:-1, 1:-1, 1:-1]
        inner[:] = kernels.NEVER
        if mask is not None:
            inner[~mask] = 0
        self._seeds = np.zeros(outer, np.uint8)
        steps = [outer[1] * outer[2], outer[2], 1]
        ways = np.array([1.0, *grid.spacing_mm[1:]])
        ways[0] = float(np.mean(np.diff(grid.depths_mm))) if grid.shape[0] > 1 else ways[1]
        weights = np.clip(np.rint(ways / ways.min() * smoothness), 1, 512).astype(np.int64)
        axes = [0, 1, 2] if mode == "3D" else [1, 2]
        self._offsets = np.array([s * steps[a] for a in axes for s in (-1, 1)])
        self._bases = np.array([weights[a] for a in axes for _ in (-1, 1)])
        self._begun = False
        self.changed = 0

    def edit(self, seeds: AnyArray, window: Window | None = None) -> None:
        """Put new seeds in place of those in a window, and bring the labels up to date.

        Parameters
        ----------
        seeds
            Labels 1 to 254, 0 where there is no seed; of the shape of the window.
        window
            Part of the image; all of it where left out.

        Raises
        ------
        UsageError
            If the seeds do not fit the window, or a label is out of range.
        """
        from medvox.segmentation.kernels import seed_kernels as kernels

        window = window or (slice(None), slice(None), slice(None))
        ends = [part.indices(n) for part, n in zip(window, self.shape, strict=True)]
        if seeds.shape != tuple(len(range(*e)) for e in ends) or any(e[2] != 1 for e in ends):
            raise UsageError("seeds do not fit the window", got=seeds.shape, expected=window)
        if seeds.size and (seeds.min() < 0 or seeds.max() > MOST_LABEL):
            raise UsageError("a seed's label is out of range", got=int(seeds.max()), expected="0 to 254")
        within = tuple(slice(e[0] + 1, e[1] + 1) for e in ends)
        differing = np.nonzero(self._seeds[within] != seeds)
        if not len(differing[0]):
            self.changed = 0
            return
        flat = np.ravel_multi_index(
            tuple(d + e[0] + 1 for d, e in zip(differing, ends, strict=True)), self._seeds.shape
        )
        wanted = seeds[differing].astype(np.uint8)
        key, image, old = self._key.ravel(), self._image.ravel(), self._seeds.ravel()
        usable = key[flat] != 0  # seeds outside the mask do not count
        flat, wanted = flat[usable].astype(np.int32), wanted[usable]
        old[flat] = wanted
        words = (key, image, self._offsets, self._bases, self._flood)
        if self._begun:
            self.changed = int(kernels.repair(*words, old, flat))
            return
        self._begun = True
        key[flat] = wanted
        self.changed = int(kernels.spread(*words, flat))

    def labels(self, window: Window | None = None) -> NDArray[np.uint8]:
        """(k, j, i) labels of the image, or of a window of it; 0 where no seed reaches."""
        from medvox.segmentation.kernels import seed_kernels as kernels

        inner = self._key[1:-1, 1:-1, 1:-1][window or ...]
        out = np.empty(inner.shape, np.uint8)
        in_slabs(lambda a, b: kernels.labels_of(inner, a, b, out), len(out))
        return out


def gradient(values: AnyArray, grid: Grid) -> NDArray[np.float32]:
    """Gradient magnitude a mm, by central differences; slices at their true distances."""
    from medvox.segmentation.kernels import seed_kernels as kernels

    depths = grid.depths_mm
    padded = np.concatenate([depths[:1], depths, depths[-1:]])
    steps = np.empty((len(depths), 3))
    steps[:, 0] = padded[2:] - padded[:-2] if len(depths) > 1 else 1.0
    steps[:, 1:] = grid.spacing_mm[1:]
    out = np.empty(values.shape, np.float32)
    plain = values.astype(np.uint8) if values.dtype == bool else np.ascontiguousarray(values)
    in_slabs(lambda a, b: kernels.gradient(plain, steps, a, b, out), len(out))
    return out


def _whole_numbers(values: AnyArray, outer: tuple[int, ...]) -> NDArray[np.uint16]:
    """Values as 0 to 1023 over their usual range (0.1 to 99.9 % of a sample), padded."""
    from medvox.segmentation.kernels import seed_kernels as kernels

    plain = values.astype(np.uint8) if values.dtype == bool else np.ascontiguousarray(values)
    sample = plain.ravel()[:: max(1, plain.size // 262_144)]
    sample = sample[np.isfinite(sample)]
    low, high = np.percentile(sample, [0.1, 99.9]) if sample.size else (0.0, 1.0)
    scale = GRAYS / (high - low) if high > low else 0.0
    out = np.zeros(outer, np.uint16)
    in_slabs(lambda a, b: kernels.padded(plain, float(low), float(scale), GRAYS, a, b, out), values.shape[0])
    return out
