"""Loading and saving .nii.gz beside nibabel and SimpleITK.

The volumes: an MR-like head (smooth structure, Rician noise, air around) as int16, a short time series
of the same, and a real head where the test data are there. All contenders load the same file, which
nibabel wrote; all save the same values, at the level each one takes by itself.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

from benchmarks.harness import Case, Figure
from medvox.core import affine as aff
from medvox.core.axes import lps_from_ras, ras_from_lps
from medvox.core.grid import Grid
from medvox.core.volume import Volume
from medvox.formats.nifti import NiftiFormat

GOALS_LOAD = {"nibabel": 2.5, "SimpleITK": 1.0}
GOALS_SAVE = {"nibabel": 3.0, "SimpleITK": 1.0}
MOST_SIZE = 1.02
FOLDER = Path(tempfile.gettempdir()) / "medvox-bench-nifti"


def head(shape: tuple[int, int, int]) -> np.ndarray:
    """MR-like int16 values: an ellipsoid of smooth intensity in air, with Rician noise."""
    rng = np.random.default_rng(20)
    k, j, i = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in shape)]
    inside = (k / 0.9) ** 2 + (j / 0.88) ** 2 + (i / 0.74) ** 2 < 1
    signal = inside * (600 + 200 * np.sin(7 * i) * np.cos(5 * j) + 100 * np.sin(8 * k))
    noise = rng.normal(0, 12, (2, *shape))
    return np.hypot(signal + noise[0], noise[1]).astype(np.int16)


def volumes() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Values (..., k, j, i) and RAS affine, by name."""
    affine = np.diag([-0.9, -0.9, 1.0, 1.0])
    one = head((180, 256, 256))
    rng = np.random.default_rng(21)
    small = head((30, 96, 96))
    series = np.stack([np.maximum(small + rng.integers(-9, 10, small.shape), 0) for _ in range(20)])
    found = {"int16 180x256x256": (one, affine), "int16 20x30x96x96": (series.astype(np.int16), affine)}
    root = Path(os.environ.get("MEDVOX_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    real = root / "niivue_images" / "chris_t1.nii.gz"
    if real.exists():
        image = nib.load(real)
        found["real T1 uint8 190x256x188"] = (np.asanyarray(image.dataobj).T.copy(), image.affine)
    return found


def cases() -> list[Case]:
    """One case of loading and one of saving for each volume."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    pairs = [(loading(name, *v), saving(name, *v)) for name, v in volumes().items()]
    return [case for pair in pairs for case in pair]


def loading(name: str, values: np.ndarray, affine: np.ndarray) -> Case:
    """Load one file to an array and its affine."""
    path = FOLDER / f"{name.replace(' ', '_')}.nii.gz"
    nib.save(nib.Nifti1Image(values.T, affine), path)

    def ours() -> tuple[np.ndarray, np.ndarray]:
        volume = NiftiFormat().images(path)[0].open().load()
        return volume.data, ras_from_lps(volume.grid.affine)

    def nibabel() -> tuple[np.ndarray, np.ndarray]:
        image = nib.load(path)
        return np.asanyarray(image.dataobj).T, image.affine

    def simple_itk() -> tuple[np.ndarray, np.ndarray]:
        import SimpleITK

        image = SimpleITK.ReadImage(str(path))
        return SimpleITK.GetArrayViewFromImage(image).copy(), affine

    def check(results: dict) -> None:
        for who, (array, matrix) in results.items():
            np.testing.assert_array_equal(array, values, err_msg=who)
            np.testing.assert_allclose(matrix, affine, atol=1e-4, err_msg=who)

    peers = {"nibabel": nibabel, "SimpleITK": simple_itk}
    return Case(f"nifti load {name}", ours, peers, GOALS_LOAD, check, repeats=7)


def saving(name: str, values: np.ndarray, affine: np.ndarray) -> Case:
    """Save an array and its affine to one file."""
    matrix = lps_from_ras(affine)
    axes = ("time", "k", "j", "i")[4 - values.ndim :]
    volume = Volume(values, Grid(values.shape[-3:], matrix), axes)

    def ours() -> Path:
        NiftiFormat().write(volume, FOLDER / "ours.nii.gz")
        return FOLDER / "ours.nii.gz"

    def nibabel() -> Path:
        nib.save(nib.Nifti1Image(values.T, affine), FOLDER / "nibabel.nii.gz")
        return FOLDER / "nibabel.nii.gz"

    def check(results: dict) -> None:
        for who, path in results.items():
            image = nib.load(path)
            np.testing.assert_array_equal(np.asanyarray(image.dataobj).T, values, err_msg=who)
            if who != "SimpleITK":
                np.testing.assert_allclose(image.affine, affine, atol=1e-4, err_msg=who)

    def figures(results: dict) -> list[Figure]:
        ours, theirs = (results[who].stat().st_size for who in ("ours", "nibabel"))
        return [Figure("file size", ours, "nibabel", theirs, MOST_SIZE)]

    peers = {"nibabel": nibabel, "SimpleITK": _simple_itk_writer(values, matrix)}
    return Case(f"nifti save {name}", ours, peers, GOALS_SAVE, check, figures, repeats=7)


def _simple_itk_writer(values: np.ndarray, matrix: np.ndarray) -> Callable[[], Path]:
    path = FOLDER / "sitk.nii.gz"

    def write() -> Path:
        import SimpleITK

        image = SimpleITK.GetImageFromArray(values, isVector=False)
        image.SetSpacing([*aff.spacing(matrix)[::-1], 1.0][: values.ndim])
        SimpleITK.WriteImage(image, str(path), useCompression=True)
        return path

    return write
