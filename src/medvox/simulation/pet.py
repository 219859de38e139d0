"""Simulated PET: uptake of tissues, blur of the scanner, counting noise, decay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medvox.core.grid import Grid
from medvox.core.volume import Volume
from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.sampling import sample

FLUORINE_18_HALF_LIFE_S = 6586.2
"""Half-life of ¹⁸F, 109.77 min (NNDC)."""


@dataclass(frozen=True, slots=True)
class PetScanner:
    """How the PET is taken.

    Parameters
    ----------
    injected_bq, weight_kg
        Dose at injection and weight of the patient.
    delay_s
        From injection to the start of the scan, to which all values are decay-corrected.
    half_life_s
        Of the nuclide.
    blur_mm, filter_mm
        Full widths at half maximum of the scanner's point spread and of the filter after reconstruction.
    counts
        Mean counts in a voxel of SUV 1, before the filter; 0: no noise.
    """

    injected_bq: float = 310e6
    weight_kg: float = 78.0
    delay_s: float = 3600.0
    half_life_s: float = FLUORINE_18_HALF_LIFE_S
    blur_mm: float = 4.6
    filter_mm: float = 4.5
    counts: float = 16.0
    seed: int = 12

    @property
    def bq_ml_per_suv(self) -> float:
        """Activity concentration of SUV 1 at the start of the scan: dose left per gram of body."""
        left: float = self.injected_bq * 0.5 ** (self.delay_s / self.half_life_s)
        return left / (self.weight_kg * 1000)


def simulate_pet(canvas: Canvas, grid: Grid, scanner: PetScanner | None = None) -> Volume:
    """Take a PET of a painted body.

    Parameters
    ----------
    grid
        Voxels of the PET, usually coarser than the canvas.

    Returns
    -------
    Volume
        (k, j, i) float32 in Bq/ml at the start of the scan.
    """
    from scipy.ndimage import gaussian_filter

    scanner = scanner or PetScanner()
    suv = canvas.mix(canvas.property("suv"))
    gaussian_filter(suv, scanner.blur_mm / 2.355 / np.array(canvas.grid.spacing_mm), output=suv)
    seen = np.maximum(sample(suv, canvas.grid, grid), 0)
    if scanner.counts > 0:
        rng = np.random.default_rng(scanner.seed)
        seen = (rng.poisson(seen * scanner.counts + 0.08) / scanner.counts).astype(np.float32)
    gaussian_filter(seen, scanner.filter_mm / 2.355 / np.array(grid.spacing_mm), output=seen)
    values = seen * np.float32(scanner.bq_ml_per_suv)
    return Volume(values, grid, unit="Bq/ml", modality="PT", label="PET")
