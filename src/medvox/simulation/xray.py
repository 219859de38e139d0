"""Simulated radiograph: rays from a point source through a CT onto a flat detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medvox.core.grid import Grid, Space
from medvox.core.volume import Volume

WATER_PER_MM = 0.0195
"""Attenuation of water at about 70 keV."""


@dataclass(frozen=True, slots=True)
class XrayBench:
    """Where source and detector stand; rays run from back to front (a PA view).

    Parameters
    ----------
    detector_y_mm
        LPS y of the detector plane, in front of the patient.
    distance_mm
        Source to detector.
    center_z_mm
        Height of the central ray.
    size_mm, pixel_mm
        Detector.
    """

    detector_y_mm: float = -150.0
    distance_mm: float = 1800.0
    center_z_mm: float = 400.0
    size_mm: float = 420.0
    pixel_mm: float = 0.7
    noise: float = 0.004
    seed: int = 14

    def magnification(self, y_mm: float) -> float:
        """How much larger things at depth y are on the detector."""
        return self.distance_mm / (self.distance_mm - (y_mm - self.detector_y_mm))


def line_integrals(ct: Volume, bench: XrayBench) -> NDArray[np.float64]:
    """(j, i) attenuation along the rays; row 0 at the head, column 0 at the patient's right.

    The CT must be axial with k up, j back, i left.
    """
    from scipy.ndimage import affine_transform

    grid = ct.grid
    count = round(bench.size_mm / bench.pixel_mm)
    first = -bench.size_mm / 2 + bench.pixel_mm / 2
    total = np.zeros((count, count))
    step_k, step_j, step_i = grid.spacing_mm
    origin = grid.origin_mm
    for j in range(grid.shape[1]):
        hu = np.asarray(ct.data[:, j], dtype=np.float32)
        if hu.max() < -900:
            continue
        density = np.maximum(1 + hu / 1000, 0)
        density += 0.9 * np.maximum(hu - 150, 0) / 1000
        scale = bench.magnification(origin[1] + j * step_j)
        matrix = np.array([-bench.pixel_mm / scale / step_k, bench.pixel_mm / scale / step_i])
        offset = np.array(
            [(bench.center_z_mm - first / scale - origin[2]) / step_k, (first / scale - origin[0]) / step_i]
        )
        total += affine_transform(density, matrix, offset, (count, count), order=1)
    return total * step_j * WATER_PER_MM


def simulate_xray(ct: Volume, bench: XrayBench | None = None) -> Volume:
    """Take a radiograph of a CT, as it is presented: dense is white.

    Returns
    -------
    Volume
        (1, j, i) uint16 0..4095 on a detector grid.
    """
    from scipy.ndimage import gaussian_filter

    bench = bench or XrayBench()
    rays = line_integrals(ct, bench)
    rng = np.random.default_rng(bench.seed)
    rays = rays + bench.noise * np.exp(rays / 4) * rng.standard_normal(rays.shape)
    wide = gaussian_filter(rays, 14 / bench.pixel_mm)
    shown = 0.55 * rays + 1.3 * (rays - wide) + 0.4
    low, high = np.percentile(shown, (1, 99.8))
    stored = np.clip(np.rint((shown - low) / (high - low) * 4095), 0, 4095).astype(np.uint16)
    return Volume(stored[None], detector_grid(bench), modality="DX", label="radiograph")


def detector_grid(bench: XrayBench) -> Grid:
    """Grid of the detector's pixels; its millimetres are those at the detector."""
    count = round(bench.size_mm / bench.pixel_mm)
    affine = np.eye(4)[:, [2, 1, 0, 3]] * np.array([bench.pixel_mm] * 3 + [1])
    return Grid((1, count, count), affine, space=Space.DETECTOR)
