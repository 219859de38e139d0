"""Volumes with known answers."""

import itertools

import numpy as np

from medvox.core import affine as aff
from medvox.core.grid import Grid
from medvox.core.volume import Volume

LPS = np.eye(3)[:, ::-1]
ORIENTATIONS = [
    (order, flips)
    for order in itertools.permutations(range(3))
    for flips in itertools.product((1, -1), repeat=3)
]
"""The 48 ways to store one and the same patient."""


def canonical(values, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0), **fields):
    """Volume whose (k, j, i) run towards superior, posterior, left."""
    values = np.asarray(values)
    return Volume(values, Grid(values.shape, aff.compose(spacing, LPS, origin)), **fields)


def stored_as(volume, order, flips):
    """The same patient, stored with its axes in another order and direction."""
    window = tuple(slice(None, None, flip) for flip in flips)
    flipped = volume.grid.crop(window)
    matrix = np.eye(4)
    matrix[:3, :3] = flipped.affine[:3, list(order)]
    matrix[:3, 3] = flipped.affine[:3, 3]
    values = np.ascontiguousarray(volume.data[window].transpose(order))
    return Volume(values, Grid(values.shape, matrix), modality=volume.modality, unit=volume.unit)


def ball(radius=20.0, count=61, value=100.0, spacing=(1.0, 1.0, 1.0)):
    """A ball in the middle of a cube, its surface antialiased over a voxel."""
    axes = [(np.arange(round(count / s)) - (round(count / s) - 1) / 2) * s for s in spacing]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    depth = radius - np.sqrt(x * x + y * y + z * z)
    origin = (axes[2][0], axes[1][0], axes[0][0])
    return canonical((value * np.clip(depth + 0.5, 0, 1)).astype(np.float32), spacing, origin)
