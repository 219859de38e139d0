"""Compile the fast kernels once, so that the first scan that is opened does not wait for it."""

from __future__ import annotations

import numpy as np

from medvox.core.grid import Grid
from medvox.core.progress import Progress, silent, track
from medvox.core.volume import Volume
from medvox.dicom.elements import walk_kernels
from medvox.processing.resample import regular_copy
from medvox.rendering.presets import PRESETS
from medvox.rendering.raycast import render_volume
from medvox.rendering.thumbnail import preview

_TYPES = (np.int16, np.uint16, np.uint8, np.float32)
_PRESETS = ("ct-bone", "mip")


def warm_up(progress: Progress = silent) -> None:
    """Run every kernel on a few voxels of each usual type; what it compiles is kept on disk.

    Takes about a minute the first time, a few seconds afterwards.
    """
    walk_kernels.warm_up()
    for dtype in track(_TYPES, progress, "Compiling the fast parts (once)"):
        volume = _small_tilted_volume(dtype)
        regular = regular_copy(volume)
        preview(volume, 32)
        for name in _PRESETS:
            if name in PRESETS:
                render_volume(regular, name, size=(32, 24))


def _small_tilted_volume(dtype: type) -> Volume:
    matrix = np.array([[0, 0, 1.0, 0], [0.5, 1.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])
    values = np.arange(8 * 16 * 16).reshape(8, 16, 16) % 200
    return Volume(values.astype(dtype), Grid((8, 16, 16), matrix), modality="CT", unit="HU")


if __name__ == "__main__":
    warm_up()
