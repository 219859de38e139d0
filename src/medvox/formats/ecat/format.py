"""ECAT 7 (.v): images of CTI and Siemens PET scanners; read only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from medvox.core.axes import PHASE, SPATIAL, TIME, reverse_index_order
from medvox.core.errors import FormatError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.core.rescale import IDENTITY, Rescale
from medvox.core.study import HeaderElement, Image
from medvox.formats.base import Format, Head
from medvox.formats.content import Content
from medvox.formats.ecat.header import MAGIC, Matrix, read_directory, read_main, read_subheader, text
from medvox.formats.gantry import USUAL, scanner_axes
from medvox.formats.text_header import grid_or_pixels
from medvox.formats.values.pieces import Pieces

_FILE_TYPES = {
    0: "unknown", 1: "2D scan (sinogram)", 2: "image, 16 bits", 3: "attenuation correction",
    4: "2D normalization", 5: "polar map", 6: "volume, 8 bits", 7: "volume, 16 bits", 8: "projection",
    9: "projection, 16 bits", 10: "image, 8 bits", 11: "3D scan (sinogram)", 12: "3D scan, 8 bits",
    13: "3D normalization", 14: "3D scan fit",
}  # fmt: skip
_IMAGES = (2, 6, 7, 10)
_TYPES = {1: "u1", 2: "<i2", 3: "<i4", 5: ">f4", 6: ">i2", 7: ">i4"}
"""Data type codes: byte, VAX 16 and 32 bits, IEEE float, Sun 16 and 32 bits; not 4, the VAX float."""
_POSITIONS = ("FFP", "HFP", "FFS", "HFS", "FFDR", "HFDR", "FFDL", "HFDL")
"""Patient orientation codes 0 to 7; 8 is unknown."""
_UNITS = {
    "bq/cc": "Bq/ml", "bq/ml": "Bq/ml", "becquerels/ml": "Bq/ml", "kbq/cc": "kBq/ml", "kbq/ml": "kBq/ml",
    "nci/cc": "nCi/ml", "uci/cc": "uCi/ml", "unknown": "1",
}  # fmt: skip
_MM = 10.0
_REFERENCE = "ECAT 7"
_IDENTIFYING = ("patient_", "physician", "operator", "original_file", "facility", "annotation", "study_")


@dataclass(frozen=True, slots=True)
class EcatFormat(Format):
    """ECAT 7."""

    name: ClassVar[str] = "ECAT 7"
    suffixes: ClassVar[tuple[str, ...]] = (".v", ".a", ".s")
    holds: ClassVar[str] = (
        "image volumes; frames, gates and beds, times, scale a frame, calibration, position"
    )

    def sniff(self, head: Head) -> float:
        """Look for ``MATRIX7`` in the first bytes."""
        return 1.0 if head.first.startswith(MAGIC) and not head.gzipped else 0.0

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read headers and directory; one image a bed position.

        Raises
        ------
        UnsupportedError
            If the file holds sinograms, attenuation or normalization data, which are no images.
        """
        main = read_main(path)
        kind = int(main["file_type"])
        if kind not in _IMAGES:
            raise UnsupportedError(
                "the file holds no image",
                where=path,
                got=f"file type {kind} ({_FILE_TYPES.get(kind, 'unknown')})",
                expected="file types 2, 6, 7 and 10 (images and volumes)",
            )
        beds = groupby(read_directory(path), key=lambda matrix: matrix.bed)
        groups = [(bed, list(matrices)) for bed, matrices in beds]
        names = [f"{path.name} bed {bed + 1}" if len(groups) > 1 else "" for bed, _ in groups]
        return tuple(
            _content(path, main, matrices, name).image()
            for name, (_, matrices) in zip(names, groups, strict=True)
        )

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Every field of the main header, then those of each image's subheader."""
        main = read_main(path)
        lines = list(_lines(main, 0))
        if int(main["file_type"]) in _IMAGES:
            for matrix in read_directory(path)[:1000]:
                name = f"frame {matrix.frame}, gate {matrix.gate}, bed {matrix.bed}"
                lines.append(HeaderElement("matrix", "subheader", "", name))
                lines += _lines(read_subheader(path, matrix), 1)
        return tuple(lines)


def _lines(record: Any, depth: int) -> Iterator[HeaderElement]:
    for name in record.dtype.names:
        kind = record.dtype[name]
        value = text(record, name) if kind.kind == "S" else str(np.asarray(record[name]).tolist())
        named = name.startswith(_IDENTIFYING) and name != "patient_orientation"
        yield HeaderElement(name, kind.base.name, "", value, depth, identifying=named and bool(value))


def _content(path: Path, main: Any, matrices: Sequence[Matrix], label: str) -> Content:
    subheaders = [read_subheader(path, matrix) for matrix in matrices]
    shape, stored = _layout(path, subheaders)
    lead, findings = _lead(path, matrices)
    starts = tuple(matrix.values_start for matrix in matrices)
    lead_shape = tuple(size for _, size in lead)
    pieces = Pieces(path, starts, lead_shape, shape, stored)
    pieces.check("the subheader")
    grid, notes = _grid(path, main, subheaders[0], shape)
    rescale, faults = _rescale(path, main, subheaders, (*lead_shape, shape[0]))
    durations = " ".join(f"{int(sub['frame_duration']) / 1000:g}" for sub in subheaders)
    return Content(
        path=path,
        grid=grid,
        array=pieces.array,
        axes=(*(name for name, _ in lead), *SPATIAL),
        lead_shape=lead_shape,
        label=label,
        unit=_unit(main),
        rescale=rescale,
        modality="PT",
        coordinates=_times(subheaders, lead),
        findings=(*findings, *notes, *faults),
        attributes=(("frame_duration_s", durations),) if len(subheaders) < 1000 else (),
    )


def _layout(path: Path, subheaders: Sequence[Any]) -> tuple[tuple[int, int, int], np.dtype[Any]]:
    """Sizes and type, the same in every subheader."""
    found = {(*tuple(int(sub[f"{a}_dimension"]) for a in "zyx"), int(sub["data_type"])) for sub in subheaders}
    if len(found) > 1:
        raise UnsupportedError(
            "frames of different sizes or types cannot be read", where=path, got=sorted(found)
        )
    ((k, j, i, code),) = found
    if min(k, j, i) < 1:
        raise FormatError("a dimension is below 1", where=path, got=(k, j, i))
    if code not in _TYPES:
        raise UnsupportedError(
            "the data type cannot be read",
            where=path,
            got=code,
            expected="1, 2, 3, 5, 6 or 7 (not VAX floats)",
        )
    return (k, j, i), np.dtype(_TYPES[code])


def _lead(path: Path, matrices: Sequence[Matrix]) -> tuple[tuple[tuple[str, int], ...], tuple[Finding, ...]]:
    """Axes before k: gates and frames, where each pair of them is there once."""
    gates, frames = ({getattr(m, name) for m in matrices} for name in ("gate", "frame"))
    sizes = ((PHASE, len(gates)), (TIME, len(frames)))
    lead = tuple((name, size) for name, size in sizes if size > 1)
    pairs = {(matrix.gate, matrix.frame) for matrix in matrices}
    if len(pairs) == len(matrices) == math.prod(size for _, size in sizes):
        return lead, ()
    if len({matrix.plane for matrix in matrices}) > 1:
        raise UnsupportedError("planes stored one by one cannot be read", where=path)
    note = f"{len(matrices)} matrices are no full set of {len(gates)} gates and {len(frames)} frames"
    finding = Finding("ambiguous-4d", Level.WARNING, str(path), f"{note}: read in their order", _REFERENCE)
    return (("matrix", len(matrices)),), (finding,)


def _grid(path: Path, main: Any, sub: Any, shape: tuple[int, int, int]) -> tuple[Grid, tuple[Finding, ...]]:
    """Grid along the scanner's axes, its middle at 0 as nibabel has it; pixel sizes and offsets are in cm."""
    code = int(main["patient_orientation"])
    known = 0 <= code < len(_POSITIONS)
    axes = scanner_axes(_POSITIONS[code] if known else USUAL)
    with np.errstate(all="ignore"):
        steps = np.array([float(sub[f"{a}_pixel_size"]) * _MM for a in "xyz"])
        offsets = np.nan_to_num(
            np.array([float(sub[f"{a}_offset"]) * _MM for a in "xyz"]), posinf=0, neginf=0
        )
        steps = np.where(np.abs(steps) < 1e12, steps, np.nan)
        ijk = np.eye(4)
        ijk[:3, :3] = axes * steps
        ijk[:3, 3] = axes @ (offsets - (np.array(shape[::-1]) - 1) / 2 * steps)
    space = Space.PATIENT if known else Space.LOCAL
    grid, faults = grid_or_pixels(shape, reverse_index_order(ijk), space, path)
    if faults:
        return grid, faults
    notes = []
    if not known:
        said = f"patient orientation {code} is not known: head first, supine is assumed"
        notes.append(Finding("geometry-assumed", Level.WARNING, str(path), said, _REFERENCE))
    said = "the origin is the middle of the volume: the file does not place it in the patient"
    notes.append(Finding("geometry-assumed", Level.INFO, str(path), said, _REFERENCE))
    return grid, tuple(notes)


def _rescale(
    path: Path, main: Any, subheaders: Sequence[Any], shape: tuple[int, ...]
) -> tuple[Rescale, tuple[Finding, ...]]:
    """Scale of each frame times the calibration factor."""
    factor = float(main["ecat_calibration_factor"])
    findings: tuple[Finding, ...] = ()
    if not math.isfinite(factor) or factor <= 0:
        said = f"the calibration factor {factor:g} cannot be used: values are not calibrated"
        findings = (Finding("bad-rescale", Level.WARNING, str(path), said, _REFERENCE),)
        factor = 1.0
    slopes = np.array([float(sub["scale_factor"]) for sub in subheaders]) * factor
    if not np.isfinite(slopes).all() or (slopes == 0).any():
        said = "a scale factor is 0 or not a finite number: stored values are shown"
        return IDENTITY, (*findings, Finding("bad-rescale", Level.WARNING, str(path), said, _REFERENCE))
    return Rescale.of(np.broadcast_to(slopes.reshape(*shape[:-1], 1), shape), 0.0), findings


def _unit(main: Any) -> str:
    """Unit of calibrated values, from data_units, else from the calibration's label (1: Bq/ml)."""
    named = text(main, "data_units")
    if named:
        return _UNITS.get(named.lower(), named[:16])
    return (
        "Bq/ml" if int(main["calibration_units_label"]) == 1 and int(main["calibration_units"]) == 1 else "1"
    )


def _times(subheaders: Sequence[Any], lead: tuple[tuple[str, int], ...]) -> dict[str, tuple[float, ...]]:
    """Start of each frame in seconds (stored in ms), where they advance."""
    sizes = dict(lead)
    if TIME not in sizes:
        return {}
    starts = np.array([int(sub["frame_start_time"]) / 1000 for sub in subheaders]).reshape(-1, sizes[TIME])
    if (np.diff(starts[0]) <= 0).any():
        return {}
    return {TIME: tuple(starts[0].tolist())}
