"""Targets for long fuzzing: bytes in, a volume or one of our errors out, for each format."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile

from medvox.formats.base import Format
from medvox.formats.gipl import GiplFormat
from medvox.formats.metaimage import MetaImageFormat
from medvox.formats.mgh import MghFormat
from medvox.formats.minc import Minc1Format, Minc2Format
from medvox.formats.mrc import MrcFormat
from medvox.formats.nifti import NiftiFormat
from medvox.formats.nrrd import NrrdFormat
from medvox.formats.picture import JpegFormat, PngFormat
from medvox.formats.tiff import TiffFormat
from medvox.testing.format_contract import exercise
from medvox.testing.volumes import ramp, sample_volumes

FORMATS: dict[str, tuple[Format, str]] = {
    "nifti": (NiftiFormat(), ".nii"),
    "nifti-gzip": (NiftiFormat(), ".nii.gz"),
    "metaimage": (MetaImageFormat(), ".mha"),
    "nrrd": (NrrdFormat(encoding="raw"), ".nrrd"),
    "nrrd-gzip": (NrrdFormat(), ".nrrd"),
    "png": (PngFormat(), ".png"),
    "jpeg": (JpegFormat(), ".jpg"),
    "tiff": (TiffFormat(), ".tif"),
    "minc1": (Minc1Format(), ".minc1.mnc"),
    "minc1-gzip": (Minc1Format(), ".mnc.gz"),
    "minc": (Minc2Format(), ".mnc"),
    "mgh": (MghFormat(), ".mgh"),
    "mgh-gzip": (MghFormat(), ".mgz"),
    "mrc": (MrcFormat(), ".mrc"),
    "gipl": (GiplFormat(), ".gipl"),
}


def fuzz_targets() -> dict[str, Callable[[bytes], None]]:
    """Functions that take any bytes and raise nothing unless there is a fault in a reader."""
    return {name: _target(form, suffix) for name, (form, suffix) in FORMATS.items()}


def fuzz_seeds() -> dict[str, bytes]:
    """One valid file for each target, to start from."""
    seeds = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (form, suffix) in FORMATS.items():
            path = Path(folder) / f"{name}{suffix}"
            if form.writes:
                form.write(sample_volumes()["time"], path)
            elif name == "tiff":
                tifffile.imwrite(path, ramp((3, 7, 6), "uint8"), photometric="minisblack", compression="zlib")
            else:
                encode = imagecodecs.png_encode if name == "png" else imagecodecs.jpeg8_encode
                path.write_bytes(encode(np.asarray(ramp((17, 16, 3), "uint8"))))
            seeds[name] = path.read_bytes()
    return seeds


def _target(form: Format, suffix: str) -> Callable[[bytes], None]:
    def run(raw: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            exercise(form, Path(folder) / f"x{suffix}", raw)

    return run
