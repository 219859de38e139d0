"""AffineTransform to and from SimpleITK's linear transforms; both map points in LPS millimeters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medvox.core.errors import UnsupportedError
from medvox.core.transform import AffineTransform

if TYPE_CHECKING:
    import SimpleITK


def transform_to_simpleitk(transform: AffineTransform) -> SimpleITK.AffineTransform:
    """Make a SimpleITK transform that maps every point as `transform` does.

    Notes
    -----
    SimpleITK's resampling wants the map from the points of the result to those of the input: what
    `medvox.processing.resample.resample` wants as well.
    """
    import SimpleITK

    result = SimpleITK.AffineTransform(3)
    result.SetMatrix(transform.matrix[:3, :3].ravel().tolist())
    result.SetTranslation(transform.matrix[:3, 3].tolist())
    return result


def transform_from_simpleitk(transform: SimpleITK.Transform) -> AffineTransform:
    """Make an affine transform of a linear 3D one: affine, Euler, versor, similarity, or a composite.

    Raises
    ------
    UnsupportedError
        If it is not 3D, or not linear.
    GeometryError
        If it has no inverse.
    """
    if transform.GetDimension() != 3 or not transform.IsLinear():
        raise UnsupportedError(
            "only linear 3D transforms are one matrix",
            got=f"{transform.GetName()}, {transform.GetDimension()}D",
        )
    matrix = np.eye(4)
    matrix[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    shifts = np.array([transform.TransformPoint(tuple(unit)) for unit in np.eye(3)])
    matrix[:3, :3] = (shifts - matrix[:3, 3]).T
    exact = transform.Downcast()
    if hasattr(exact, "GetMatrix"):
        matrix[:3, :3] = np.array(exact.GetMatrix()).reshape(3, 3)
    return AffineTransform(matrix)
