"""From label maps to outline files and back, beside scikit-image and rt-utils.

256 slices with 5 labels, each with a hole and the first with an island in it. Every contender traces the
labels, simplifies by a third of a pixel, writes the outlines to a file, reads them back and fills them.
Scikit-image's outlines go to JSON; rt-utils has its own way from mask to RTSTRUCT and back. Voxels that come
back wrong are printed for each.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Case, Figure
from medvox.contours import fill, simplify, trace
from medvox.core.affine import compose
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.workflows.outlines import FORMATS, read_contours, write_contours

SHAPE = (256, 96, 96)
LABELS = 5
TOLERANCE_PIXELS = 1 / 3
GOALS = {"scikit-image": 5.0, "rt-utils": 5.0}
FOLDER = Path(tempfile.gettempdir()) / "medvox-bench-contour"


def labels(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Five wavy organs side by side, each with a hole, the first with an island in its hole."""
    k, j, i = np.ogrid[tuple(slice(0, n) for n in shape)]
    made = np.zeros(shape, np.uint8)
    size = min(shape[1], shape[2])
    for n in range(LABELS):
        angle = 2 * np.pi * n / LABELS
        y = shape[1] / 2 + 0.3 * size * np.sin(angle) + 3 * np.sin(k / 11 + n)
        x = shape[2] / 2 + 0.3 * size * np.cos(angle) + 3 * np.cos(k / 13 + n)
        turn = np.arctan2(j - y, i - x)
        away = np.hypot(j - y, i - x) / (1 + 0.12 * np.sin(5 * turn + k / 17))
        radius = 0.155 * size
        made[(away < radius) & (away > 0.45 * radius)] = n + 1
        if n == 0:
            made[away < 0.2 * radius] = 1
    return made


def cases() -> list[Case]:
    """One case: all the way and back."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    numbers = labels()
    grid = Grid(SHAPE, compose((1.5, 0.8, 0.8), np.eye(3)[:, ::-1], (-100.0, -100.0, -200.0)), "1.2.3.4")
    segments = tuple(Segment(n, f"organ {n}") for n in range(1, LABELS + 1))
    known = LabelMap(numbers[None], grid, segments)

    def ours() -> np.ndarray:
        contours, _ = simplify(trace(known), TOLERANCE_PIXELS * 0.8, grid)
        path = FOLDER / f"ours{_suffix()}"
        write_contours(contours, path)
        return fill(read_contours(path), grid, thin=False)[0].data[0]

    peers: dict[str, Callable[[], Any]] = {"scikit-image": lambda: _scikit_image(numbers)}
    source = _dicom(grid)
    peers["rt-utils"] = lambda: _rt_utils(numbers, source)

    def check(results: Any) -> None:
        np.testing.assert_array_equal(results["ours"], numbers)
        for who, made in results.items():
            wrong, inside = int((made != numbers).sum()), int((numbers > 0).sum())
            print(f"contour: {who}: {wrong} wrong voxels of {inside}")

    def figures(results: Any) -> list[Figure]:
        wrong = {who: int((made != numbers).sum()) for who, made in results.items()}
        return [
            Figure("wrong voxels", wrong["ours"], who, max(wrong[who], 1), 0.0, "voxels") for who in peers
        ]

    return [Case("contour 256 slices, 5 labels", ours, peers, GOALS, check, figures)]


def _suffix() -> str:
    """RTSTRUCT where medvox writes it, else GeoJSON."""
    known = {suffix for f in FORMATS for suffix in f.suffixes}
    return ".dcm" if ".dcm" in known else ".geojson"


def _scikit_image(numbers: np.ndarray) -> np.ndarray:
    """find_contours, approximate_polygon, JSON, and polygon with holes by winding of nested rings."""
    from skimage.draw import polygon
    from skimage.measure import approximate_polygon, find_contours

    lines = []
    for k, image in enumerate(numbers):
        for n in np.unique(image):
            if n:
                padded = np.pad(image == n, 1)
                for ring in find_contours(padded, 0.5):
                    short = approximate_polygon(ring - 1, TOLERANCE_PIXELS)
                    lines.append((k, int(n), short.tolist()))
    path = FOLDER / "skimage.json"
    path.write_text(json.dumps(lines))
    made = np.zeros_like(numbers)
    for k, n, ring in json.loads(path.read_text()):
        points = np.array(ring)
        rows, columns = polygon(points[:, 0], points[:, 1], numbers.shape[1:])
        part = np.zeros(numbers.shape[1:], bool)
        part[rows, columns] = True
        made[k][part] = np.where(made[k][part] == n, 0, n)  # nested rings: even-odd
    return made


def _dicom(grid: Grid) -> Path:
    """Write the slices that rt-utils needs."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder = FOLDER / "ct"
    folder.mkdir()
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for k in range(grid.shape[0]):
        ds = Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, generate_uid()
        ds.Modality, ds.InstanceNumber = "CT", k + 1
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame
        ds.PatientName = ds.PatientID = ds.StudyID = ds.PatientBirthDate = ds.PatientSex = ""
        ds.StudyDate = ds.StudyTime = ds.SeriesNumber = ""
        ds.Rows, ds.Columns, ds.PixelSpacing = grid.shape[1], grid.shape[2], [0.8, 0.8]
        ds.SliceThickness = 1.5
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.ImagePositionPatient = [f"{x:.4f}" for x in grid.slice_origin_mm(k)]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated = ds.BitsStored = 16
        ds.HighBit, ds.PixelRepresentation = 15, 0
        ds.PixelData = bytes(2 * grid.shape[1] * grid.shape[2])
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.save_as(folder / f"{k:03}.dcm", enforce_file_format=True)
    return folder


def _rt_utils(numbers: np.ndarray, folder: Path) -> np.ndarray:
    """Masks to RTSTRUCT and back by rt-utils, which simplifies in its own way."""
    from rt_utils import RTStructBuilder

    path = FOLDER / "rt_utils.dcm"
    structure = RTStructBuilder.create_new(dicom_series_path=str(folder))
    present = range(1, LABELS + 1)
    for n in present:
        structure.add_roi(mask=np.moveaxis(numbers == n, 0, -1), name=f"organ {n}")
    structure.save(str(path))
    again = RTStructBuilder.create_from(dicom_series_path=str(folder), rt_struct_path=str(path))
    made = np.zeros_like(numbers)
    for n in present:
        made[np.moveaxis(again.get_roi_mask_by_name(f"organ {n}"), -1, 0)] = n
    return made
