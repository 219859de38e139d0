"""Simulated CT: numbers of tissues, natural unevenness, blur of the scanner, noise that follows the dose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.volume import Volume
from medvox.simulation.phantom.canvas import Canvas, make_lattice


@dataclass(frozen=True, slots=True)
class CtScanner:
    """How the CT is taken.

    Parameters
    ----------
    arterial
        Whether contrast agent runs in the arteries (late arterial phase).
    blur_mm
        Full width at half maximum of the point spread.
    noise_hu
        Standard deviation of the noise in a thin patient.
    seed
        Of the noise.
    """

    arterial: bool = True
    blur_mm: float = 2.6
    noise_hu: float = 9.0
    seed: int = 11


def simulate_ct(canvas: Canvas, scanner: CtScanner | None = None) -> Volume:
    """Take a CT of a painted body.

    Returns
    -------
    Volume
        (k, j, i) int16 in HU on the canvas's grid.
    """
    from scipy.ndimage import gaussian_filter

    scanner = scanner or CtScanner()
    hu = canvas.property("hu")
    if scanner.arterial:
        hu = hu + canvas.property("contrast_hu")
    values = canvas.mix(hu)
    values += canvas.mix(canvas.property("mottle_hu")) * _mottle(canvas, scanner.seed)
    spacing = np.array(canvas.grid.spacing_mm)
    gaussian_filter(values, scanner.blur_mm / 2.355 / spacing, output=values)
    if scanner.noise_hu > 0:
        values += _noise(values, scanner)
    stored = np.clip(np.rint(values), -1024, 3071).astype(np.int16)
    return Volume(stored, canvas.grid, unit="HU", modality="CT", label="CT")


def _mottle(canvas: Canvas, seed: int) -> NDArray[np.float32]:
    from medvox.simulation.phantom.shape_kernels import fill_noise

    coarse = np.empty(canvas.grid.shape, np.float32)
    fill_noise(coarse, canvas.grid.affine, make_lattice(seed), 4.6)
    fine = np.empty(canvas.grid.shape, np.float32)
    fill_noise(fine, canvas.grid.affine, make_lattice(seed + 1), 13.0)
    coarse += fine
    return coarse


def _noise(values: NDArray[np.float32], scanner: CtScanner) -> NDArray[Any]:
    """Noise correlated between neighbours in a slice, stronger where more is in the beam."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(scanner.seed).standard_normal(values.shape, dtype=np.float32)
    gaussian_filter(noise, (0.0, 0.65, 0.65), output=noise)
    noise /= noise.std()
    water = np.maximum(values + 1000, 0).sum(axis=(1, 2), dtype=np.float64) / 1000
    load = np.sqrt(np.clip(water / max(float(np.median(water)), 1.0), 0.3, 3.0)).astype(np.float32)
    noise *= (scanner.noise_hu * load)[:, None, None]
    return noise
