"""Affines that cannot be used, whatever they hold: cases that fuzzing found; and thin ones that can."""

from __future__ import annotations

import numpy as np
import pytest

from medvox.core import affine as aff
from medvox.core.errors import GeometryError

TINY = [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [1e-309, 1e-311, 0.0]]
"""A pivot that underflows: its inverse is not finite."""


def whole(linear: object) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    return matrix


@pytest.mark.parametrize("linear", [TINY, np.zeros((3, 3)), np.ones((3, 3)), np.full((3, 3), 5e-324)])
def test_singular_matrices_are_an_error_of_ours(linear):
    with pytest.raises(GeometryError, match="singular"):
        aff.check(whole(linear))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3])
def test_thin_but_usable_matrices_are_kept(scale):
    sheared = np.array([[1.0, 0.0, 0.9], [0.0, 1.0, 0.0], [0.0, 0.2, 0.1]]) * scale
    assert np.array_equal(aff.check(whole(sheared))[:3, :3], sheared)
