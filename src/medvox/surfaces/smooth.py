"""Smoothing: a low-pass filter of vertex positions that does not shrink, and volumes set right after it."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.progress import Progress, silent
from medvox.surfaces.bands import in_bands
from medvox.surfaces.boundaries import Boundaries

FloatArray = NDArray[np.float64]
PASS_BAND = 0.1
ITERATIONS = 20


def windowed_sinc(
    surface: Boundaries,
    iterations: int = ITERATIONS,
    pass_band: float = PASS_BAND,
    progress: Progress = silent,
) -> Boundaries:
    """Smooth by a windowed sinc filter (Taubin, Zhang and Golub 1996) of the umbrella operator.

    Vertices on lines where surfaces meet or end move by their neighbors on the line alone.

    Parameters
    ----------
    iterations
        Degree of the polynomial.
    pass_band
        0 to 2; lower: smoother.

    Raises
    ------
    UsageError
        If an option is outside its limits.
    """
    if iterations < 1 or not 0 < pass_band <= 2:
        raise UsageError("smoothing is not possible so", got=(iterations, pass_band),
                         expected="at least 1 iteration, a pass band above 0, at most 2")  # fmt: skip

    count = len(surface.vertices_mm)
    lists = surface.neighbors
    weights = sinc_weights(iterations, pass_band)
    now = np.array(surface.vertices_mm)
    before = now.copy()
    result = weights[0] * now
    for n, weight in enumerate(weights[1:], start=1):
        progress(n - 1, iterations, "Smoothing")
        step: Any = (lists, now, before, n == 1, result, float(weight))
        in_bands(partial(_step, step), count)
        now, before = before, now
    progress(iterations, iterations, "Smoothing")
    return surface.with_vertices(result)


def _step(step: Any, rows: tuple[int, int]) -> None:
    from medvox.surfaces import mesh_kernels as kernels

    kernels.chebyshev(step[0], rows, *step[1:])


def sinc_weights(degree: int, pass_band: float) -> FloatArray:
    """Chebyshev coefficients of the ideal low-pass filter, under a Hamming window, that keep the mean."""
    theta = math.acos(1 - pass_band / 2)
    n = np.arange(1, degree + 1)
    weights = np.empty(degree + 1)
    weights[0] = theta / math.pi
    window = 0.54 + 0.46 * np.cos(n * math.pi / (degree + 1))
    weights[1:] = 2 * window * np.sin(n * theta) / (n * math.pi)
    return np.asarray(weights / weights.sum())
