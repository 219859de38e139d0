"""Values that lie in several runs of one file, one run a volume, as a lazy array."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.lazy import FrameArray, LazyArray
from medvox.core.progress import Progress, silent
from medvox.formats.files import check_claim, size_of
from medvox.formats.values.block import Block


@dataclass(frozen=True, slots=True)
class Pieces:
    """Where the volumes of an array lie in a file.

    Parameters
    ----------
    path
        File that holds them.
    starts
        First byte of each volume, in C order of the axes before k.
    lead_shape
        Axes before k, as the array will show them.
    shape
        (k, j, i) of one volume.
    stored
        Type of the values, with byte order.
    """

    path: Path
    starts: tuple[int, ...]
    lead_shape: tuple[int, ...]
    shape: tuple[int, int, int]
    stored: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Bytes of one volume."""
        return math.prod(self.shape) * self.stored.itemsize

    def check(self, field: str) -> None:
        """Refuse volumes that the file cannot hold or the limits do not allow; see `check_claim`."""
        size = size_of(self.path)
        for start in self.starts:
            check_claim(self.path, self.nbytes, size - start, field)
        check_claim(self.path, self.nbytes * len(self.starts), None, field)

    def array(self) -> LazyArray:
        """Make the lazy array, in native byte order; only the slices asked for are read."""
        lead = (*self.lead_shape, self.shape[0])
        return FrameArray(lead, self.shape[1:], self.stored.newbyteorder("="), self._read)

    def _read(self, frames: Sequence[int], out: NDArray[Any], progress: Progress = silent) -> None:
        """Read slices; a `FrameReader`."""
        slices = self.shape[0]
        block = Block(self.path, 0, (slices,), self.shape[1:], self.stored)
        done = 0
        for volume, group in groupby(frames, key=lambda frame: frame // slices):
            inner = [frame % slices for frame in group]
            progress(done, len(frames), "Reading")
            piece = replace(block, start=self.starts[volume])
            piece.read_frames(inner, out[done : done + len(inner)])
            done += len(inner)
        progress(done, len(frames), "Reading")
