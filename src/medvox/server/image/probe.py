"""The value of one voxel, and the stored slice that it came from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from medvox.core.errors import MissingError
from medvox.core.grid import Grid, Space
from medvox.core.provenance import SliceSource
from medvox.server import types as api
from medvox.server.catalog import ImageEntry, relative_file
from medvox.server.image import wire
from medvox.server.image.store import OpenedImage, VolumeStore

Index = tuple[int, int, int]


def probe(
    store: VolumeStore, entry: ImageEntry, grid: api.GridName, point: int, kji: Index, roots: tuple[str, ...]
) -> api.Probe:
    """Read one voxel.

    Parameters
    ----------
    grid
        Grid that `kji` counts on. On the regular copy the value is the copy's, `stored_value` that of
        the nearest stored voxel.
    point
        Time point.

    Raises
    ------
    MissingError
        If there is no such voxel.
    """
    opened = store.opened(entry.image)
    lead = opened.lead(point)
    here = store.grid(opened, grid)
    if not all(0 <= n < size for n, size in zip(kji, here.shape, strict=True)):
        raise MissingError("no such voxel", got=kji, expected=f"within {here.shape}")
    stored = kji if grid == "stored" else _nearest(opened.volume.grid, here, kji)
    raw = None if stored is None else _stored_value(opened, lead, stored)
    if grid == "stored":
        value = _value(opened, lead, kji)
    else:
        value = np.asarray(store.regular(entry.image, point).data)[(..., *kji)]
    source = None if stored is None else _source(opened, lead, stored)
    mm = here.to_patient(kji).tolist() if here.space is Space.PATIENT else None
    return api.Probe(
        value=_number(value),
        stored_value=_number(raw),
        stored_index=stored,
        unit=opened.volume.unit,
        patient_mm=None if mm is None else (mm[0], mm[1], mm[2]),
        source=None if source is None else source_model(source, roots),
    )


def source_model(source: SliceSource, roots: tuple[str, ...]) -> api.Source:
    """Describe where a slice was read, as the client gets it."""
    file = relative_file(source.file, roots)
    return api.Source(sop_instance_uid=source.sop_instance_uid, frame=source.frame, file=file)


def sources(opened: OpenedImage, point: int, roots: tuple[str, ...]) -> list[api.SliceSource]:
    """Slice-to-source table of one time point; empty where nothing is known."""
    lead = opened.lead(point)
    rows = []
    for k in range(opened.volume.grid.shape[0]):
        source = _source(opened, lead, (k, 0, 0))
        if source is not None:
            where = source_model(source, roots).model_dump()
            rows.append(
                api.SliceSource(**where, k=k, t=point, slope=source.slope, intercept=source.intercept)
            )
    return rows


def source_of_slice(opened: OpenedImage, point: int, k: int) -> SliceSource | None:
    """Where slice `k` of a time point was read."""
    lead = opened.lead(point)
    if not 0 <= k < opened.volume.grid.shape[0]:
        raise MissingError("no such slice", got=k, expected=f"0..{opened.volume.grid.shape[0] - 1}")
    return _source(opened, lead, (k, 0, 0))


def _source(opened: OpenedImage, lead: tuple[int, ...], kji: Index) -> SliceSource | None:
    return opened.volume.source_of(kji, _known_lead(opened, lead))


def _known_lead(opened: OpenedImage, lead: tuple[int, ...]) -> tuple[int, ...]:
    """Position without the channel axis, which sources do not count."""
    volume = opened.volume
    if wire.is_colour(volume):
        return lead
    return tuple(n for n, name in zip(lead, volume.axes, strict=False) if name != "channel")


def _nearest(stored: Grid, here: Grid, kji: Index) -> Index | None:
    """Find the stored voxel nearest to a voxel of the regular copy; None outside of the stored slices."""
    index = stored.to_voxel(here.to_patient(kji))
    if not bool(stored.contains(index)):
        return None
    k, j, i = np.clip(np.rint(index), 0, np.asarray(stored.shape) - 1).astype(int).tolist()
    return (k, j, i)


def _stored_value(opened: OpenedImage, lead: tuple[int, ...], kji: Index) -> Any:
    volume = opened.volume
    at = iter(lead)
    colour = wire.is_colour(volume)
    names = volume.axes[:-3]
    key = [slice(None) if colour and name == "channel" else next(at) for name in names]
    return np.asarray(volume.data[(*key, *kji)])


def _value(opened: OpenedImage, lead: tuple[int, ...], kji: Index) -> Any:
    """Value of one voxel in full precision, not in the wire type."""
    volume = opened.volume
    stored = _stored_value(opened, lead, kji)
    rescale = volume.rescale.at((*_known_lead(opened, lead), kji[0]))
    return stored if wire.is_colour(volume) else rescale.apply(stored.reshape(1, 1), np.float64)[0, 0]


def _number(value: Any) -> float | list[float | None] | None:
    """Plain numbers for JSON: null for what is not finite, a list for colours."""
    if value is None:
        return None
    values = np.asarray(value, dtype=np.float64)
    if values.ndim:
        return [float(v) if math.isfinite(v) else None for v in values.ravel()]
    return float(values) if math.isfinite(values) else None
