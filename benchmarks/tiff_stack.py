"""Stacks of pictures to a volume: ours beside SimpleITK and scikit-image, the same values out of each.

300 pages or files of 512 x 512 16-bit values, CT-like (smooth structure, noise, 12 bits used): a TIFF of
plain pages as scanners and ITK write it, the same packed by deflate, and PNG files.

The plain TIFF is bound by memory: most of the time goes into getting 157 MB of fresh memory and copying
into it, which scikit-image (tifffile) does in one thread and we do in several.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile

from benchmarks.harness import Case
from medvox.formats.stack import stack_images
from medvox.formats.tiff import TiffFormat

COUNT, SIDE = 300, 512
GOALS = {"SimpleITK": 2.0, "scikit-image": 2.0}
FOLDER = Path(tempfile.gettempdir()) / "medvox-bench-tiff-stack"


def values() -> np.ndarray:
    """CT-like uint16 values, (300, 512, 512)."""
    rng = np.random.default_rng(30)
    k, j, i = np.ogrid[-1 : 1 : COUNT * 1j, -1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    inside = k**2 / 2 + j**2 + i**2 < 0.8
    signal = inside * (1000 + 200 * np.sin(7 * i) * np.cos(5 * j)) + 100
    return (signal + rng.normal(0, 12, signal.shape)).clip(0, 4095).astype(np.uint16)


def write_pages(path: Path, data: np.ndarray, **options: Any) -> Path:
    """Write a TIFF page by page, each with its own directory and nothing else."""
    with tifffile.TiffWriter(path) as writer:
        for page in data:
            writer.write(page, contiguous=False, metadata=None, **options)
    return path


def case(
    name: str, ours: Callable[[], np.ndarray], itk: Any, skimage: Callable[[], Any], data: np.ndarray
) -> Case:
    """One kind of stack."""

    def simple_itk() -> np.ndarray:
        import SimpleITK

        return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(itk))

    def check(results: dict) -> None:
        for who, array in results.items():
            np.testing.assert_array_equal(array, data, err_msg=who)

    return Case(name, ours, {"SimpleITK": simple_itk, "scikit-image": skimage}, GOALS, check, repeats=7)


def tiff_case(name: str, path: Path, data: np.ndarray) -> Case:
    """A TIFF of many pages."""

    def skimage() -> np.ndarray:
        from skimage import io

        return io.imread(path)

    return case(name, lambda: TiffFormat().images(path)[0].open().load().data, str(path), skimage, data)


def cases() -> list[Case]:
    """Plain TIFF, packed TIFF, PNG files."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    data = values()
    files = [FOLDER / f"slice_{n + 1:04}.png" for n in range(COUNT)]
    for path, picture in zip(files, data, strict=True):
        path.write_bytes(imagecodecs.png_encode(picture))
    names = [str(path) for path in files]

    def skimage() -> np.ndarray:
        from skimage import io

        return io.imread_collection(names).concatenate()

    def pngs() -> np.ndarray:
        return stack_images(files).images[0].open().load().data

    plain = write_pages(FOLDER / "plain.tif", data)
    packed = write_pages(FOLDER / "packed.tif", data, compression="zlib", predictor=True)
    return [
        tiff_case(f"tiff-stack {COUNT} plain pages", plain, data),
        tiff_case(f"tiff-stack {COUNT} deflated pages", packed, data),
        case(f"tiff-stack {COUNT} PNG files", pngs, names, skimage, data),
    ]
