"""A CT volume in memory -> DICOM, warm cache, no fsync by anybody.

Classic: 300 slices of 512 x 512 to one file a slice. Peers:

- SimpleITK: `ImageFileWriter` for every slice, headers by `SetMetaData`, as its documentation shows;
- highdicom: `LegacyConvertedEnhancedCTImage` from 300 classic data sets in memory to one file;
- pydicom: one data set filled and saved for every slice.

Ours is measured against all of them as a classic series, against highdicom as an enhanced image too.
Every file is read again, and compared with the volume; the first classic one is shown to dciodvfy.
"""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from benchmarks.harness import Case
from benchmarks.load_series import SPACING_MM, phantom
from medvox.core.grid import Grid
from medvox.core.rescale import Rescale
from medvox.core.volume import Volume
from medvox.dicom.writing import DicomWriteOptions, write_series

SLICES = 300
INTERCEPT = -1024
ORIGIN_MM = (-179.2, -179.2, 0.0)


@cache
def volume() -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = np.diag(SPACING_MM[::-1])[:, ::-1]
    affine[:3, 3] = ORIGIN_MM
    values = phantom(SLICES)
    grid = Grid(values.shape, affine, "1.2.826.0.1.3680043.8.498.1")
    return Volume(values, grid, rescale=Rescale.of(1, INTERCEPT), unit="HU", modality="CT", label="CT chest")


@cache
def root() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="medvox-bench-write-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def fresh(name: str) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=root()))


class Clearing:
    """Removes what the runs wrote, once the first ones have been checked."""

    def __init__(self) -> None:
        self.checked = False

    def before(self) -> None:
        if self.checked:
            for folder in root().iterdir():
                shutil.rmtree(folder)

    def check(self, results: Any) -> None:
        check(results)
        self.checked = True


def ours() -> Path:
    folder = fresh("ours")
    write_series(volume(), folder)
    return folder


def ours_enhanced() -> Path:
    folder = fresh("ours")
    write_series(volume(), folder, DicomWriteOptions(kind="enhanced"))
    return folder


@cache
def sitk_image() -> Any:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(volume().values())  # it takes the rescale away by itself
    image.SetSpacing(SPACING_MM[::-1])
    image.SetOrigin(ORIGIN_MM)
    return image


def with_simpleitk() -> Path:
    import SimpleITK

    folder = fresh("SimpleITK")
    image, writer = sitk_image(), SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    series = pydicom.uid.generate_uid()
    for k in range(SLICES):
        piece = image[:, :, k]
        for tag, value in {
            "0008|0060": "CT",
            "0008|0008": "DERIVED\\SECONDARY\\AXIAL",
            "0008|0018": pydicom.uid.generate_uid(),
            "0020|000d": "1.2.3.4",
            "0020|000e": series,
            "0020|0013": str(k + 1),
            "0020|0032": "\\".join(map(str, image.TransformIndexToPhysicalPoint((0, 0, k)))),
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0020|0052": "1.2.826.0.1.3680043.8.498.1",
            "0018|0050": str(SPACING_MM[0]),
            "0028|1052": str(INTERCEPT),
            "0028|1053": "1",
        }.items():
            piece.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{k:05d}.dcm"))
        writer.Execute(piece)
    return folder


def slice_dataset(template: pydicom.Dataset, k: int) -> pydicom.Dataset:
    data = pydicom.Dataset()
    data.update(template)
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.update(template.file_meta)
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data.InstanceNumber = k + 1
    data.ImagePositionPatient = [*ORIGIN_MM[:2], SPACING_MM[0] * k]
    data.PixelData = volume().data[k].tobytes()
    return data


@cache
def template() -> pydicom.Dataset:
    folder = Path(tempfile.mkdtemp(prefix="medvox-bench-template-"))
    first = volume().crop((slice(0, 1), slice(None), slice(None)))
    data = pydicom.dcmread(write_series(first, folder).files[0])
    shutil.rmtree(folder)
    return data


@cache
def classic_datasets() -> list[pydicom.Dataset]:
    return [slice_dataset(template(), k) for k in range(SLICES)]


def with_pydicom() -> Path:
    folder = fresh("pydicom")
    for k in range(SLICES):
        slice_dataset(template(), k).save_as(folder / f"{k:05d}.dcm", enforce_file_format=True)
    return folder


def with_highdicom() -> Path:
    from highdicom.legacy import LegacyConvertedEnhancedCTImage

    folder = fresh("highdicom")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = LegacyConvertedEnhancedCTImage(
            classic_datasets(), pydicom.uid.generate_uid(), 2, pydicom.uid.generate_uid(), 1
        )
        made.save_as(folder / "enhanced.dcm")
    return folder


def pixels(folder: Path) -> np.ndarray:
    files = sorted(folder.iterdir())
    read = [pydicom.dcmread(file) for file in files]
    if len(read) > 1:
        return np.stack([data.pixel_array for data in sorted(read, key=lambda d: d.ImagePositionPatient[2])])
    groups = read[0].PerFrameFunctionalGroupsSequence
    heights = [float(g.PlanePositionSequence[0].ImagePositionPatient[2]) for g in groups]
    return read[0].pixel_array[np.argsort(heights)]


def check(results: Any) -> None:
    wanted = volume().data
    for name, folder in results.items():
        assert np.array_equal(pixels(folder), wanted), name
    first = min(results["ours"].iterdir())
    if shutil.which("dciodvfy"):
        shown = subprocess.run(["dciodvfy", "-new", str(first)], capture_output=True, text=True)
        errors = [line for line in (shown.stdout + shown.stderr).splitlines() if line.startswith("Error")]
        assert not errors, errors


def cases() -> list[Case]:
    """300 slices, and the same as one enhanced image."""
    volume(), template(), classic_datasets(), sitk_image()
    classic, enhanced = Clearing(), Clearing()
    return [
        Case(
            name=f"write-dicom classic {SLICES} x 512 x 512",
            ours=ours,
            peers={"SimpleITK": with_simpleitk, "highdicom": with_highdicom, "pydicom": with_pydicom},
            goals={"SimpleITK": 3, "highdicom": 3},
            check=classic.check,
            before=classic.before,
        ),
        Case(
            name=f"write-dicom enhanced {SLICES} x 512 x 512",
            ours=ours_enhanced,
            peers={"highdicom": with_highdicom},
            goals={"highdicom": 3},
            check=enhanced.check,
            before=enhanced.before,
        ),
    ]
