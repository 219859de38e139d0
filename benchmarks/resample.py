"""Resampling: onto a finer aligned grid, and rotated; beside scipy and SimpleITK."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.harness import Case, Results
from medvox.core import affine as aff
from medvox.core.grid import Grid
from medvox.core.transform import AffineTransform
from medvox.core.volume import Volume
from medvox.processing.resample import resample

LPS = np.eye(3)[:, ::-1]
SHAPE = (96, 192, 192)
TURN = AffineTransform.rotation((0.2, 0.3, 1.0), 12.0, (90.0, 90.0, 90.0))


def _volume() -> Volume:
    random = np.random.default_rng(0)
    values = random.normal(0, 300, SHAPE).astype(np.float32)
    return Volume(values, Grid(SHAPE, aff.compose((2.0, 1.0, 1.0), LPS, (0, 0, 0))))


def _target() -> Grid:
    return Grid((152, 150, 150), aff.compose((1.2, 1.2, 1.2), LPS, (4.1, 5.2, 3.3)))


def _ours(volume: Volume, target: Grid, order: str, turn: AffineTransform | None) -> np.ndarray:
    return np.asarray(resample(volume, target, order, turn, outside=0.0).data)


def _scipy(volume: Volume, target: Grid, order: int, turn: AffineTransform | None) -> np.ndarray:
    from scipy.ndimage import affine_transform

    moved = target.affine if turn is None else turn.matrix @ target.affine
    matrix = np.linalg.inv(volume.grid.affine) @ moved
    return affine_transform(volume.data, matrix, output_shape=target.shape, order=order, mode="mirror")


def _simpleitk(volume: Volume, target: Grid, kind: str, turn: AffineTransform | None) -> np.ndarray:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(volume.data)
    image.SetSpacing(volume.grid.spacing_mm[::-1])
    made = SimpleITK.AffineTransform(3)
    if turn is not None:
        made.SetMatrix(turn.matrix[:3, :3].ravel().tolist())
        made.SetTranslation(turn.matrix[:3, 3].tolist())
    moved = SimpleITK.Resample(
        image,
        target.shape[::-1],
        made,
        getattr(SimpleITK, kind),
        target.origin_mm.tolist(),
        target.spacing_mm[::-1],
        np.eye(3).ravel().tolist(),
        0.0,
    )
    return SimpleITK.GetArrayFromImage(moved)


def _equal(results: Results, inner: np.ndarray) -> None:
    for name, values in results.items():
        difference = np.abs(values[inner] - results["ours"][inner]).max()
        assert difference < 0.5, f"{name} differs by {difference:.3g} of 300"


def cases() -> list[Case]:
    """Linear and cubic, aligned and turned by 12°."""
    volume, target = _volume(), _target()
    found = []
    for turn, words in ((None, "aligned"), (TURN, "turned 12°")):
        points = target.to_patient(np.moveaxis(np.indices(target.shape, dtype=float), 0, -1))
        index = volume.grid.to_voxel(points if turn is None else turn.apply(points))
        inner = ((index > 0.01) & (index < np.array(SHAPE) - 1.01)).all(axis=-1)
        for order, number, kind, goals in (
            ("linear", 1, "sitkLinear", {"scipy": 2.0, "SimpleITK": 1.5}),
            ("cubic", 3, "sitkBSpline3", {"scipy": 2.0, "SimpleITK": 1.5}),
        ):
            found.append(
                Case(
                    f"resample {order}, {words}",
                    partial(_ours, volume, target, order, turn),
                    {
                        "scipy": partial(_scipy, volume, target, number, turn),
                        "SimpleITK": partial(_simpleitk, volume, target, kind, turn),
                    },
                    goals,
                    partial(_equal, inner=inner),
                    by="cpu",
                )
            )
    return found
