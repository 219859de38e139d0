"""Round trips: what a volume is after it went through a format, and whether the reports told all of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medvox.core import affine as aff
from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.errors import AmbiguityError, MedvoxError
from medvox.core.grid import Grid
from medvox.core.volume import Volume
from medvox.formats.registry import available
from medvox.testing.format_contract import ASPECTS, differences
from medvox.testing.volumes import axial_grid, oblique_grid, ramp, sheared_grid
from medvox.workflows.convert import ConvertOptions, ConvertReport, convert
from medvox.workflows.open_folder import scan

CARRIER = "nifti"
"""Format that volumes begin and end in: it holds every one of `travelers`."""


@dataclass(frozen=True, slots=True)
class Trip:
    """What came of a volume that was converted to a format and back.

    Parameters
    ----------
    refused
        Why the format does not take it, or empty.
    changed
        Aspects (keys of `ASPECTS`) that differ at the end.
    reported
        What the reports of both conversions say is lost.
    error
        Greatest difference of values, as a part of their range.
    """

    refused: str = ""
    changed: tuple[str, ...] = ()
    reported: tuple[str, ...] = ()
    error: float = 0.0

    @property
    def untold(self) -> tuple[str, ...]:
        """Aspects that changed and that no report names."""
        return tuple(
            aspect
            for aspect in self.changed
            if not any(re.search(ASPECTS[aspect], sentence) for sentence in self.reported)
        )


def writable_keys() -> list[str]:
    """Keys of all registered formats that can be written."""
    return [key for key, form in available() if form.writes]


def travelers() -> dict[str, Volume]:
    """Volumes that travel: sheared, anisotropic, oblique, over time; int16, float32, uint8, RGB."""
    shape = (5, 7, 6)
    kinds = {f"sheared-{kind}": Volume(ramp(shape, kind), sheared_grid()) for kind in ("int16", "uint8")}
    smooth = np.hypot(*np.ogrid[1:4:5j, -3:3:7j, 0:2:6j][:2]) + np.linspace(0, 0.7, 6)
    times = {TIME: (0.0, 2.5, 5.0)}
    return kinds | {
        "sheared-float32": Volume(smooth.astype(np.float32), sheared_grid()),
        "anisotropic": Volume(ramp(shape, "int16"), axial_grid()),
        "oblique": Volume(ramp(shape, "int16"), oblique_grid()),
        "over-time": Volume(ramp((3, *shape), "int16"), oblique_grid(), (TIME, *SPATIAL), coordinates=times),
        "rgb": Volume(ramp((3, *shape), "uint8"), axial_grid(), (CHANNEL, *SPATIAL)),
    }


def travel(key: str, volume: Volume, folder: Path, carrier: str = CARRIER) -> Trip:
    """Convert a volume to a format and back, each time as `medvox convert` does, and compare.

    Parameters
    ----------
    key
        Of the format.
    folder
        Empty folder to work in.
    """
    from medvox.workflows.save import write

    start = write(volume, folder / "start.nii.gz", to=carrier).files[0]
    first = scan(start).volume()
    options = ConvertOptions(to=key, sidecar=False)
    there = convert(start, folder / "there", options)
    if there.skipped:
        assert not [p for p in (folder / "there").rglob("*") if p.is_file()], "a refused file was left"
        return Trip(refused=there.skipped[0].reason)
    source = there.converted[0].files[0] if len(there.converted[0].files) == 1 else folder / "there"
    try:
        back = convert(source, folder / "back", ConvertOptions(to=carrier, sidecar=False, order="stored"))
    except AmbiguityError as error:
        raise AssertionError(f"{key} is read as something else: {error}") from error
    assert not back.skipped, back.skipped
    assert len(back.converted) == 1, [done.label for done in back.converted]
    again = aligned(scan(back.converted[0].files[0]).volume(), first)
    return compare(first, again, [*_losses(there), *_losses(back)])


def compare(first: Volume, again: Volume, reported: Sequence[str]) -> Trip:
    """Compare a volume with what came back of it."""
    changed = differences(first, again)
    error = 0.0
    if "values" in changed and first.shape == again.shape:
        values = first.values(np.float64)
        error = float(np.abs(again.values(np.float64) - values).max() / max(np.ptp(values), 1e-30))
    return Trip("", tuple(changed), tuple(reported), error)


def _losses(report: ConvertReport) -> list[str]:
    return [loss for done in report.converted for loss in done.losses]


def aligned(volume: Volume, like: Volume) -> Volume:
    """Turn axes that run the other way, where that brings every voxel to its place; values go along.

    A format may store rows or slices in another order: what counts is the value at each place in space.
    """
    if volume.grid.shape != like.grid.shape or volume.grid.is_close(like.grid):
        return volume
    turns = np.linalg.solve(volume.grid.affine[:3, :3], like.grid.affine[:3, :3])
    if not np.allclose(np.abs(turns), np.eye(3), atol=1e-3):
        return volume
    window = tuple(slice(None, None, -1 if turns[n, n] < 0 else 1) for n in range(3))
    turned = volume.load().crop((window[0], window[1], window[2]))
    return turned if turned.grid.is_close(like.grid) else volume


def refused_by(key: str, volume: Volume, folder: Path) -> str:
    """Return why a format does not take a volume; empty where it does."""
    from medvox.workflows.save import write

    try:
        write(volume, folder / "x", to=key)
    except MedvoxError as error:
        return error.what
    return ""


def with_spacing_dropped(volume: Volume) -> Volume:
    """Return a volume as a careless writer would leave it: one millimetre a voxel, nothing said."""
    plain = Grid(volume.grid.shape, aff.compose((1, 1, 1), np.eye(3)[:, ::-1], (0, 0, 0)))
    return replace(volume, grid=plain, provenance=None)
