"""Synthetic images with known values for the fake server.

Every volume is a function of patient space, so that a test can compute the value that a click
must read. Arrays are (t, k, j, i[, channel]); affines map (k, j, i, 1) to LPS millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class Grid:
    """One grid of an image: values, affine (4x4 or None) and true slice origins (mm or None)."""

    data: np.ndarray
    affine: np.ndarray | None
    origins: list[list[float]] | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """One image of the fake server."""

    id: str
    label: str
    kind: str
    modality: str
    stored: Grid
    unit: str
    meaning: str
    windows: list[dict[str, object]]
    axes: list[str]
    regular: Grid | None = None
    presets: list[str] = field(default_factory=list)
    photometric: str = "MONOCHROME2"
    spacing: dict[str, object] | None = None
    frame_times_s: list[float] | None = None
    badge: dict[str, object] | None = None
    findings: list[dict[str, object]] = field(default_factory=list)
    broken: bool = False


def affine(k_step: list[float], j_step: list[float], i_step: list[float], origin: list[float]) -> np.ndarray:
    """Columns of a (k, j, i) -> LPS mm affine."""
    out = np.eye(4)
    out[:3, 0], out[:3, 1], out[:3, 2], out[:3, 3] = k_step, j_step, i_step, origin
    return out


def points(shape: tuple[int, int, int], to_lps: np.ndarray) -> np.ndarray:
    """LPS millimetres of every voxel centre, shape (3, k, j, i)."""
    index = np.indices(shape, dtype=np.float32)
    flat = to_lps[:3, :3] @ index.reshape(3, -1) + to_lps[:3, 3:]
    return flat.reshape(3, *shape).astype(np.float32)


def _ball(p: np.ndarray, center: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
    return sum(((p[a] - center[a]) / radii[a]) ** 2 for a in range(3)) <= 1


def head(p: np.ndarray) -> np.ndarray:
    """Return a CT-like head in HU: skull, brain with a gradient, ventricles, sinus, a bright vessel."""
    out = np.full(p.shape[1:], -1000.0, np.float32)
    out[_ball(p, (0, 0, 0), (78, 96, 92))] = 60
    out[_ball(p, (0, 0, 0), (72, 90, 86))] = 1100
    inner = _ball(p, (0, 0, 0), (66, 84, 80))
    out[inner] = np.round(30 + p[0][inner] / 10)  # right 24 HU ... left 36 HU
    out[_ball(p, (-14, 0, 12), (9, 30, 14))] = 5
    out[_ball(p, (14, 0, 12), (9, 30, 14))] = 5
    out[_ball(p, (0, -74, -38), (18, 12, 16))] = -900
    out[_ball(p, (24, -74, 0), (12, 6, 8)) | _ball(p, (-24, -74, 0), (12, 6, 8))] = -20
    vessel = (np.hypot(p[0] - 36, p[1] - 20) < 4) & (np.abs(p[2]) < 50)
    out[vessel] = 320
    jaw = (_ball(p, (0, -40, -92), (44, 44, 16))) & ~_ball(p, (0, -30, -92), (34, 40, 20))
    out[jaw] = 900
    return out


def _ct() -> Scan:
    tilt = np.deg2rad(12)
    shape = (60, 160, 160)
    j_step = [0.0, 1.4 * np.cos(tilt), 1.4 * np.sin(tilt)]
    stored = affine(
        [0, 0, 3.4], j_step, [1.4, 0, 0], [-111.3, -111.3 * np.cos(tilt), -100 - 111.3 * np.sin(tilt)]
    )
    data = head(points(shape, stored))
    regular_shape = (70, 160, 160)
    regular = affine([0, 0, 3.4], [0, 1.4, 0], [1.4, 0, 0], [-111.3, -111.3, -117.3])
    copy = head(points(regular_shape, regular))
    origins = [(stored @ [k, 0, 0, 1])[:3].tolist() for k in range(shape[0])]
    tilted = {
        "code": "gantry-tilt",
        "level": "warning",
        "where": "series 2",
        "text": "The slices are tilted by 12.0 degrees against the stacking direction.",
        "reference": "PS3.3 C.8.2.1",
        "help_url": "/help/findings#gantry-tilt",
        "explanation": "The slices are shifted against each other.",
    }
    return Scan(
        "ct-head",
        "Head CT, tilted gantry",
        "volume",
        "CT",
        Grid(data[None].astype(np.int16), stored, origins),
        "HU",
        "CT number",
        [{"name": "Brain", "center": 40, "width": 80}, {"name": "Bone", "center": 500, "width": 2000}],
        ["k", "j", "i"],
        Grid(copy[None].astype(np.int16), regular),
        ["ct-bone", "ct-soft", "mip"],
        badge={"text": "Gantry tilt 12.0°: planes and 3D show a regular copy", "codes": ["gantry-tilt"]},
        findings=[tilted],
        spacing={"row_mm": 1.4, "column_mm": 1.4, "source": "patient"},
    )


def oblique_affine() -> np.ndarray:
    """Return a rotated, left-handed grid (as many NIfTI files have)."""
    a, b = np.deg2rad(20), np.deg2rad(10)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    axes = turn @ nod @ np.diag([-1.0, -1.0, 1.0])  # i to the right, j to the front, k to the head
    shape = np.array([80, 96, 96])
    steps = np.stack([axes[:, 2] * 2.0, axes[:, 1] * 1.8, axes[:, 0] * -1.8], axis=1)
    out = np.eye(4)
    out[:3, :3] = steps
    out[:3, 3] = -steps @ ((shape - 1) / 2)
    return out


def brain(p: np.ndarray) -> np.ndarray:
    """Return a T1-like brain, 0..1000."""
    out = np.zeros(p.shape[1:], np.float32)
    out[_ball(p, (0, 0, 0), (72, 86, 76))] = 420
    out[_ball(p, (0, 0, 0), (68, 82, 72))] = 40
    out[_ball(p, (0, 0, 0), (64, 78, 68))] = 520
    out[_ball(p, (0, 0, 0), (54, 66, 56))] = 760
    out[_ball(p, (-16, 0, 8), (8, 28, 12)) | _ball(p, (16, 0, 8), (8, 28, 12))] = 120
    out[_ball(p, (40, -40, 20), (8, 8, 8))] = 1000  # a mark: left, anterior, superior
    return out


def _mr() -> Scan:
    grid = oblique_affine()
    data = brain(points((80, 96, 96), grid))
    return Scan(
        "mr-t1",
        "T1, oblique",
        "volume",
        "MR",
        Grid(data[None].astype(np.uint16), grid),
        "1",
        "signal",
        [{"name": "Default", "center": 450, "width": 900}],
        ["k", "j", "i"],
        presets=["mr-brain", "mip"],
        spacing={"row_mm": 1.8, "column_mm": 1.8, "source": "patient"},
    )


def _pet() -> Scan:
    grid = affine([0, 0, 4], [0, 4, 0], [4, 0, 0], [-126, -126, -126])
    p = points((64, 64, 64), grid)
    data = np.where(_ball(p, (0, 0, 0), (100, 80, 110)), 1.25, 0.02).astype(np.float32)
    data[_ball(p, (30, 10, 20), (14, 14, 14))] = 8.5
    data[_ball(p, (-50, 0, -40), (12, 12, 12))] = 6.25
    return Scan(
        "pet-fdg",
        "FDG, attenuation corrected",
        "volume",
        "PT",
        Grid(data[None], grid),
        "SUVbw",
        "standardized uptake value",
        [{"name": "SUV 0-10", "center": 5, "width": 10}],
        ["k", "j", "i"],
        presets=["pet-mip", "mip"],
        photometric="MONOCHROME2",
        spacing={"row_mm": 4, "column_mm": 4, "source": "patient"},
    )


def _perfusion() -> Scan:
    grid = affine([0, 0, 5], [0, 3, 0], [3, 0, 0], [-94.5, -94.5, -37.5])
    p = points((16, 64, 64), grid)
    frames = []
    for t in range(10):
        f = np.where(_ball(p, (0, 0, 0), (80, 88, 60)), 300, 0).astype(np.int16)
        f[_ball(p, (30, 0, 0), (20, 20, 30))] = 300 + 50 * t
        frames.append(f)
    return Scan(
        "mr-4d",
        "Perfusion, 10 time points",
        "volume",
        "MR",
        Grid(np.stack(frames), grid),
        "1",
        "signal",
        [{"name": "Default", "center": 400, "width": 900}],
        ["time", "k", "j", "i"],
        presets=["mr-brain", "mip"],
        frame_times_s=[1.5 * t for t in range(10)],
        spacing={"row_mm": 3, "column_mm": 3, "source": "patient"},
    )


def _ultrasound() -> Scan:
    t, h, w = 24, 240, 320
    rng = np.random.default_rng(1)
    speckle = rng.rayleigh(40, (h, w))
    y, x = np.mgrid[0:h, 0:w]
    fan = (
        (np.hypot(x - 160, y + 20) < 250)
        & (np.abs(np.arctan2(x - 160, y + 20)) < 0.6)
        & (np.hypot(x - 160, y + 20) > 40)
    )
    frames = np.zeros((t, 1, h, w, 3), np.uint8)
    for n in range(t):
        radius = 34 + 10 * np.sin(2 * np.pi * n / t)
        gray = np.where(fan, speckle, 0)
        gray[np.hypot(x - 160, y - 120) < radius] *= 0.15
        frames[n, 0] = np.clip(gray, 0, 255)[..., None]
        flow = np.hypot(x - 160, y - 120) < radius * 0.6
        frames[n, 0][flow] = (200, 40 + 5 * n, 20)
    return Scan(
        "us-cine",
        "Heart, color flow",
        "cine",
        "US",
        Grid(frames, None),
        "1",
        "color",
        [{"name": "Full", "center": 127.5, "width": 255}],
        ["time", "j", "i", "channel"],
        photometric="RGB",
        frame_times_s=[n / 25 for n in range(t)],
        spacing={"row_mm": 0.5, "column_mm": 0.5, "source": "ultrasound-region"},
    )


def _xray(id_: str, label: str, spacing: dict[str, object] | None) -> Scan:
    h, w = 480, 400
    y, x = np.mgrid[0:h, 0:w]
    hand = np.full((h, w), 3600, np.float32)
    hand -= 1500 * (((x - 200) / 120) ** 2 + ((y - 330) / 110) ** 2 < 1)
    for n, cx in enumerate((100, 150, 200, 250, 300)):
        length = (150, 60, 40, 60, 130)[n]
        hand -= 1300 * ((np.abs(x - cx) < 20) & (y > length) & (y < 300))
        hand -= 900 * ((np.abs(x - cx) < 9) & (y > length + 12) & (y < 330))
    data = np.clip(hand, 0, 4095).astype(np.uint16)[None, None]
    return Scan(
        id_,
        label,
        "picture",
        "DX",
        Grid(data, None),
        "1",
        "stored value",
        [{"name": "Default", "center": 2000, "width": 4000}],
        ["j", "i"],
        photometric="MONOCHROME1",
        spacing=spacing,
    )


def _localizer() -> Scan:
    data = np.stack([np.full((64, 64), 100 * (n + 1), np.int16) for n in range(3)])[None]
    return Scan(
        "ct-loc",
        "Localizer, mixed planes",
        "stack",
        "CT",
        Grid(data, None),
        "HU",
        "CT number",
        [{"name": "Default", "center": 200, "width": 400}],
        ["k", "j", "i"],
        spacing={"row_mm": 1, "column_mm": 1, "source": "patient"},
    )


def _broken() -> Scan:
    data = np.zeros((1, 8, 32, 32), np.int16)
    return Scan(
        "ct-broken",
        "Truncated pixel data",
        "volume",
        "CT",
        Grid(data, affine([0, 0, 2], [0, 1, 0], [1, 0, 0], [0, 0, 0])),
        "HU",
        "CT number",
        [{"name": "Default", "center": 40, "width": 400}],
        ["k", "j", "i"],
        broken=True,
        findings=[
            {
                "code": "truncated-pixel-data",
                "level": "error",
                "where": "series 9",
                "reference": None,
                "text": "The pixel data end after 1024 of 16384 bytes.",
                "explanation": "The rest is lost.",
                "help_url": "/help/findings#truncated-pixel-data",
            }
        ],
    )


def scans() -> list[Scan]:
    """All images of the fake server, in the order of the list."""
    return [
        _ct(),
        _localizer(),
        _mr(),
        _perfusion(),
        _pet(),
        _ultrasound(),
        _xray("dx-hand", "Hand", {"row_mm": 0.2, "column_mm": 0.2, "source": "detector"}),
        _xray("dx-uncalibrated", "Hand, no spacing", None),
        _broken(),
    ]
