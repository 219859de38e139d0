"""Multi-modality registration: Mattes' mutual information, by SimpleITK."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core import settings
from medvox.core.errors import CancelledError, GeometryError
from medvox.core.progress import Progress
from medvox.processing.registration.gauss_newton import Found, agreement
from medvox.processing.registration.pyramid import Picture

BINS = 32
SAMPLED = 0.2
"""Share of the voxels that the metric looks at, on every level."""
SHRINK, SMOOTH_MM, STEPS = (4, 2, 1), (4.0, 2.0, 0.0), 200
_SPACING_MM = 2.0
"""Images finer than this are made smaller first: more detail does not move the optimum."""
_SEED = 20260101


def search_by_library(
    fixed: Picture,
    moving: Picture,
    start: NDArray[np.float64],
    freedom: str,
    until: float,
    progress: Progress,
) -> tuple[Found, float]:
    """Search as `gauss_newton.search` does; also returns the metric, the more negative the better.

    Raises
    ------
    GeometryError
        If the library finds no overlap.
    """
    import SimpleITK

    small, other = fixed.shrunk(_SPACING_MM), moving.shrunk(_SPACING_MM)
    still, moved = _image(small), _image(other)
    transform = _initial(freedom, start, aff.apply(small.affine, (np.array(small.values.shape) - 1) / 2))
    method = SimpleITK.ImageRegistrationMethod()
    method.SetGlobalDefaultNumberOfThreads(settings.current().threads)
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(SAMPLED, _SEED)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 1e-3, STEPS, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(list(SHRINK))
    method.SetSmoothingSigmasPerLevel(list(SMOOTH_MM))
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(transform, inPlace=True)
    if small.weight is not None:
        method.SetMetricFixedMask(_image(Picture((small.weight > 0.5).astype(np.uint8), small.affine)))
    count, stopped = [0], [None]

    def tell() -> None:
        count[0] += 1
        try:
            progress(count[0], None, "Registering")
        except CancelledError as error:
            stopped[0] = error  # type: ignore[call-overload]
            method.StopRegistration()
        if time.monotonic() > until:
            method.StopRegistration()

    method.AddCommand(SimpleITK.sitkIterationEvent, tell)
    try:
        method.Execute(still, moved)
    except RuntimeError as error:
        text = "registration failed: the images do not overlap"
        raise GeometryError(text, got=str(error).strip().splitlines()[-1][:200]) from None
    if stopped[0] is not None:
        raise stopped[0]
    matrix = _matrix(transform)
    correlation, overlap = agreement(small, other, matrix)
    settled = (
        time.monotonic() <= until
        and "maximum number" not in method.GetOptimizerStopConditionDescription().lower()
    )
    return Found(matrix, correlation, overlap, count[0], settled), float(method.GetMetricValue())


def _image(picture: Picture) -> Any:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(picture.values)
    axes = picture.affine[:3, 2::-1]
    spacing = np.linalg.norm(axes, axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((axes / spacing).ravel().tolist())
    image.SetOrigin(picture.affine[:3, 3].tolist())
    return image


def _initial(freedom: str, start: NDArray[np.float64], center: NDArray[np.float64]) -> Any:
    import SimpleITK

    kinds = {
        "translation": SimpleITK.TranslationTransform,
        "rigid": SimpleITK.VersorRigid3DTransform,
        "similarity": SimpleITK.Similarity3DTransform,
        "affine": SimpleITK.AffineTransform,
    }
    transform = kinds[freedom](3) if freedom in ("translation", "affine") else kinds[freedom]()
    if freedom == "translation":
        transform.SetOffset(start[:3, 3].tolist())
    else:
        transform.SetCenter(center.tolist())
        transform.SetTranslation(start[:3, 3].tolist())
    return transform


def _matrix(transform: Any) -> NDArray[np.float64]:
    made = np.eye(4)
    made[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    moved = np.array([transform.TransformPoint(tuple(unit)) for unit in np.eye(3)])
    made[:3, :3] = (moved - made[:3, 3]).T
    return made
