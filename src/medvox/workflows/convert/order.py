"""Order of voxels in a written file: flips and transposes of the stored array; nothing moves in space."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medvox.core.axes import LETTERS
from medvox.core.grid import Grid
from medvox.core.study import Image, Series
from medvox.core.volume import Volume
from medvox.dicom.attributes import analysis_attributes

ORDERS = ("dcm2niix", "stored", "ras")


def is_3d_acquisition(series: Series, image: Image) -> bool:
    """Whether an MR image was acquired in 3D (MR Acquisition Type, PS3.3 C.8.3.1)."""
    if series.format != "DICOM" or image.modality != "MR" or not image.instances:
        return False
    return analysis_attributes(image.instances[0].file).get("MRAcquisitionType") == "3D"


def reordered(volume: Volume, order: str, is_3d: bool) -> Volume:
    """Flip or transpose the stored array; the grid follows, so nothing moves in space.

    Parameters
    ----------
    order
        One of `ORDERS`.
    is_3d
        Whether the acquisition was a 3D one, which dcm2niix turns to RAS.
    """
    if order == "stored" or not volume.grid.is_even:
        return volume
    if order == "ras" or is_3d:
        return _toward_ras(volume)
    return _flipped(volume, (_tiles_run_back(volume), True, False)) if _from_dicom(volume) else volume


def _tiles_run_back(volume: Volume) -> bool:
    """Whether a mosaic's tiles run against the grid: dcm2niix keeps the order of the tiles."""
    tiles = [source.tile for source in volume.known_provenance.sources[: volume.grid.shape[0]]]
    first, last = tiles[0], tiles[-1]
    return first is not None and last is not None and first > last


def _from_dicom(volume: Volume) -> bool:
    return any(source.sop_instance_uid for source in volume.known_provenance.sources)


def _flipped(volume: Volume, flips: tuple[bool, bool, bool]) -> Volume:
    window = tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)
    grid = volume.grid.crop((window[0], window[1], window[2]))
    sources = volume.known_provenance.sources
    if flips[0] and sources:
        table = np.empty(len(sources), dtype=object)
        table[:] = sources
        sources = tuple(table.reshape(-1, volume.grid.shape[0])[:, ::-1].ravel())
    return replace(
        volume,
        data=volume.data[(..., *window)],
        grid=grid,
        rescale=volume.rescale.at((..., window[0])),
        scalings={},
        provenance=replace(volume.known_provenance, grid=grid, sources=sources),
    )


def _toward_ras(volume: Volume) -> Volume:
    """Turn the axes so that i runs to the right, j to anterior, k to superior, as near as can be."""
    letters = volume.grid.letters
    wanted = [next(n for n, letter in enumerate(letters) if letter in pair) for pair in reversed(LETTERS)]
    turned = _transposed(volume, (wanted[0], wanted[1], wanted[2]))
    ends = turned.grid.letters
    return _flipped(turned, (ends[0] != "S", ends[1] != "A", ends[2] != "R"))


def _transposed(volume: Volume, order: tuple[int, int, int]) -> Volume:
    if order == (0, 1, 2):
        return volume
    matrix = volume.grid.affine.copy()
    matrix[:, :3] = volume.grid.affine[:, list(order)]
    shape = tuple(volume.grid.shape[n] for n in order)
    lead = len(volume.axes) - 3
    data = np.transpose(volume.load().values(), (*range(lead), *(lead + n for n in order)))
    grid = Grid(
        (shape[0], shape[1], shape[2]), matrix, volume.grid.frame_of_reference, None, volume.grid.space
    )
    return volume.derive(data, f"transpose{order}", grid)
