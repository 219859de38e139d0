"""A folder of DICOM files to .nii.gz: everything in one process, from the scan to the sidecars.

The folders: the real scans of dcm_qa_nih (where the test data are there) together with a simulated CT of
300 slices of 512 x 512, and the CT alone. Peers:

- dcm2niix: its pip package, `-z y` as it is usually called (pigz where that is installed, else its own
  zlib, level 6), with its sidecars;
- dicom2nifti: `convert_directory` with reorientation, which is what it does by itself;
- SimpleITK: every series that GDCM finds, written with compression.

What each wrote is compared: voxels of the CT at their places in space, values in HU.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from benchmarks.harness import Case, Figure
from medvox.workflows.convert import convert

SLICES, SIZE = 300, 512
SPACING_MM = (1.25, 0.78125, 0.78125)
BOX_MM = ((-200.0, 200.0), (-200.0, 200.0), (100.0, 475.0))
MOST_SIZE = 1.02
GOALS = {"dcm2niix": 1.5, "dicom2nifti": 5.0}


def simulated_ct() -> Path:
    """Folder of a simulated CT, 300 slices; kept in the temporary folder, since making it takes a minute."""
    from medvox.dicom.writing.series import write_series
    from medvox.simulation.anatomy import paint_patient
    from medvox.simulation.ct import simulate_ct
    from medvox.workflows.demo.series import axial_grid, ct_facts

    folder = Path(tempfile.gettempdir()) / "medvox-bench-ct-300"
    if not folder.is_dir():
        ct = simulate_ct(paint_patient(axial_grid(SPACING_MM, BOX_MM)))
        assert ct.shape == (SLICES, SIZE, SIZE)
        made = Path(tempfile.mkdtemp(dir=folder.parent))
        write_series(ct, made / "ct", ct_facts())
        (made / "ct").rename(folder)
        made.rmdir()
    return folder


def ours(source: Path, target: Path) -> Path:
    report = convert(source, target)
    assert not report.skipped
    return target


def by_dcm2niix(source: Path, target: Path) -> Path:
    import dcm2niix

    target.mkdir()
    command = [dcm2niix.bin, "-z", "y", "-f", "%s_%d", "-o", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return target


def by_dicom2nifti(source: Path, target: Path) -> Path:
    import dicom2nifti

    logging.disable(logging.CRITICAL)
    target.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dicom2nifti.convert_directory(str(source), str(target), compression=True, reorient=True)
    logging.disable(logging.NOTSET)
    return target


def by_simple_itk(source: Path, target: Path) -> Path:
    import SimpleITK as sitk  # noqa: N813

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    target.mkdir()
    reader = sitk.ImageSeriesReader()
    folders = sorted({path.parent for path in source.rglob("*") if path.is_file()})
    for number, folder in enumerate(folders):
        for uid in reader.GetGDCMSeriesIDs(str(folder)):
            reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), uid))
            sitk.WriteImage(reader.Execute(), str(target / f"{number}_{uid[-12:]}.nii.gz"), True)
    return target


def the_ct(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Values and affine of the CT, turned to the nearest to RAS."""
    for path in folder.glob("*.nii.gz"):
        image = nib.load(path)
        if image.shape == (SIZE, SIZE, SLICES):
            turned = nib.as_closest_canonical(image)
            return np.asanyarray(turned.dataobj), turned.affine
    raise AssertionError(f"no CT in {folder.name}")


def check(results: Mapping[str, Path]) -> None:
    """Compare the CTs with ours: the same value at the same place."""
    values, affine = the_ct(results["ours"])
    for name, folder in results.items():
        array, matrix = the_ct(folder)
        np.testing.assert_allclose(matrix, affine, atol=1e-3, err_msg=name)
        assert np.array_equal(array, values), f"{name}: other values"


def sizes(results: Mapping[str, Path]) -> list[Figure]:
    """Bytes of all .nii.gz files."""
    total = {name: sum(p.stat().st_size for p in f.glob("*.nii.gz")) for name, f in results.items()}
    return [Figure("size of the files", total["ours"], "dcm2niix", total["dcm2niix"], MOST_SIZE)]


def case(name: str, source: Path, root: Path) -> Case:
    """Convert a whole folder, each contender into a new one."""
    targets: dict[str, Path] = {}

    def into(who: str, work: Callable[[Path, Path], Path]) -> Callable[[], Any]:
        targets[who] = root / who.split(maxsplit=1)[0]
        return partial(work, source, targets[who])

    def before() -> None:
        if before.measured:  # type: ignore[attr-defined]
            for target in targets.values():
                shutil.rmtree(target, ignore_errors=True)

    def checked(results: Mapping[str, Path]) -> None:
        check(results)
        before.measured = True  # type: ignore[attr-defined]

    before.measured = False  # type: ignore[attr-defined]
    peers = {"dcm2niix": by_dcm2niix, "dicom2nifti": by_dicom2nifti, "SimpleITK": by_simple_itk}
    return Case(
        name=f"convert {name}",
        ours=into("ours", ours),
        peers={who: into(who, work) for who, work in peers.items()},
        goals=GOALS,
        check=checked,
        figures=sizes,
        before=before,
    )


def cases() -> list[Case]:
    """The real scans and the CT together."""
    root = Path(tempfile.mkdtemp(prefix="medvox-bench-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    source = root / "scans"
    shutil.copytree(simulated_ct(), source / "ct")
    data = Path(os.environ.get("MEDVOX_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    real = data / "dcm_qa_nih" / "In"
    if not real.is_dir():
        return [case("CT 300 x 512 x 512", source, root)]
    shutil.copytree(real, source / "nih")
    return [case("dcm_qa_nih + CT 300 x 512 x 512", source, root)]
