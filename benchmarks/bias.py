"""N4 on a T1 template with three known fields, beside SimpleITK, both on every fourth voxel.

The template is nilearn's MNI152 at 1 mm. The error is the standard deviation over the brain of log(found) -
log(true), the part that no gain explains; both fit inside the same mask.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from benchmarks.harness import Case, Figure
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.volume import Volume
from medvox.processing.bias_field import bias_field

SHRINK = 4
SHAPE = (181, 217, 181)
GOAL, MOST_ERROR = 50.0, 1.02


@cache
def template() -> np.ndarray:
    """(k, j, i) 181 x 217 x 181 values of the template, air around the head left out."""
    from nilearn.datasets import load_mni152_template

    values = np.asarray(load_mni152_template(resolution=1).dataobj, np.float32).T
    cut = tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(values.shape, SHAPE, strict=True))
    rng = np.random.default_rng(8)
    found = values[cut] / values.max() * 1000
    return np.maximum(found + (found > 0) * rng.normal(0, 15, found.shape), 0).astype(np.float32)


def log_fields(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return three smooth logarithms of gain, by name."""
    k, j, i = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij", sparse=True)
    return {
        "coil at one side": (0.9 * np.exp(-((k - 0.6) ** 2 + (j + 0.8) ** 2 + (i - 0.3) ** 2) / 1.2)),
        "three coils": 0.6 * sum(
            np.exp(-((k - a) ** 2 + (j - b) ** 2 + (i - c) ** 2) / 0.5)
            for a, b, c in ((0, -1, 0), (0.3, 0.6, 0.9), (-0.2, 0.6, -0.9))
        ),
        "standing wave": 0.5 * np.cos(math.pi * k / 1.3) * np.cos(math.pi * j / 1.5) + 0.2 * i,
    }  # fmt: skip


def case(name: str, log_field: np.ndarray) -> Case:
    """Return one field to be found."""
    import SimpleITK

    true = template()
    inside = true > 150
    seen = (true * np.exp(log_field)).astype(np.float32)
    grid = Grid(seen.shape, np.eye(4))
    volume = Volume(seen, grid)
    mask = LabelMap(inside[None].astype(np.uint8), grid, (Segment(1, "head"),))

    def ours() -> np.ndarray:
        return bias_field(volume, mask, shrink=SHRINK).field.data

    def simple_itk() -> np.ndarray:
        image = SimpleITK.GetImageFromArray(seen)
        where = SimpleITK.GetImageFromArray(inside.astype(np.uint8))
        fit = SimpleITK.N4BiasFieldCorrectionImageFilter()
        fit.Execute(SimpleITK.Shrink(image, [SHRINK] * 3), SimpleITK.Shrink(where, [SHRINK] * 3))
        return np.exp(SimpleITK.GetArrayFromImage(fit.GetLogBiasFieldAsImage(image)))

    def error(field: np.ndarray) -> float:
        return float((np.log(field) - log_field)[inside].std())

    def check(results: dict[str, Any]) -> None:
        assert error(results["ours"]) < 0.75 * log_field[inside].std(), "the field was not found"

    def figures(results: dict[str, Any]) -> list[Figure]:
        errors = {who: error(field) for who, field in results.items()}
        text = f"error of the log field (of the field itself {log_field[inside].std():.4f})"
        return [Figure(text, errors["ours"], "SimpleITK", errors["SimpleITK"], MOST_ERROR, unit="")]

    return Case(f"bias {name}", ours, {"SimpleITK": simple_itk}, {"SimpleITK": GOAL}, check, figures)


def cases() -> list[Case]:
    """One case a field."""
    return [case(name, log_field) for name, log_field in log_fields(template().shape).items()]
