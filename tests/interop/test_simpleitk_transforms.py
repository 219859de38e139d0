from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st

from medvox.core.errors import UnsupportedError
from medvox.core.transform import AffineTransform
from medvox.interop import transform_from_simpleitk, transform_to_simpleitk
from medvox.testing.strategies import affines

POINTS = st.tuples(*[st.floats(-500, 500)] * 3)


@given(affines(), POINTS)
def test_both_map_a_point_to_the_same_place(matrix, point):
    transform = AffineTransform(matrix)
    other = transform_to_simpleitk(transform)
    assert list(other.TransformPoint(point)) == pytest.approx(transform.apply(point).tolist(), abs=1e-9)
    assert np.array_equal(transform_from_simpleitk(other).matrix, transform.matrix)


def euler() -> sitk.Euler3DTransform:
    return sitk.Euler3DTransform((10.0, -4.0, 55.0), 0.3, -0.2, 1.1, (1.0, 2.0, 3.0))


@pytest.mark.parametrize(
    "other",
    [
        euler(),
        sitk.VersorRigid3DTransform((0.0, 0.0, 1.0), 0.7, (1.0, 2.0, 3.0), (9.0, 9.0, 9.0)),
        sitk.TranslationTransform(3, (5.0, 6.0, 7.0)),
        sitk.CompositeTransform([euler(), sitk.TranslationTransform(3, (5.0, 6.0, 7.0))]),
        sitk.Transform(euler()),
    ],
    ids=lambda t: t.GetName(),
)
def test_linear_transforms_of_any_class_become_a_matrix(other):
    transform = transform_from_simpleitk(other)
    point = (11.0, -222.0, 33.0)
    assert transform.apply(point).tolist() == pytest.approx(list(other.TransformPoint(point)), abs=1e-9)


@pytest.mark.parametrize("other", [sitk.Euler2DTransform(), sitk.BSplineTransform(3)])
def test_flat_and_bent_transforms_are_refused(other):
    with pytest.raises(UnsupportedError):
        transform_from_simpleitk(other)
