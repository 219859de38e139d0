"""Convert a folder to one file a volume, with a sidecar and a table of sources."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from medvox.core.axes import LETTERS
from medvox.core.errors import MedvoxError, MissingError, UsageError, WriteError
from medvox.core.finding import Finding
from medvox.core.grid import Grid
from medvox.core.progress import Progress, silent
from medvox.core.study import Image, Scan, Series, Study
from medvox.core.volume import Volume
from medvox.dicom.attributes import analysis_attributes
from medvox.formats.atomic import atomic_file
from medvox.formats.base import Format
from medvox.formats.registry import available, format_for_name
from medvox.workflows import names
from medvox.workflows.open_folder import scan as scan_paths

_FREE_TEXTS = frozenset({"SeriesDescription", "ProtocolName", "ContrastBolusAgent", "TracerName"})
ORDERS = ("dcm2niix", "stored", "ras")
SCALINGS = ("precise", "display")


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """How to convert.

    Parameters
    ----------
    to
        Format of the files, ``"nifti"``, ``"metaimage"``, ``"nrrd"``.
    template
        Names of the files, see `medvox.workflows.names.LETTERS`.
    keep_identity
        Whether names and sidecars may say who the patient is, and where the files were.
    scaling
        Philips files: ``"precise"`` (default) or ``"display"`` values.
    order
        Order of voxels in the file: as dcm2niix writes it (rows from posterior to anterior; 3D
        acquisitions turned to RAS), as stored, or nearest to RAS. Only flips and transposes; every
        voxel stays where it is in space.
    sidecar
        Whether to write NAME.json and NAME.slices.csv.
    spacing_mm
        Slice, row and column distance for stacks of pictures that say none.
    overwrite
        Whether files that are there already may be replaced.
    raw
        What the source holds as raw values, as for `medvox.workflows.open_folder.scan`.
    """

    to: str = "nifti"
    template: str = names.DEFAULT
    keep_identity: bool = False
    scaling: str = "precise"
    order: str = "dcm2niix"
    sidecar: bool = True
    spacing_mm: tuple[float, float, float] | None = None
    overwrite: bool = False
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Converted:
    """One converted image: its files, what the format could not hold, and its findings."""

    label: str
    files: tuple[Path, ...]
    losses: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """One image that was not converted, and why."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConvertReport:
    """What `convert` did."""

    converted: tuple[Converted, ...]
    skipped: tuple[Skipped, ...]
    findings: tuple[Finding, ...]


def convert(
    source: str | PathLike[str],
    target: str | PathLike[str],
    options: ConvertOptions | None = None,
    *,
    progress: Progress = silent,
) -> ConvertReport:
    """Convert every image under `source` to a file of its own in the folder `target`.

    Parameters
    ----------
    target
        A folder (made if missing), or a file name where `source` holds exactly one image.

    Raises
    ------
    MissingError
        If nothing under `source` is an image.
    UsageError
        If an option makes no sense, the template names the patient without `keep_identity`, or
        `target` is a file name and there are several images.
    """
    options = options or ConvertOptions()
    if options.order not in ORDERS:
        raise UsageError("unknown voxel order", got=options.order, expected=ORDERS)
    if options.scaling not in SCALINGS:
        raise UsageError("unknown scaling", got=options.scaling, expected=SCALINGS)
    names.check(options.template, options.keep_identity)
    found = scan_paths(source, spacing_mm=options.spacing_mm, raw=options.raw, progress=progress)
    wanted = [
        (study, series, image)
        for study in found.studies
        for series in study.series
        for image in series.images
    ]
    if not wanted:
        raise MissingError("no image to convert", where=source, advice=_reasons(found))
    form, folder, fixed = _target(Path(target), options, len(wanted))
    folder.mkdir(parents=True, exist_ok=True)
    job = _Job(options, form, folder, Path(source).resolve().name, fixed, set())
    done: list[Converted] = []
    skipped: list[Skipped] = []
    for number, (study, series, image) in enumerate(wanted):
        progress(number, len(wanted), f"Converting {image.label}")
        try:
            done.append(_convert_one(job, study, series, image))
        except MedvoxError as error:
            skipped.append(Skipped(image.label, str(error)))
    progress(len(wanted), len(wanted), "Converting")
    return ConvertReport(tuple(done), tuple(skipped), found.findings)


def _reasons(found: Scan) -> str | None:
    return "; ".join(f"{f.where}: {f.text}" for f in list(found.all_findings())[:3]) or None


@dataclass(frozen=True, slots=True)
class _Job:
    options: ConvertOptions
    form: Format
    folder: Path
    source_name: str
    fixed: str | None
    taken: set[str]


def _target(target: Path, options: ConvertOptions, count: int) -> tuple[Format, Path, str | None]:
    """Format, folder, and file name where the target names a file."""
    if target.is_dir() or not target.suffix:
        return _format(options.to), target, None
    form = format_for_name(target.name)
    if count > 1:
        raise UsageError(
            f"the source holds {count} images, the target is one file", where=target, advice="Name a folder"
        )
    return form, target.parent, target.name


def _format(key: str) -> Format:
    written = {name: form for name, form in available() if form.writes}
    if key.lower() not in written:
        raise UsageError("no such format to write", got=key, expected=sorted(written))
    return written[key.lower()]


def _convert_one(job: _Job, study: Study, series: Series, image: Image) -> Converted:
    volume = image.volume()
    if job.options.scaling in volume.scalings:
        volume = volume.scaled(job.options.scaling)
    name, base = _name(job, study, series, image)
    reordered = _reorder(volume.load(), job.options.order, _is_3d(series, image))
    report = job.form.write(reordered, job.folder / name)
    files = list(report.files)
    if job.options.sidecar:
        files += _write_sidecars(job, base, study, series, image, reordered, report.losses)
    return Converted(image.label, tuple(files), report.losses, image.findings)


def _name(job: _Job, study: Study, series: Series, image: Image) -> tuple[str, str]:
    """Name of the file and what its sidecars begin with.

    Raises
    ------
    WriteError
        If one of the files is there already, and may not be replaced.
    """
    options = job.options
    suffix = job.form.suffixes[0]
    stem = names.file_stem(options.template, study, series, image, job.source_name, options.keep_identity)
    name = job.fixed or names.distinct(stem, job.taken) + suffix
    base = name[: -len(suffix)] if name.endswith(suffix) else Path(name).stem
    wanted = (name, f"{base}.json", f"{base}.slices.csv") if options.sidecar else (name,)
    there = [found for found in wanted if (job.folder / found).exists()]
    if there and not options.overwrite:
        raise WriteError(
            "the file is there already", where=job.folder / there[0], advice="Add --overwrite to replace it"
        )
    return name, base


# -- order of voxels ----------------------------------------------------------------------------


def _is_3d(series: Series, image: Image) -> bool:
    if series.format != "DICOM" or image.modality != "MR" or not image.instances:
        return False
    return analysis_attributes(image.instances[0].file).get("MRAcquisitionType") == "3D"


def _reorder(volume: Volume, order: str, is_3d: bool) -> Volume:
    """Flip or transpose the stored array; the grid follows, so nothing moves in space."""
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


# -- sidecars -----------------------------------------------------------------------------------


def _write_sidecars(
    job: _Job, base: str, study: Study, series: Series, image: Image, volume: Volume, losses: tuple[str, ...]
) -> list[Path]:
    facts = _sidecar(job.options, series, image, volume, losses)
    if not job.options.keep_identity:
        for key in _FREE_TEXTS & facts.keys():
            facts[key] = names.without_patient(str(facts[key]), study.patient)
    sidecar = job.folder / f"{base}.json"
    _write_text(sidecar, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    written = [sidecar]
    table = _source_table(volume, job.options.keep_identity)
    if table:
        path = job.folder / f"{base}.slices.csv"
        _write_text(path, table)
        written.append(path)
    return written


def _write_text(path: Path, text: str) -> None:
    with atomic_file(path) as file:
        file.write(text.encode())


def _sidecar(
    options: ConvertOptions, series: Series, image: Image, volume: Volume, losses: tuple[str, ...]
) -> dict[str, Any]:
    import medvox

    found: dict[str, Any] = {}
    if series.format == "DICOM" and image.instances:
        found.update(analysis_attributes(image.instances[0].file, _first_frame(volume)))
        if options.keep_identity:
            found["SeriesInstanceUID"] = series.uid
    found["ConversionSoftware"] = "medvox"
    found["ConversionSoftwareVersion"] = medvox.__version__
    grid = volume.grid
    found["medvox"] = {
        "axes": list(volume.axes),
        "shape": list(volume.shape),
        "coordinates": {name: list(values) for name, values in volume.coordinates.items()},
        "unit": volume.unit,
        "meaning": volume.meaning,
        "affine_kji_to_lps_mm": grid.affine.tolist(),
        "slice_origins_mm": None if grid.slice_origins_mm is None else grid.slice_origins_mm.tolist(),
        "space": str(grid.space),
        "history": list(volume.known_provenance.history),
        "findings": [
            {"code": f.code, "level": str(f.level), "text": f.text, "reference": f.reference}
            for f in image.findings
        ],
        "lost_in_this_format": list(losses),
    }
    return found


def _first_frame(volume: Volume) -> int:
    lineage = (volume.known_provenance, *volume.known_provenance.ancestors())
    return next((p.sources[0].frame for p in lineage if p.sources), 1)


def _source_table(volume: Volume, keep_identity: bool) -> str:
    """Slice-to-source table as CSV; empty where sources are not known. Slices count as stored.

    Without identity the SOP Instance UID is given as a SHA-256 digest: whoever has the originals can
    look it up, nobody else can.
    """
    lineage = (volume.known_provenance, *volume.known_provenance.ancestors())
    known = next((p for p in lineage if p.sources), None)
    if known is None:
        return ""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    identity = ("sop_instance_uid", "file") if keep_identity else ("sop_instance_uid_sha256",)
    writer.writerow(("volume", "slice", *identity, "frame", "tile", "slope", "intercept", "time_s"))
    slices = known.grid.shape[0]
    for number, source in enumerate(known.sources):
        uid = source.sop_instance_uid or ""
        who = (
            (uid, source.file)
            if keep_identity
            else (hashlib.sha256(uid.encode()).hexdigest() if uid else "",)
        )
        tile = "" if source.tile is None else f"{source.tile[0]},{source.tile[1]}"
        time = "" if source.time_s is None else f"{source.time_s:g}"
        writer.writerow(
            (*divmod(number, slices), *who, source.frame, tile, source.slope, source.intercept, time)
        )
    return out.getvalue()
