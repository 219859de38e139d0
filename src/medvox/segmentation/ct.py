"""Presets for CT: body, skin, bone, lungs and airway, from Hounsfield units and shape."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import MissingError, UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.steps import Setting, step
from medvox.core.volume import Volume
from medvox.segmentation.components import filled, largest, pieces, without_small
from medvox.segmentation.distance import box, deeper_than_mm, within_mm
from medvox.segmentation.regions import Mask, color, image, many, one

Millimeters = Annotated[float, Setting(unit="mm", minimum=0.5, maximum=50)]
Hounsfield = Annotated[float, Setting(unit="HU", minimum=-1024, maximum=3071)]
AIR_HU, BODY_HU = -400.0, -300.0
TABLE_MM = 3.0
"""Half of what connects a table to the body is thinner than this."""
TRACHEA_MM2 = (30.0, 900.0)
MOST_AIRWAY_ML = 200.0
LEAST_LUNG_ML = 50.0


def hounsfield(volume: Volume) -> NDArray[Any]:
    """(k, j, i) values of a CT.

    Raises
    ------
    UsageError
        If the image is no CT: neither its modality nor its unit nor its values say so.
    """
    values = image(volume)
    if volume.modality not in (None, "CT") or (
        volume.modality is None and volume.unit != "HU" and float(values.min()) > -500
    ):
        raise UsageError("this preset is for CT", got=volume.modality or volume.unit, expected="HU")
    return values


@step("ct-body", family="segment")
def ct_body(volume: Volume, *, lower: Hounsfield = BODY_HU) -> LabelMap:
    """Mark the body in a CT, with its cavities, without table and clothes.

    Parameters
    ----------
    volume
        CT.
    lower
        Smallest value of the body.
    """
    return one(body(hounsfield(volume), volume.grid, lower), volume, "body", "ct-body")


def body(values: NDArray[Any], grid: Grid, lower: float = BODY_HU) -> Mask:
    """(k, j, i) mask of the body.

    Raises
    ------
    MissingError
        If nothing is as dense.
    """
    dense = values >= lower
    core = deeper_than_mm(dense, grid, TABLE_MM)
    core = largest(core if core.any() else dense)
    if not core.any():
        raise MissingError("there is no body in the image", expected=f"values above {lower:g} HU")
    return filled(within_mm(core, grid, TABLE_MM) & dense, "2D")


@step("ct-skin", family="segment")
def ct_skin(volume: Volume, *, thickness: Millimeters = 3.0, lower: Hounsfield = BODY_HU) -> LabelMap:
    """Mark the skin in a CT: a shell on the inside of the body's surface.

    Parameters
    ----------
    volume
        CT.
    thickness
        Of the shell.
    lower
        Smallest value of the body.
    """
    inside = body(hounsfield(volume), volume.grid, lower)
    return one(inside & ~deeper_than_mm(inside, volume.grid, thickness), volume, "skin", "ct-skin")


@step("ct-bone", family="segment")
def ct_bone(
    volume: Volume,
    *,
    sure: Hounsfield = 300.0,
    likely: Hounsfield = 180.0,
    smallest: Annotated[float, Setting(unit="ml", minimum=0)] = 0.2,
    fill: bool = True,
) -> LabelMap:
    """Mark bone in a CT, within the body, with marrow that bone encloses.

    Parameters
    ----------
    volume
        CT.
    sure
        Value that every bone reaches somewhere.
    likely
        Smallest value of bone.
    smallest
        Drop pieces below this volume.
    fill
        Fill what bone encloses in a slice, up to 5 ml over one slice.
    """
    values = hounsfield(volume)
    weak = (values >= likely) & body(values, volume.grid)
    found = pieces(weak, corners=True)
    bone = found.paint(found.touching(values >= sure))
    voxel_ml = float(np.median(volume.grid.voxel_volumes_mm3)) / 1000
    bone = without_small(bone, max(1, round(smallest / voxel_ml)))
    if fill:
        bone = filled(bone, "2D", int(5 / voxel_ml)) & (values > BODY_HU)
    return one(bone, volume, "bone", "ct-bone")


@step("ct-lungs", family="segment")
def ct_lungs(
    volume: Volume,
    *,
    upper: Hounsfield = AIR_HU,
    closing: Annotated[float, Setting(unit="mm", minimum=0, maximum=30)] = 4.0,
    airway: bool = True,
) -> LabelMap:
    """Mark lungs and airway in a CT: the air in the body.

    Parameters
    ----------
    volume
        CT of the chest.
    upper
        Largest value of lung.
    closing
        Vessels up to twice this thick are taken into the lungs.
    airway
        Mark trachea and bronchi as a segment of their own.

    Raises
    ------
    MissingError
        If there are no lungs.
    """
    values = hounsfield(volume)
    grid = volume.grid
    inside = body(values, grid)
    air = inside & (values < upper)
    tube = air_tube(values, grid, inside) if airway else np.zeros(air.shape, bool)
    walls = within_mm(tube, grid, 1.5)
    found = pieces(air & ~walls)
    voxel_ml = float(np.median(grid.voxel_volumes_mm3)) / 1000
    big = found.sizes * voxel_ml >= LEAST_LUNG_ML
    order = np.argsort(-found.sizes)[:2]
    keep = np.zeros(found.count, bool)
    keep[order] = big[order]
    if len(order) == 2:  # a second piece much smaller than the first is bowel gas
        keep[order[1]] &= found.sizes[order[1]] * 20 >= found.sizes[order[0]]
    if not keep.any():
        raise MissingError("there are no lungs in the image", expected=f"{LEAST_LUNG_ML:g} ml of air")
    lungs = found.paint(keep)
    if closing:
        closed = deeper_than_mm(within_mm(lungs, grid, closing), grid, closing)
        lungs = filled((lungs | closed) & inside & ~tube, "2D") & ~tube
    numbers = lungs.astype(np.uint8)
    numbers[tube] = 2
    segments = [Segment(1, "lungs", color=color(2))] + [Segment(2, "airway", color=color(1))] * bool(
        tube.any()
    )
    return many(numbers, tuple(segments), volume, "ct-lungs")


@step("ct-airway", family="segment")
def ct_airway(volume: Volume) -> LabelMap:
    """Mark trachea and bronchi in a CT, as far as they do not leak into the lung.

    Parameters
    ----------
    volume
        CT of the chest.

    Raises
    ------
    MissingError
        If no trachea is found.
    """
    values = hounsfield(volume)
    found = air_tube(values, volume.grid, body(values, volume.grid))
    if not found.any():
        raise MissingError(
            "no trachea was found", advice="Grow the airway from a point with: medvox segment grow"
        )
    return one(found, volume, "airway", "ct-airway")


def air_tube(values: NDArray[Any], grid: Grid, inside: Mask) -> Mask:
    """Airway, grown from the trachea with the highest limit of air that does not leak; may be empty."""
    out = np.zeros(values.shape, bool)
    window = box(inside)
    seed = None if window is None else _trachea(values, grid, inside)
    if seed is None:
        return out
    voxel_ml = float(np.median(grid.voxel_volumes_mm3)) / 1000
    before = 0.0
    for limit in range(-950, -700, 25):
        found = pieces(inside & (values < limit))
        at = np.zeros(values.shape, bool)
        at[seed] = True
        tube = found.paint(found.touching(at))
        size = float(tube.sum()) * voxel_ml
        if size > MOST_AIRWAY_ML or (before > 5 and size > 1.6 * before):
            break
        out, before = tube, size
    return filled(within_mm(out, grid, min(grid.spacing_mm)) & inside & (values < -500), "2D")


def _trachea(values: NDArray[Any], grid: Grid, inside: Mask) -> tuple[int, int, int] | None:
    """A voxel of the trachea: the round patch of air that goes on longest from the top of the chest."""
    heights = grid.to_patient(np.column_stack([np.arange(grid.shape[0]), *np.zeros((2, grid.shape[0]))]))[
        :, 2
    ]
    order = np.argsort(-heights)
    area = float(np.prod(grid.spacing_mm[1:]))
    middle = np.argwhere(inside.any(axis=0)).mean(axis=0)
    for k in order[: max(1, int(len(order) * 0.6))]:
        found = pieces((inside[k] & (values[k] < -850))[None])
        numbers = found.numbers()[0]
        best = None
        for n in np.flatnonzero(
            (found.sizes * area >= TRACHEA_MM2[0]) & (found.sizes * area <= TRACHEA_MM2[1]) & ~found.at_border
        ):
            at = np.argwhere(numbers == n + 1)
            extent = (np.ptp(at, axis=0) + 1) * grid.spacing_mm[1:]
            roundness = found.sizes[n] * area / (extent.max() ** 2 * np.pi / 4)
            away = float(np.linalg.norm((at.mean(axis=0) - middle) * grid.spacing_mm[1:]))
            if roundness > 0.55 and away < 70 and (best is None or away < best[0]):
                best = (away, at[np.abs(at - at.mean(axis=0)).sum(axis=1).argmin()])
        if best is not None:
            return int(k), int(best[1][0]), int(best[1][1])
    return None
