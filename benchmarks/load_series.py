"""Folder of slices -> one array + affine, all headers parsed, slices sorted, warm cache.

The series is a simulated chest-like CT: noise and edges that codecs find hard, as in real scans. Peers:

- pydicom: `dcmread` of every file, sorted along the normal, `pixel_array` into one array;
- SimpleITK: `ImageSeriesReader` with the file names that GDCM sorts;
- dcm2niix: its pip package, writing an uncompressed NIfTI into a temporary folder;
- plain read: the bytes of all files into one new block of memory, the least that any reader has to do.
"""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian

from benchmarks.harness import Case
from medvox.testing.dicom_builder import instance, items, uid

SIZE = 512
INTERCEPT = -1024
SPACING_MM = (1.25, 0.7, 0.7)
RLE, JPEG_LOSSLESS, JPEG_LS, JPEG_2000 = (
    UID(f"1.2.840.10008.1.2.{tail}") for tail in ("5", "4.70", "4.80", "4.90")
)
ENCODERS: dict[UID, Callable[[np.ndarray], bytes]] = {
    JPEG_LOSSLESS: lambda a: imagecodecs.jpeg8_encode(a.view("u2"), lossless=True, predictor=1),
    JPEG_LS: lambda a: imagecodecs.jpegls_encode(a.view("u2")),
    JPEG_2000: lambda a: imagecodecs.jpeg2k_encode(a, 0, codecformat="j2k"),
}
Loaded = tuple[np.ndarray, np.ndarray]
"""Stored values (k, j, i) and the LPS affine that maps (k, j, i, 1) to millimetres."""


def phantom(count: int) -> np.ndarray:
    """Simulated CT, (count, 512, 512) int16 stored values."""
    rng = np.random.default_rng(7)
    j, i = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    noise = rng.normal(0, 12, (8, SIZE, SIZE))
    volume = np.empty((count, SIZE, SIZE), np.int16)
    for k in range(count):
        z = k / max(count - 1, 1)
        body = (i / 0.85) ** 2 + (j / (0.6 + 0.1 * z)) ** 2 < 1
        lungs = ((np.abs(i) - 0.4) / 0.28) ** 2 + (j / (0.45 - 0.2 * z)) ** 2 < 1
        spine = i**2 + (j - 0.42) ** 2 < 0.01
        values = np.where(body, 40 + 30 * np.sin(9 * i + 5 * z) * np.cos(7 * j), -1000)
        values[lungs & body] = -820
        values[spine] = 700
        volume[k] = np.clip(values + np.roll(noise[k % 8], 17 * k), -1024, 3071) - INTERCEPT
    return volume


def write_series(folder: Path, volume: np.ndarray, syntax: UID) -> list[Path]:
    """Write one file a slice, in an order that is not theirs."""
    folder.mkdir()
    names = np.random.default_rng(1).permutation(len(volume))
    return [_write(folder / f"{names[k]:05d}.dcm", frame, k, syntax) for k, frame in enumerate(volume)]


def _write(path: Path, frame: np.ndarray, k: int, syntax: UID) -> Path:
    data = instance(
        frame,
        modality="CT",
        transfer_syntax=syntax,
        InstanceNumber=k + 1,
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        Manufacturer="Simulation",
        StudyDescription="CT chest",
        SliceThickness=SPACING_MM[0],
        KVP=120,
        PatientPosition="HFS",
        ImagePositionPatient=[-179.2, -179.2, SPACING_MM[0] * k],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        PixelSpacing=list(SPACING_MM[1:]),
        RescaleIntercept=INTERCEPT,
        RescaleSlope=1,
        RescaleType="HU",
        WindowCenter=40,
        WindowWidth=400,
        ReferencedImageSequence=items(
            ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID=uid(f"reference {k}")
        ),
    )
    _add_private(data)
    if syntax != ExplicitVRLittleEndian:
        _compress(data, frame, syntax)
    data.save_as(path, enforce_file_format=True)
    return path


def _add_private(data: Dataset) -> None:
    """Add what scanners add: headers of clinical CT have 90 to 270 elements, most of them private."""
    for group in (0x0009, 0x0031, 0x0033, 0x0035, 0x0037, 0x0039, 0x003B):
        block = data.private_block(group, "SIMULATION_01", create=True)
        for n in range(24):
            vr, value = (("DS", "1.250000"), ("SS", -n), ("LO", "value of a scanner"), ("FL", 0.5))[n % 4]
            block.add_new(n, vr, value)


def _compress(data: Dataset, frame: np.ndarray, syntax: UID) -> None:
    if syntax == RLE:
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.compress(RLE, frame, encoding_plugin="gdcm", generate_instance_uid=False)
        return
    data.PixelData = encapsulate([ENCODERS[syntax](frame)])
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True


def ours(folder: Path) -> Loaded:
    import medvox
    from medvox.dicom.scan import prepare

    prepare()  # as programs that stay do; the cold run has to load it
    volume = medvox.read(folder).load()
    return volume.data, volume.grid.affine


def by_pydicom(paths: list[Path]) -> Loaded:
    import pydicom

    slices = [pydicom.dcmread(path) for path in paths]
    slices.sort(key=lambda s: float(s.ImagePositionPatient[2]))
    values = np.stack([s.pixel_array for s in slices])
    first, last = slices[0], slices[-1]
    step = (np.array(last.ImagePositionPatient, float) - first.ImagePositionPatient) / (len(slices) - 1)
    row, column = np.reshape(np.array(first.ImageOrientationPatient, float), (2, 3))
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 3] = step, first.ImagePositionPatient
    affine[:3, 1], affine[:3, 2] = column * first.PixelSpacing[0], row * first.PixelSpacing[1]
    return values, affine


def by_simpleitk(folder: Path) -> Loaded:
    import SimpleITK as sitk  # noqa: N813

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    direction = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = direction[:, ::-1], image.GetOrigin()
    return sitk.GetArrayFromImage(image) - INTERCEPT, affine


def by_dcm2niix(folder: Path, target: Path) -> Path:
    import dcm2niix

    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    command = [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "out", "-o", str(target), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return target / "out.nii"


def plain_read(paths: list[Path]) -> np.ndarray:
    """Read all bytes into one new block of memory, as a loader's array is new."""
    sizes = [path.stat().st_size for path in paths]
    block, at = np.empty(sum(sizes), np.uint8), 0
    for path, size in zip(paths, sizes, strict=True):
        with path.open("rb", buffering=0) as stream:
            stream.readinto(memoryview(block[at : at + size]))
        at += size
    return block


def check(truth: np.ndarray, results: Mapping[str, Any]) -> None:
    """Compare all values with those written, and all affines with each other."""
    values, affine = results["ours"]
    np.testing.assert_array_equal(values, truth)
    for name, result in results.items():
        if name == "dcm2niix":
            import nibabel

            stored = np.asarray(nibabel.load(result).dataobj).transpose(2, 1, 0)[:, ::-1]
            np.testing.assert_array_equal(stored - INTERCEPT, truth)
        elif name not in ("ours", "plain read"):
            np.testing.assert_array_equal(result[0], truth)
            np.testing.assert_allclose(affine, result[1], atol=1e-4)


def case(root: Path, name: str, volume: np.ndarray, syntax: UID, goals: Mapping[str, float]) -> Case:
    folder = root / name.replace(" ", "-")
    paths = write_series(folder, volume, syntax)
    peers = {
        "SimpleITK": partial(by_simpleitk, folder),
        "pydicom": partial(by_pydicom, paths),
    }
    if syntax == ExplicitVRLittleEndian:
        peers["plain read"] = partial(plain_read, paths)
        # the pip package of dcm2niix does not decode all compressed ones
        peers["dcm2niix"] = partial(by_dcm2niix, folder, root / "nifti")
    return Case(
        name=f"load-series {name}",
        ours=partial(ours, folder),
        peers=peers,
        goals=goals,
        check=partial(check, volume),
        repeats=11,  # the first rounds on a virtual machine pay for memory that its host has not given yet
    )


def cases() -> list[Case]:
    """Uncompressed series of 128 and 300 slices, and compressed ones of 48."""
    root = Path(tempfile.mkdtemp(prefix="medvox-bench-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    volume = phantom(300)
    plain = {"SimpleITK": 10.0, "pydicom": 6.0, "plain read": 1 / 1.5}
    return [
        case(root, "128 slices", volume[:128], ExplicitVRLittleEndian, plain),
        case(root, "300 slices", volume, ExplicitVRLittleEndian, plain),
        case(root, "RLE", volume[:48], RLE, {"SimpleITK": 2.0}),
        case(root, "JPEG lossless", volume[:48], JPEG_LOSSLESS, {"SimpleITK": 2.0}),
        case(root, "JPEG-LS", volume[:48], JPEG_LS, {"SimpleITK": 2.0}),
        case(root, "JPEG 2000", volume[:48], JPEG_2000, {"SimpleITK": 1.0}),
    ]
