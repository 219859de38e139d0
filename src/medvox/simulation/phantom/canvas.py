"""Canvas: parts of a body painted on a grid, at most two sharing a voxel, each with its share."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.affine import apply, invert
from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.settings import current
from medvox.simulation.phantom.shapes import Shape
from medvox.simulation.phantom.tissues import TISSUES, Tissue

AnyArray = NDArray[Any]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Part:
    """One paint: a tissue inside a named structure.

    Parameters
    ----------
    number
        Value on the canvas, from 1; 0 is the air around.
    structure
        Name of the anatomical structure, e.g. ``"liver"``.
    tissue
        What it is made of.
    """

    number: int
    structure: str
    tissue: Tissue


def make_lattice(seed: int, size: int = 64) -> NDArray[np.float32]:
    """Random numbers -1..1 for smooth noise; `size` is a power of two."""
    return np.random.default_rng(seed).uniform(-1, 1, (size, size, size)).astype(np.float32)


def _slabs(box: NDArray[np.int64], voxels: int = 200_000, block: int = 8) -> list[NDArray[np.int64]]:
    """Cut a box into slabs of whole blocks, so that the result does not depend on the threads."""
    plane = int((box[1, 1:] - box[0, 1:]).prod())
    step = max(block, voxels // max(plane, 1) // block * block)
    starts = range(int(box[0, 0]), int(box[1, 0]), step)
    slabs = []
    for start in starts:
        slab = box.copy()
        slab[:, 0] = start, min(start + step, int(box[1, 0]))
        slabs.append(slab)
    return slabs


@dataclass(slots=True, eq=False)
class Canvas:
    """Paint on a grid; the one mutable thing of the phantom.

    Every voxel holds the part painted last (`top`), the main part before it (`under`) and the share of
    the top one in 1/255 (`cover`), so that edges carry partial volume for every modality.

    Parameters
    ----------
    grid
        Even grid, any orientation.
    seed
        Of surface noise.
    """

    grid: Grid
    seed: int = 0
    parts: list[Part] = field(init=False)
    top: Bytes = field(init=False)
    under: Bytes = field(init=False)
    cover: Bytes = field(init=False)
    lattice: NDArray[np.float32] = field(init=False)
    _soft_mm: float = field(init=False)
    _inverse: NDArray[np.float64] = field(init=False)
    _allowed: dict[tuple[Any, ...], NDArray[np.bool_]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not self.grid.is_even:
            raise UsageError("a phantom needs an evenly spaced grid", got=self.grid)
        self.parts = [Part(0, "", TISSUES["air"])]
        self.top, self.under = np.zeros(self.grid.shape, np.uint8), np.zeros(self.grid.shape, np.uint8)
        self.cover = np.full(self.grid.shape, 255, np.uint8)
        self.lattice = make_lattice(self.seed)
        self._soft_mm = float(np.mean(self.grid.spacing_mm))
        self._inverse = invert(self.grid.affine)

    def part(self, structure: str, tissue: str) -> Part:
        """Find or add a paint."""
        for known in self.parts:
            if known.structure == structure and known.tissue.name == tissue:
                return known
        if len(self.parts) > 255:
            raise UsageError("a canvas holds 255 parts")
        self.parts.append(Part(len(self.parts), structure, TISSUES[tissue]))
        return self.parts[-1]

    def paint(
        self,
        shape: Shape,
        structure: str,
        tissue: str,
        inset_mm: float = 0.0,
        only_on: Iterable[str] | None = None,
    ) -> None:
        """Paint a shape.

        Parameters
        ----------
        inset_mm
            Paint only what lies this deep inside (negative: grow).
        only_on
            Names of the structures that may be painted over; others stay. Default: all.
        """
        number = self.part(structure, tissue).number
        allowed = self.allowed(None if only_on is None else frozenset(only_on), number)
        grow = np.array([[-1.0], [1.0]]) * max(0.0, -inset_mm)
        if shape.is_plain:
            boxes = self.boxes(shape.piece_bounds() + grow)
            seen = np.flatnonzero((boxes[:, 1] > boxes[:, 0]).all(axis=1))
            self._paint(boxes[seen], replace(shape, rows=shape.rows[seen]), number, inset_mm, allowed)
        else:
            box = self.boxes(shape.bounds()[None] + grow)
            if (box[0, 1] > box[0, 0]).all():
                self._paint(box, shape, number, inset_mm, allowed)

    def allowed(self, structures: frozenset[str] | None, *numbers: int) -> NDArray[np.bool_]:
        """(256,) which parts belong to the named structures (None: all) or have one of the numbers."""
        key = (structures, numbers, len(self.parts))
        if key not in self._allowed:
            table = np.full(256, structures is None, np.bool_)
            table[[p.number for p in self.parts if structures and p.structure in structures]] = True
            table[list(numbers)] = True
            self._allowed[key] = table
        return self._allowed[key]

    def _paint(
        self, boxes: NDArray[np.int64], shape: Shape, number: int, inset_mm: float, allowed: NDArray[np.bool_]
    ) -> None:
        """Paint pieces, each in its own box, or a whole shape in one."""
        from medvox.simulation.phantom.shape_kernels import paint

        whole = not shape.is_plain

        def one(slab: NDArray[np.int64]) -> None:
            paint(
                self.top, self.under, self.cover, self.grid.affine, slab, shape.rows, shape.sections,
                self.lattice, shape.rough, number, allowed, inset_mm, self._soft_mm, whole,
            )  # fmt: skip

        slabs = _slabs(boxes[0]) if len(boxes) == 1 else [boxes]
        if len(slabs) == 1:
            one(slabs[0].reshape(-1, 2, 3))
        else:
            with ThreadPoolExecutor(min(current().threads, len(slabs))) as pool:
                list(pool.map(one, [slab[None] for slab in slabs]))

    def boxes(self, bounds_mm: NDArray[np.float64]) -> NDArray[np.int64]:
        """(n, 2, 3) first and last + 1 voxel (k, j, i) that LPS `bounds_mm` (n, 2, 3) reach."""
        middle = apply(self._inverse, bounds_mm.mean(axis=1))
        reach = (bounds_mm[:, 1] - bounds_mm[:, 0]) / 2 @ np.abs(self._inverse[:3, :3]).T
        ends = np.stack([np.floor(middle - reach) - 1, np.ceil(middle + reach) + 2], axis=1)
        return np.asarray(np.clip(ends, 0, self.grid.shape), dtype=np.int64)

    # -- what was painted ----------------------------------------------------------------------

    def mix(self, value: NDArray[np.float32]) -> NDArray[np.float32]:
        """(k, j, i) mean of a property over each voxel; `value` has one entry a part."""
        table = np.zeros(256, np.float32)
        table[: len(value)] = value
        result = table[self.top]
        edge = self.cover < 255
        share = self.cover[edge].astype(np.float32) / 255
        result[edge] = share * result[edge] + (1 - share) * table[self.under[edge]]
        return result

    def property(self, name: str) -> NDArray[np.float32]:
        """One field of `Tissue` for every part."""
        return np.array([getattr(p.tissue, name) for p in self.parts], np.float32)

    def main(self) -> Bytes:
        """(k, j, i) number of the part that fills most of each voxel."""
        return np.asarray(np.where(self.cover >= 128, self.top, self.under), dtype=np.uint8)

    def share(self, structure: str) -> NDArray[np.float32]:
        """(k, j, i) share 0..1 of each voxel that a structure fills."""
        return self.mix(np.array([p.structure == structure for p in self.parts], np.float32))
