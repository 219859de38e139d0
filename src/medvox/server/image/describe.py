"""What the client needs to know of one image: values, windows, grids, overlay, badge."""

from __future__ import annotations

import math
from typing import Literal

from medvox.core.grid import TILT_TOLERANCE_DEG, Grid, Space
from medvox.core.study import Kind
from medvox.core.volume import Volume
from medvox.server import types as api
from medvox.server.catalog import ImageEntry, findings
from medvox.server.image import pictures, wire
from medvox.server.image.store import OpenedImage, VolumeStore
from medvox.server.image.uptake import suv_factor

SPACING_SOURCES = {
    Space.PATIENT: "patient",
    Space.LOCAL: "local",
    Space.CALIBRATED: "calibrated",
    Space.DETECTOR: "detector",
    Space.REGION: "ultrasound-region",
}
"""What a pixel spacing in mm is true for; see `medvox.core.grid.Space`."""


_INFO_BYTES = 1 << 14


def image_info(store: VolumeStore, entry: ImageEntry, roots: tuple[str, ...]) -> api.ImageInfo:
    """Describe an image; it is opened if it is not open already."""
    opened = store.opened(entry.image)
    key = ("info", entry.id, opened.etag, roots)
    found: api.ImageInfo = store.cache.get(key, lambda: (_describe(entry, opened, roots), _INFO_BYTES))
    return found


def _describe(entry: ImageEntry, opened: OpenedImage, roots: tuple[str, ...]) -> api.ImageInfo:
    volume, image = opened.volume, entry.image
    noted = tuple(dict.fromkeys((*image.findings, *volume.findings)))
    return api.ImageInfo(
        id=entry.id,
        series_id=entry.series_id,
        study_id=entry.study_id,
        label=image.label,
        kind=image.kind.value,
        modality=image.modality or entry.series.modality,
        axes=list(volume.axes),
        shape=list(volume.shape),
        value=_value(entry, opened),
        windows=pictures.windows(volume),
        volume_presets=pictures.preset_names(volume) if image.kind is Kind.VOLUME else [],
        frame_times_s=_frame_times(volume),
        frame_rate=volume.display.frame_rate,
        pixel_spacing=_pixel_spacing(volume.grid),
        overlay=overlay(entry),
        grids=grids(entry, opened),
        badge=_badge(volume.grid) if opened.regular is not None else None,
        findings=findings(noted, roots),
        time_points=opened.time_points,
    )


def _value(entry: ImageEntry, opened: OpenedImage) -> api.ValueInfo:
    volume = opened.volume
    photometric: api.Photometric = "MONOCHROME1" if volume.display.inverted else "MONOCHROME2"
    return api.ValueInfo(
        dtype=wire.type_name(opened.dtype),
        unit=volume.unit,
        meaning=volume.meaning,
        min=opened.value_range[0],
        max=opened.value_range[1],
        relative=pictures.relative_range(volume),
        suv_factor=suv_factor(entry.image, volume.unit),
        photometric="RGB" if wire.is_colour(volume) else photometric,
    )


def _frame_times(volume: Volume) -> list[float] | None:
    times = volume.coordinates.get("time")
    return None if times is None or not all(map(math.isfinite, times)) else list(times)


def _pixel_spacing(grid: Grid) -> api.PixelSpacing | None:
    if grid.space not in SPACING_SOURCES:
        return None
    _, row, column = grid.spacing_mm
    return api.PixelSpacing(row_mm=row, column_mm=column, source=SPACING_SOURCES[grid.space])


# -- grids --------------------------------------------------------------------------------------


def grids(entry: ImageEntry, opened: OpenedImage) -> api.Grids:
    """Describe the grids of an image."""
    stored = _grid(entry, opened, opened.volume.grid, "stored")
    regular = None if opened.regular is None else _grid(entry, opened, opened.regular, "regular")
    return api.Grids(stored=stored, regular=regular)


def _grid(entry: ImageEntry, opened: OpenedImage, grid: Grid, name: api.GridName) -> api.GridInfo:
    channels: Literal[1, 3] = 3 if wire.is_colour(opened.volume) else 1
    count = chunk_slices(opened, grid)
    placed = entry.image.kind is Kind.VOLUME or grid.space is Space.PATIENT
    origins = grid.slice_origins_mm
    base = f"{entry.url}/{name}/{opened.etag}"
    return api.GridInfo(
        shape=grid.shape,
        affine=grid.affine.tolist() if placed else None,
        slice_origins_mm=None if origins is None or not placed else origins.tolist(),
        frame_of_reference=grid.frame_of_reference,
        space=grid.space.value,
        etag=opened.etag,
        channels=channels,
        chunk_slices=count,
        chunk_count=-(-grid.shape[0] // count),
        chunk_url=base + "/chunks/{t}/{c}",
        slice_url=base + "/slices/{t}/{k}",
    )


def chunk_slices(opened: OpenedImage, grid: Grid) -> int:
    """Slices in a chunk of a grid."""
    channels = 3 if wire.is_colour(opened.volume) else 1
    return wire.chunk_slices(grid.shape[1] * grid.shape[2] * channels * opened.dtype.itemsize)


def _badge(grid: Grid) -> api.Badge:
    reasons, codes = [], []
    if grid.tilt_deg > TILT_TOLERANCE_DEG:
        reasons.append(f"gantry tilt {grid.tilt_deg:.1f}°")
        codes.append("gantry-tilt")
    if not grid.is_even:
        reasons.append("uneven slice spacing")
        codes.append("uneven-spacing")
    words = " and ".join(reasons)
    return api.Badge(text=f"{words[:1].upper()}{words[1:]}: planes and 3D show a regular copy", codes=codes)


# -- overlay ------------------------------------------------------------------------------------


def overlay(entry: ImageEntry) -> list[api.OverlayText]:
    """Texts in the corners of the picture; whatever could tell who the patient is says so.

    Free text and dates count as identifying, as in PS3.15 table E.1-1.
    """
    who, study, series = entry.study.patient, entry.study, entry.series
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in entry.image.facts)
    number = "" if series.number is None else f"Series {series.number}"
    kind = " ".join(w for w in (entry.image.modality or series.modality or "", number) if w)
    lines: list[tuple[str, str, bool]] = [
        ("tl", who.name.replace("^", " ").strip(), True),
        ("tl", who.id, True),
        ("tl", " ".join(w for w in (_date(who.birth_date), who.sex, who.age) if w), True),
        ("tr", study.description, True),
        ("tr", " ".join(w for w in (_date(study.date), _time(study.time)) if w), True),
        ("tr", series.description, True),
        ("bl", kind, False),
        ("bl", facts, False),
    ]
    return [api.OverlayText(corner=c, text=text, identifying=i) for c, text, i in lines if text]  # type: ignore[arg-type]


def _date(text: str) -> str:
    """Write a DICOM date (DA, YYYYMMDD) with dashes; other text as it is."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text


def _time(text: str) -> str:
    """Write a DICOM time (TM, HHMMSS.F) as hours and minutes; other text as it is."""
    return f"{text[:2]}:{text[2:4]}" if len(text) >= 4 and text[:4].isdigit() else text
