"""Values of one grid read at the voxel centres of another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.affine import invert
from medvox.core.grid import Grid


def sample(values: NDArray[Any], source: Grid, target: Grid, outside: float = 0.0) -> NDArray[np.float32]:
    """Linear interpolation of (k, j, i) values on `source` at the voxels of `target`."""
    from scipy.ndimage import affine_transform

    step = invert(source.affine) @ target.affine
    result = affine_transform(
        values, step[:3, :3], step[:3, 3], target.shape, np.float32, order=1, mode="constant", cval=outside
    )
    return np.asarray(result, dtype=np.float32)
