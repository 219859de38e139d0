"""Synthetic scans with known values, for the server's tests: no files, no formats, no patient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from medvox.core.errors import TruncatedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.core.lazy import FrameArray
from medvox.core.progress import Progress
from medvox.core.provenance import Provenance, SliceSource
from medvox.core.rescale import Rescale
from medvox.core.study import HeaderElement, Image, Instance, Kind, Patient, Scan, Series, Study
from medvox.core.volume import Display, Volume, Window

NAME = "SECRET^PATIENT"
ROOT = "/scans/opened"


@dataclass
class CountingReader:
    """Reads frames out of an array and notes which were asked for."""

    frames: np.ndarray
    asked: list[int] = field(default_factory=list)

    def __call__(self, frames: Sequence[int], out: np.ndarray, progress: Progress | None = None) -> None:
        self.asked.extend(frames)
        out[:] = self.frames[list(frames)]


def tilted_uneven_grid(shape: tuple[int, int, int] = (40, 24, 20)) -> Grid:
    """Slices tilted by 12 degrees and 3 mm apart, but 5 mm apart from the middle on."""
    tilt = np.deg2rad(12)
    in_plane = np.array([[0, 1.5], [2 * np.cos(tilt), 0], [2 * np.sin(tilt), 0]])
    steps = np.where(np.arange(shape[0]) < shape[0] // 2, 3.0, 5.0)
    heights = np.concatenate([[0], np.cumsum(steps[:-1])])
    origins = np.array([-20.0, -30.0, -100.0]) + np.outer(heights, [0, 0, 1])
    return Grid.from_origins(shape, in_plane, origins, "1.2.840.1")


def axial_grid(shape: tuple[int, int, int], spacing: tuple[float, float, float] = (3, 2, 2)) -> Grid:
    matrix = np.zeros((4, 4))
    matrix[2, 0], matrix[1, 1], matrix[0, 2], matrix[3, 3] = *spacing, 1
    return Grid(shape, matrix, "1.2.840.2")


def sources(prefix: str, count: int, slope: Any = 1.0, intercept: float = 0.0) -> tuple[SliceSource, ...]:
    slopes = np.broadcast_to(np.asarray(slope, dtype=float), count)
    return tuple(
        SliceSource(f"{ROOT}/{prefix}/IM{n:04d}", 1, f"1.2.3.{prefix}.{n}", float(slopes[n]), intercept)
        for n in range(count)
    )


def instances(prefix: str, count: int) -> tuple[Instance, ...]:
    return tuple(Instance(f"{ROOT}/{prefix}/IM{n:04d}", f"1.2.3.{prefix}.{n}") for n in range(count))


def image(volume: Volume, kind: Kind = Kind.VOLUME, prefix: str = "", **changes: Any) -> Image:
    count = len(volume.known_provenance.sources) if prefix else 0
    made = Image(
        volume.label,
        kind,
        volume.axes,
        volume.shape,
        volume.grid,
        lambda: volume,
        volume.modality,
        volume.unit,
        instances(prefix, count),
        volume.findings,
    )
    return replace(made, **changes)


def ct_tilted() -> tuple[Volume, CountingReader]:
    """A lazy CT volume on a tilted, uneven grid; each value tells its place."""
    grid = tilted_uneven_grid()
    k, j, i = np.indices(grid.shape)
    stored = (k * 50 + j * 2 + i % 2).astype(np.int16)
    reader = CountingReader(stored)
    data = FrameArray((grid.shape[0],), grid.shape[1:], np.dtype(np.int16), reader)
    finding = Finding("gantry-tilt", Level.WARNING, f"{ROOT}/ct", "tilted by 12°", "PS3.3 C.8.2.1")
    known = Provenance(grid, sources("ct", grid.shape[0], 1, -1024))
    volume = Volume(
        data,
        grid,
        unit="HU",
        rescale=Rescale.of(1, -1024),
        meaning="CT number",
        modality="CT",
        label="Head tilted",
        display=Display(windows=(Window(40, 400, "Soft"),)),
        provenance=known,
        findings=(finding,),
    )
    return volume, reader


def ct_unsigned() -> Volume:
    """Unsigned 16-bit CT whose type's range does not fit int16 once rescaled, though its values do."""
    stored = np.random.default_rng(1).integers(0, 4096, (20, 16, 18), np.uint16)
    return Volume(
        stored,
        axial_grid(stored.shape),
        unit="HU",
        rescale=Rescale.of(1, -1024),
        modality="CT",
        label="Unsigned",
    )


def pet() -> Volume:
    """PET with a slope for each slice, and one value that is no number after all."""
    stored = np.random.default_rng(2).integers(0, 30000, (17, 12, 14), np.uint16)
    slopes = np.linspace(0.1, 0.9, 17)
    grid = axial_grid(stored.shape)
    known = Provenance(grid, sources("pet", 17, slopes))
    return Volume(
        stored,
        grid,
        unit="Bq/ml",
        rescale=Rescale.of(slopes, np.zeros(17)),
        modality="PT",
        label="FDG",
        provenance=known,
    )


def floats() -> Volume:
    """Plain float values, some of them not finite."""
    values = np.random.default_rng(3).normal(size=(5, 6, 7)).astype(np.float32)
    values[2, 3, 4], values[0, 0, 0] = np.nan, np.inf
    return Volume(values, axial_grid(values.shape), label="Floats", modality="MR")


def echoes() -> Volume:
    """MR over time and echo: two axes before k."""
    stored = np.arange(3 * 2 * 5 * 8 * 9, dtype=np.int16).reshape(3, 2, 5, 8, 9)
    grid = axial_grid((5, 8, 9))
    return Volume(
        stored,
        grid,
        ("time", "echo", "k", "j", "i"),
        modality="MR",
        label="Echoes over time",
        coordinates={"time": (0.0, 2.5, 5.0)},
        provenance=Provenance(grid, sources("mr", 30)),
    )


def cine() -> Volume:
    """Colour ultrasound over time, lazy."""
    frames = np.random.default_rng(4).integers(0, 256, (6, 12, 10, 3), np.uint8)
    data = FrameArray((6, 1), (12, 10, 3), np.dtype(np.uint8), CountingReader(frames))
    grid = replace(Grid.pixels((1, 12, 10)), space=Space.REGION)
    return Volume(
        data,
        grid,
        ("time", "channel", "k", "j", "i"),
        modality="US",
        label="Echo",
        display=Display(frame_rate=30),
    )


def projection() -> Volume:
    """A radiograph with low values white, in mm at the detector."""
    stored = np.random.default_rng(5).integers(0, 4096, (1, 30, 40), np.uint16)
    grid = replace(axial_grid(stored.shape, (1, 0.14, 0.15)), space=Space.DETECTOR)
    return Volume(stored, grid, modality="DX", label="Hand", display=Display(inverted=True))


def huge() -> tuple[Volume, CountingReader]:
    """4 GiB of int16 that exist nowhere; slice k holds k."""
    shape = (2048, 1024, 1024)

    class Constant(CountingReader):
        def __call__(self, frames: Sequence[int], out: np.ndarray, progress: Progress | None = None) -> None:
            self.asked.extend(frames)
            out[:] = np.asarray(frames, np.int16)[:, None, None]

    reader = Constant(np.empty(0))
    data = FrameArray((shape[0],), shape[1:], np.dtype(np.int16), reader)
    return Volume(data, axial_grid(shape, (0.5, 0.5, 0.5)), label="Huge", modality="CT", unit="HU"), reader


def failing(error: Exception) -> Image:
    """An image that cannot be opened."""

    def fail() -> Volume:
        raise error

    template = image(floats())
    return replace(template, label=f"fails with {type(error).__name__}", reader=fail)


def header(instance: Instance) -> tuple[HeaderElement, ...]:
    return (
        HeaderElement("(0010,0010)", "PN", "PatientName", NAME, 0, True),
        HeaderElement("(0008,0018)", "UI", "SOPInstanceUID", instance.sop_instance_uid or "", 0),
    )


def series(number: int, *images: Image, **changes: Any) -> Series:
    made = Series(
        f"1.2.3.{number}",
        images[0].label if images else "object",
        "DICOM",
        images,
        tuple(i for one in images for i in one.instances),
        number,
        images[0].modality if images else None,
        header=header,
    )
    return replace(made, **changes)


def everything() -> Scan:
    """One of each."""
    patient = Patient(NAME, "ID-4711", "19600101", "F", "064Y")
    all_series = (
        series(1, image(ct_tilted()[0], prefix="ct")),
        series(2, image(ct_unsigned())),
        series(3, image(pet(), prefix="pet")),
        series(4, image(floats())),
        series(5, image(echoes(), prefix="mr")),
        series(6, image(cine(), Kind.CINE)),
        series(7, image(projection(), Kind.PICTURE)),
        series(8, image(huge()[0])),
        series(9, object_type="RTSTRUCT", modality="RTSTRUCT", instances=instances("rt", 1)),
        series(
            10,
            failing(TruncatedError("the pixel data end early", where=f"{ROOT}/bad/IM1", got=10, expected=20)),
        ),
        series(11, failing(ValueError(f"{NAME} is in this text"))),
    )
    study = Study("1.2.9", patient, "All kinds", all_series, "20240311", "093000", "A1")
    oddity = Finding("unknown-format", Level.WARNING, f"{ROOT}/notes.txt", "no format recognises it")
    return Scan((ROOT,), (study,), (oddity,), 400)


def scanner_of(scan: Scan) -> Callable[[Sequence[Path], Progress], Scan]:
    """A scanner that finds a given scan wherever it looks."""

    def scanner(paths: Sequence[Path], progress: Progress) -> Scan:
        progress(0, scan.files, "Reading headers")
        progress(scan.files, scan.files, "Reading headers")
        return scan

    return scanner
