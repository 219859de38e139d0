"""Writing and reading a DICOM segmentation of 20 segments on 300 slices, beside highdicom.

The source is a CT of 300 slices of 128 x 128; the segments lie side by side, so that both tools can
give one array of numbers back. All write the same voxels for the same source, and all read one file, which
highdicom wrote, to the same (k, j, i) array. Every frame of every segment is there: highdicom is told not to
leave out the empty ones, and ours reads those too.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Case
from medvox.core.labels import Code, LabelMap, Segment
from medvox.dicom.objects.segmentation import read_segmentation, write_segmentation
from medvox.testing import dicom_builder as build

SEGMENTS, SHAPE = 20, (300, 128, 128)
GOAL_READ, GOAL_WRITE = 5.0, 2.0
FOLDER = Path(tempfile.gettempdir()) / "medvox-bench-seg"
ANATOMY = Code("123037004", "SCT", "Anatomical Structure")
VERTEBRA = Code("51282000", "SCT", "Vertebra")


@cache
def numbers() -> np.ndarray:
    """(k, j, i) numbers 0..20: bodies along the stack, each on all 300 slices."""
    k, j, i = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in SHAPE)]
    out = np.zeros(SHAPE, np.uint8)
    for n in range(SEGMENTS):
        row, column = divmod(n, 5)
        y, x = -0.75 + 0.5 * row, -0.8 + 0.4 * column
        radius = 0.13 + 0.04 * np.cos(3 * k + n)
        out[((j - y) ** 2 + (i - x) ** 2) < radius**2] = n + 1
    return out


@cache
def source() -> list[Any]:
    """Classic CT instances."""
    pixels = np.zeros(SHAPE, np.int16)
    plain = {"AccessionNumber": "", "StudyID": "1", "StudyTime": "", "PatientBirthDate": "", "PatientSex": ""}
    return build.stack(
        pixels, modality="CT", spacing_mm=(1.0, 0.8, 0.8), SeriesNumber=1, ReferringPhysicianName="", **plain
    )


def cases() -> list[Case]:
    """Write, and read."""
    import medvox as mv

    shutil.rmtree(FOLDER, ignore_errors=True)
    build.save(source(), FOLDER / "ct")
    volume = mv.read(FOLDER / "ct")
    segments = tuple(Segment(n, f"body {n}", 0, ANATOMY, VERTEBRA) for n in range(1, SEGMENTS + 1))
    labels = LabelMap(numbers()[None], volume.grid, segments, provenance=volume.known_provenance)
    _write_highdicom(FOLDER / "peer.dcm")
    return [_writing(labels), _reading()]


def _write_highdicom(path: Path) -> Path:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    descriptions = [
        hd.seg.SegmentDescription(
            n,
            f"body {n}",
            codes.SCT.AnatomicalStructure,
            codes.SCT.Vertebra,
            hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for n in range(1, SEGMENTS + 1)
    ]
    made = hd.seg.Segmentation(
        source(), numbers(), hd.seg.SegmentationTypeValues.BINARY, descriptions, hd.UID(), 1, hd.UID(), 1,
        "medvox", "benchmark", "1", "0", omit_empty_frames=False,
    )  # fmt: skip
    made.save_as(path)
    return path


def _writing(labels: LabelMap) -> Case:
    def ours() -> Path:
        return write_segmentation(labels, FOLDER / "ours.dcm").files[0]

    def check(results: Any) -> None:
        for path in results.values():
            assert np.array_equal(read_segmentation(path).data[0], numbers())
            assert np.array_equal(_read_highdicom(path), numbers())

    return Case(
        f"seg-io write {SEGMENTS} x {SHAPE[0]} frames",
        ours,
        {"highdicom": lambda: _write_highdicom(FOLDER / "theirs.dcm")},
        {"highdicom": GOAL_WRITE},
        check,
    )


def _read_highdicom(path: Path) -> np.ndarray:
    import highdicom as hd

    return hd.seg.segread(path).get_volume(combine_segments=True).array[::-1]  # it counts slices downwards


def _reading() -> Case:
    path = FOLDER / "peer.dcm"

    def check(results: Any) -> None:
        for array in results.values():
            assert np.array_equal(array, numbers())

    return Case(
        f"seg-io read {SEGMENTS} x {SHAPE[0]} frames",
        lambda: read_segmentation(path).data[0],
        {"highdicom": lambda: _read_highdicom(path)},
        {"highdicom": GOAL_READ},
        check,
    )
