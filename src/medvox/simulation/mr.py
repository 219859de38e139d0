"""Simulated MR: signal equations on tissue relaxation, coil bias, Rician noise, and contrast over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import TIME
from medvox.core.grid import Grid
from medvox.core.volume import Volume
from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.phantom.tissues import TISSUES, Tissue
from medvox.simulation.sampling import sample

Array = NDArray[np.float32]
RELAXIVITY = 4.5
"""Of a gadolinium agent at 1.5 T, in 1/(mM s)."""


@dataclass(frozen=True, slots=True)
class PulseSequence:
    """Timing of a pulse sequence.

    Parameters
    ----------
    kind
        ``"SE"`` spin echo, ``"IR"`` inversion-prepared, ``"GR"`` spoiled gradient echo.
    """

    kind: str
    repetition_ms: float
    echo_ms: float
    inversion_ms: float = 0.0
    flip_deg: float = 90.0


T1_WEIGHTED = PulseSequence("IR", 2000, 3.0, 900, 9)
T2_WEIGHTED = PulseSequence("SE", 4500, 100)
DYNAMIC = PulseSequence("GR", 4.6, 1.8, 0, 12)


@dataclass(frozen=True, slots=True)
class Uptake:
    """Contrast agent in a tissue: amplitude · (1 - exp(-t/rise)) · exp(-t/washout) after a delay."""

    amplitude_mm: float
    delay_s: float
    rise_s: float
    washout_s: float

    def concentration(self, time_s: float) -> float:
        """Millimole per litre at a time after the injection."""
        t = max(0.0, time_s - self.delay_s)
        return float(self.amplitude_mm * (1 - np.exp(-t / self.rise_s)) * np.exp(-t / self.washout_s))


UPTAKE = {
    "blood": Uptake(4.2, 14, 7, 95),
    "right heart blood": Uptake(5.0, 6, 6, 80),
    "venous blood": Uptake(2.4, 32, 14, 260),
    "liver": Uptake(0.85, 30, 28, 500),
    "spleen": Uptake(1.9, 18, 10, 180),
    "pancreas": Uptake(1.5, 18, 9, 160),
    "kidney cortex": Uptake(3.2, 17, 8, 260),
    "kidney medulla": Uptake(2.4, 40, 45, 600),
    "liver tumor": Uptake(1.3, 17, 9, 110),
    "heart muscle": Uptake(1.2, 18, 12, 240),
    "bowel wall": Uptake(0.9, 24, 16, 260),
    "muscle": Uptake(0.22, 25, 30, 500),
    "spongy bone": Uptake(0.18, 25, 30, 400),
}
"""How contrast agent comes and goes; tissues not named take none."""


def signal(tissue: Tissue, sequence: PulseSequence, concentration_mm: float = 0.0) -> float:
    """Noise-free signal of a tissue, water fully relaxed = 1.

    Spin echo ``ρ(1 - exp(-TR/T1)) exp(-TE/T2)``; inversion ``|1 - 2exp(-TI/T1)/(1 + exp(-TR/T1))|``
    instead of the first bracket; spoiled gradient echo by the Ernst formula.
    """
    rate = 1000 / tissue.t1_ms + RELAXIVITY * concentration_mm
    t1 = 1000 / rate
    decay = np.exp(-sequence.echo_ms / tissue.t2_ms)
    recover = np.exp(-sequence.repetition_ms / t1)
    if sequence.kind == "IR":
        part = abs(1 - 2 * np.exp(-sequence.inversion_ms / t1) / (1 + recover))
    elif sequence.kind == "GR":
        flip = np.radians(sequence.flip_deg)
        part = np.sin(flip) * (1 - recover) / (1 - np.cos(flip) * recover)
    else:
        part = 1 - recover
    return float(tissue.density * part * decay)


def signal_curve(tissue: str, times_s: Sequence[float], sequence: PulseSequence = DYNAMIC) -> list[float]:
    """Noise-free signal of a tissue at times after the injection."""
    uptake = UPTAKE.get(tissue)
    return [signal(TISSUES[tissue], sequence, uptake.concentration(t) if uptake else 0.0) for t in times_s]


def bias_field(grid: Grid, strength: float = 0.22) -> Array:
    """(k, j, i) smooth gain of a coil, mean about 1, between 1 - strength and 1 + strength."""
    k, j, i = (np.linspace(-1, 1, n, dtype=np.float32) for n in grid.shape)
    field = 0.5 * k[:, None, None] + 0.35 * j[None, :, None] * i[None, None, :] - 0.4 * j[None, :, None] ** 2
    field = field + 0.25 * i[None, None, :] - 0.3 * k[:, None, None] ** 2 * i[None, None, :]
    return np.asarray(1 + strength * np.tanh(field), dtype=np.float32)


def rician(values: Array, sigma: float, rng: np.random.Generator) -> Array:
    """Magnitude of the values with complex Gaussian noise."""
    real = values + sigma * rng.standard_normal(values.shape, dtype=np.float32)
    imaginary = sigma * rng.standard_normal(values.shape, dtype=np.float32)
    return np.asarray(np.hypot(real, imaginary), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class MrScanner:
    """Gain, noise (of the full signal 1) and unevenness of the coil."""

    gain: float = 2000.0
    noise: float = 0.007
    bias: float = 0.22
    seed: int = 13


def simulate_mr(
    canvas: Canvas, sequence: PulseSequence, grid: Grid | None = None, scanner: MrScanner | None = None
) -> Volume:
    """Take one MR volume.

    Parameters
    ----------
    grid
        Voxels of the picture; thicker slices than the canvas's are averaged over their thickness.

    Returns
    -------
    Volume
        (k, j, i) uint16, arbitrary unit.
    """
    scanner = scanner or MrScanner()
    grid = grid or canvas.grid
    table = np.array([signal(p.tissue, sequence) for p in canvas.parts], np.float32)
    values = _on_grid(canvas.mix(table), canvas.grid, grid)
    return Volume(_stored(values, grid, scanner, scanner.seed), grid, modality="MR", label="MR")


def _on_grid(values: Array, source: Grid, target: Grid) -> Array:
    """Values at the voxels of `target`, averaged over the thickness of its slices."""
    from scipy.ndimage import gaussian_filter

    if target is source:
        return np.asarray(gaussian_filter(values, 0.35), dtype=np.float32)
    layers = max(1, round(target.spacing_mm[0] / min(source.spacing_mm)))
    total = np.zeros(target.shape, np.float32)
    for n in range(layers):
        affine = target.affine.copy()
        affine[:3, 3] += affine[:3, 0] * ((n + 0.5) / layers - 0.5)
        total += sample(values, source, replace(target, affine=affine))
    return total / np.float32(layers)


def _stored(values: Array, grid: Grid, scanner: MrScanner, seed: int) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    values = rician(values * bias_field(grid, scanner.bias), scanner.noise, rng)
    return np.asarray(np.clip(np.rint(values * scanner.gain), 0, 65535), dtype=np.uint16)


def simulate_dynamic(
    canvas: Canvas,
    times_s: Sequence[float],
    sequence: PulseSequence = DYNAMIC,
    scanner: MrScanner | None = None,
) -> Volume:
    """Take a volume at each time after an injection of contrast agent.

    Returns
    -------
    Volume
        (time, k, j, i) uint16 on the canvas's grid, with ``coordinates["time"]`` in seconds.
    """
    scanner = scanner or MrScanner(gain=8000, noise=0.004)
    frames = np.empty((len(times_s), *canvas.grid.shape), np.uint16)
    for n, time in enumerate(times_s):
        table = np.array([signal_curve(p.tissue.name, [time], sequence)[0] for p in canvas.parts], np.float32)
        frames[n] = _stored(canvas.mix(table), canvas.grid, scanner, scanner.seed + n)
    seconds = tuple(float(t) for t in times_s)
    return Volume(
        frames,
        canvas.grid,
        (TIME, "k", "j", "i"),
        modality="MR",
        label="MR dynamic",
        coordinates={TIME: seconds},
    )
