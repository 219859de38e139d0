"""Simulated ultrasound: a fan of B-mode with speckle and shadows, and a colour flow patch, as RGB cine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.affine import apply, invert
from medvox.core.axes import CHANNEL, TIME
from medvox.core.grid import Grid, Space
from medvox.core.volume import Volume
from medvox.simulation.phantom.canvas import Canvas

Array = NDArray[np.float64]

ECHO = {
    "liver": 0.40, "kidney cortex": 0.30, "kidney medulla": 0.18, "fat": 0.55, "muscle": 0.33,
    "skin": 0.8, "blood": 0.03, "venous blood": 0.03, "right heart blood": 0.03, "urine": 0.01,
    "bile": 0.01, "cortical bone": 1.3, "spongy bone": 0.6, "air": 1.2, "lung": 1.2, "bowel wall": 0.5,
    "bowel content": 0.5, "liver tumor": 0.22, "spleen": 0.38, "pancreas": 0.5, "cartilage": 0.6,
    "stomach content": 0.3, "gland": 0.35,
}  # fmt: skip
"""Brightness of tissues in B-mode, 0..1; others 0.4."""
LOSS = {"cortical bone": 0.5, "spongy bone": 0.25, "air": 0.4, "lung": 0.5}
"""Extra loss a millimetre of tissues that throw a shadow."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A curved probe on the skin.

    Parameters
    ----------
    position_mm
        LPS middle of the face.
    depth_axis, lateral_axis
        Directions into the body and along the face.
    radius_mm, half_angle_deg, depth_mm
        Curvature, opening and depth of the fan.
    frames, frame_ms, rock_deg
        Of the cine: the fan rocks about its lateral axis.
    rows, columns
        Size of the picture.
    """

    position_mm: tuple[float, float, float] = (-68.0, -104.0, 206.0)
    depth_axis: tuple[float, float, float] = (0.0, 0.95, 0.3)
    lateral_axis: tuple[float, float, float] = (0.0, 0.3, -0.95)
    radius_mm: float = 45.0
    half_angle_deg: float = 34.0
    depth_mm: float = 165.0
    frames: int = 36
    frame_ms: float = 50.0
    rock_deg: float = 11.0
    rows: int = 420
    columns: int = 560
    seed: int = 15

    @property
    def pixel_mm(self) -> float:
        """Size of a pixel: the fan fills the height but for a margin."""
        return float(self.depth_mm + self.radius_mm * (1 - np.cos(np.radians(self.half_angle_deg)))) / (
            self.rows - 40
        )

    @property
    def color_box(self) -> tuple[float, float, float, float]:
        """Colour flow gate: first and last depth in mm, first and last angle in degrees."""
        return 42.0, 128.0, -24.0, 12.0


def _fan(probe: Probe) -> tuple[Array, Array]:
    """Depth below the face (mm) and angle (degrees) of every pixel."""
    step = probe.pixel_mm
    x = (np.arange(probe.columns) - (probe.columns - 1) / 2) * step
    z = (np.arange(probe.rows) - 20) * step + probe.radius_mm * np.cos(np.radians(probe.half_angle_deg))
    across, down = np.meshgrid(x, z)
    return np.hypot(across, down) - probe.radius_mm, np.degrees(np.arctan2(across, down))


def _plane(probe: Probe, frame: int) -> tuple[Array, Array, Array]:
    """Depth, lateral and elevation axes of one frame."""
    depth = np.array(probe.depth_axis) / np.linalg.norm(probe.depth_axis)
    lateral = np.array(probe.lateral_axis) / np.linalg.norm(probe.lateral_axis)
    across = np.cross(depth, lateral)
    turn = np.radians(probe.rock_deg) * np.sin(2 * np.pi * frame / probe.frames)
    return np.cos(turn) * depth + np.sin(turn) * across, lateral, across


def simulate_ultrasound(canvas: Canvas, probe: Probe | None = None) -> Volume:
    """Take a colour cine.

    Returns
    -------
    Volume
        (time, channel, 1, j, i) uint8 RGB; `Space.REGION`, time in seconds.
    """
    probe = probe or Probe()
    depth, angle = _fan(probe)
    inside = (depth >= 0) & (depth <= probe.depth_mm) & (np.abs(angle) <= probe.half_angle_deg)
    labels = canvas.main()
    frames = np.zeros((probe.frames, 3, 1, probe.rows, probe.columns), np.uint8)
    rng = np.random.default_rng(probe.seed)
    polar = np.meshgrid(
        np.linspace(0, probe.depth_mm, 640), np.linspace(-1, 1, 200) * probe.half_angle_deg, indexing="ij"
    )
    at = np.array([depth / probe.depth_mm * 639, (angle / probe.half_angle_deg + 1) / 2 * 199])
    speckle = _speckle(rng)
    for n in range(probe.frames):
        parts = _slice(labels, canvas.grid, probe, n, polar[0], polar[1])
        grey = _resample(_b_mode(canvas, parts, speckle, rng), at) * inside
        picture = np.repeat((np.clip(grey, 0, 1) * 255)[None], 3, axis=0)
        _color_flow(picture, canvas, _resample(_flow(canvas, parts), at) * inside, probe, n)
        _gate(picture, depth, angle, probe)
        frames[n, :, 0] = np.rint(picture)
    seconds = tuple(n * probe.frame_ms / 1000 for n in range(probe.frames))
    matrix = np.eye(4)[:, [2, 1, 0, 3]] * np.array([probe.pixel_mm] * 3 + [1])
    grid = Grid((1, probe.rows, probe.columns), matrix, space=Space.REGION)
    return Volume(
        frames,
        grid,
        (TIME, CHANNEL, "k", "j", "i"),
        modality="US",
        label="ultrasound",
        coordinates={TIME: seconds},
    )


def _slice(
    labels: NDArray[np.uint8], grid: Grid, probe: Probe, frame: int, depth: Array, angle: Array
) -> NDArray[np.uint8]:
    """Part numbers on the polar fan of one frame."""
    down, lateral, _ = _plane(probe, frame)
    center = np.array(probe.position_mm) - down * probe.radius_mm
    reach = (depth + probe.radius_mm)[..., None]
    turn = np.radians(angle)[..., None]
    points = center + reach * (np.cos(turn) * down + np.sin(turn) * lateral)
    index = np.rint(apply(invert(grid.affine), points)).astype(int)
    last = np.array(grid.shape) - 1
    ok = ((index >= 0) & (index <= last)).all(axis=-1)
    index = np.clip(index, 0, last)
    return np.where(ok, labels[index[..., 0], index[..., 1], index[..., 2]], 0).astype(np.uint8)


def _speckle(rng: np.random.Generator) -> Array:
    """Rayleigh speckle on the polar fan: fine in depth, broad across."""
    from scipy.ndimage import gaussian_filter

    field = rng.standard_normal((2, 640, 200))
    smooth = np.hypot(*[gaussian_filter(part, (1.3, 0.75)) for part in field])
    return np.asarray(smooth / smooth.mean())


def _b_mode(canvas: Canvas, parts: NDArray[np.uint8], speckle: Array, rng: np.random.Generator) -> Array:
    """Log-compressed brightness 0..1 on the polar fan."""
    from scipy.ndimage import gaussian_filter

    names = [p.tissue.name for p in canvas.parts]
    echo = np.array([ECHO.get(name, 0.4) for name in names])[parts]
    loss = np.array([LOSS.get(name, 0.0) for name in names])[parts]
    loss[:40] = 0
    echo[:40] = np.maximum(echo[:40], 0.45) * (parts[:40] >= 0)
    edge = np.abs(np.diff(gaussian_filter(echo, 1.2), axis=0, prepend=0))
    through = np.exp(-np.cumsum(loss, axis=0) * 0.26)
    grain = 0.75 * speckle + 0.25 * np.roll(speckle, int(rng.integers(0, 200)), axis=1)
    amplitude = (echo * grain + 1.6 * edge) * through
    amplitude = gaussian_filter(amplitude, (0.8, 0.5)) + 0.004 * rng.random(parts.shape)
    return np.asarray(1 + np.log10(np.maximum(amplitude, 1e-4)) / 1.9) * 0.68


def _resample(polar: Array, at: Array) -> Array:
    from scipy.ndimage import map_coordinates

    return np.asarray(map_coordinates(polar, at, order=1, mode="nearest"))


def _flow(canvas: Canvas, parts: NDArray[np.uint8]) -> Array:
    """Signed flow, -1..1: veins away from the probe, arteries and portal vein towards it."""
    from scipy.ndimage import gaussian_filter

    value = [
        {
            "hepatic vein": -0.7,
            "vena cava": -0.9,
            "portal vein": 0.7,
            "artery": 0.9,
            "aorta": 1.0,
            "vein": -0.6,
        }.get(p.structure, 0.0)
        for p in canvas.parts
    ]
    return gaussian_filter(np.array(value)[parts], (2.0, 0.8))


def _color_flow(picture: Array, canvas: Canvas, flow: Array, probe: Probe, frame: int) -> None:
    """Lay flow over the picture inside the gate: red towards the probe, blue away."""
    depth, angle = _fan(probe)
    near, far, left, right = probe.color_box
    beat = 0.65 + 0.35 * np.cos(2 * np.pi * frame * 4 / probe.frames)
    speed = flow * beat
    gate = (depth > near) & (depth < far) & (angle > left) & (angle < right) & (np.abs(speed) > 0.1)
    strength = np.clip(np.abs(speed), 0, 1)[gate] * 255
    red = (speed > 0)[gate]
    picture[0][gate] = np.where(red, 90 + 0.65 * strength, 0.15 * strength)
    picture[1][gate] = np.where(red, 0.45 * strength, 0.4 * strength)
    picture[2][gate] = np.where(red, 0, 90 + 0.65 * strength)


def _gate(picture: Array, depth: Array, angle: Array, probe: Probe) -> None:
    """Outline of the colour gate."""
    near, far, left, right = probe.color_box
    within = (depth > near - 0.5) & (depth < far + 0.5) & (angle > left - 0.3) & (angle < right + 0.3)
    core = (depth > near) & (depth < far) & (angle > left) & (angle < right)
    line: NDArray[Any] = within & ~core
    picture[:, line] = np.array([220.0, 220, 120])[:, None]
