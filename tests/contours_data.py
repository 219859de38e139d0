"""Label maps and rings for tests of contours: random masks, odd grids, what other systems write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
from hypothesis import strategies as st

from medvox.core.contour import ContourSet, PlanarContours, SegmentContours
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment

TILTED = np.array([[0.4, 0.0, 0.8, -30.0], [1.3, 0.7, 0.0, 12.0], [3.0, 0.2, 0.1, 40.0], [0, 0, 0, 1]])


def even_grid(shape: tuple[int, int, int]) -> Grid:
    """A sheared, oblique, anisotropic stack."""
    return Grid(shape, TILTED, "1.2.3")


def uneven_grid(shape: tuple[int, int, int]) -> Grid:
    """The same with uneven slice positions that drift."""
    origins = TILTED[:3, 3] + np.cumsum(1 + np.arange(shape[0]) % 3)[:, None] * TILTED[:3, 0]
    origins = origins + 0.1 * np.arange(shape[0])[:, None] ** 0.5 * TILTED[:3, 2]
    return Grid.from_origins(shape, TILTED[:3, 1:3], origins, "1.2.3") if shape[0] > 1 else even_grid(shape)


def labels_of(numbers: np.ndarray, grid: Grid | None = None, most: int | None = None) -> LabelMap:
    """Label map of (k, j, i) numbers, with a segment for each number up to `most`."""
    grid = grid or even_grid(numbers.shape)
    count = int(numbers.max(initial=0)) if most is None else most
    segments = tuple(Segment(n, f"segment {n}") for n in range(1, max(count, 1) + 1))
    return LabelMap(numbers[None], grid, segments)


@st.composite
def numbers(draw: st.DrawFn, most: int = 3) -> np.ndarray:
    """Small random label arrays: sparse, dense, full, empty, checkerboards, blobs, nested boxes."""
    shape = tuple(draw(st.integers(1, n)) for n in (3, 14, 14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["random", "board", "blobs", "nested", "full"]))
    if kind == "board":
        return (np.indices(shape).sum(axis=0) % 2 * draw(st.integers(1, most))).astype(np.uint8)
    if kind == "full":
        return np.full(shape, draw(st.integers(0, most)), np.uint8)
    if kind == "nested":
        made = np.zeros(shape, np.uint8)
        for n in range(draw(st.integers(1, 6))):
            made[:, n : shape[1] - n, n : shape[2] - n] = rng.integers(0, most + 1)
        return made
    share = draw(st.floats(0.02, 0.98))
    made = np.where(rng.random(shape) < share, rng.integers(1, most + 1, shape), 0).astype(np.uint8)
    if kind == "blobs":
        made = made.repeat(3, axis=1).repeat(4, axis=2)
    return made


@dataclass(frozen=True)
class Outlined:
    """One image of the set sts_pet_ct_mr: outlines as written in DICOM, and the mask that came with them."""

    contours: ContourSet
    rings: list[np.ndarray]
    grid: Grid
    mask: np.ndarray


def outlined(folder: Path, modality: str) -> Outlined:
    """Read outlines and grid with pydicom, the mask with nibabel."""
    source = folder / "dicom" / "STS_002" / modality
    slices = [pydicom.dcmread(path, stop_before_pixels=True) for path in (source / "image").iterdir()]
    slices.sort(key=lambda header: float(header.ImagePositionPatient[2]))
    spacing = [float(x) for x in slices[0].PixelSpacing]
    in_plane = np.array([[0.0, spacing[1]], [spacing[0], 0.0], [0.0, 0.0]])
    origins = [[float(x) for x in header.ImagePositionPatient] for header in slices]
    grid = Grid.from_origins((len(slices), slices[0].Rows, slices[0].Columns), in_plane, origins)
    item = pydicom.dcmread(source / "mask" / "RS.dcm").ROIContourSequence[0]
    rings = [np.array(c.ContourData, float).reshape(-1, 3) for c in item.ContourSequence]
    image = nib.load(folder / "nifti" / "STS_002" / f"{modality}_mask.nii.gz")
    return Outlined(contours_of(rings), rings, grid, np.asanyarray(image.dataobj).T > 0)


def contours_of(rings: list[np.ndarray], name: str = "GTV") -> ContourSet:
    """One segment of rings that each stand for themselves."""
    from medvox.contours import assemble

    planes = tuple(PlanarContours(assemble([ring])[0]) for ring in rings)
    return ContourSet((SegmentContours(Segment(1, name), planes),))
