"""Convert every image of a source to a file of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from os import PathLike
from pathlib import Path

from medvox.core import settings
from medvox.core.errors import CancelledError, MedvoxError
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume
from medvox.dicom.format import DicomFormat
from medvox.dicom.writing import DicomKind, DicomWriteOptions
from medvox.formats.atomic import atomic_file
from medvox.formats.base import WriteReport
from medvox.formats.remote.mount import local
from medvox.workflows.convert.options import ConvertOptions
from medvox.workflows.convert.order import is_3d_acquisition, reordered
from medvox.workflows.convert.report import Converted, ConvertReport, Kept, Skipped
from medvox.workflows.convert.resampling import resampled
from medvox.workflows.convert.sidecars import write_gradients, write_sidecars
from medvox.workflows.convert.staging import move, of_target, refuse_existing, staging_folder
from medvox.workflows.convert.target import DICOM, Target, Task, planned, target_of
from medvox.workflows.open_folder import scan as scan_paths

REPORT = "convert.json"
ONE_FILE = (DicomKind.ENHANCED, DicomKind.LEGACY_ENHANCED)


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
    source
        A file, folder or archive of any format that can be read.
    target
        A folder (made if missing), or a file name where `source` holds exactly one image.

    Returns
    -------
    ConvertReport
        What was written, what was lost, and what was not converted and why.

    Raises
    ------
    MissingError
        If nothing under `source` is an image, or no series is the wanted one.
    UsageError
        If an option makes no sense, the template names the patient without `keep_identity`, or
        `target` is a file name and there are several images.
    CancelledError
        If `progress` raises it; images that are finished stay.
    """
    options = options or ConvertOptions()
    options.check()
    place = replace(target_of(Path(target), options.to), is_one_file=options.dicom_kind in ONE_FILE)
    source = local(source, progress)
    found = scan_paths(source, spacing_mm=options.spacing_mm, raw=options.raw, progress=progress)
    tasks = planned(found, Path(source), place, options)
    done: list[Converted] = []
    kept: list[Kept] = []
    skipped: list[Skipped] = []
    for number, task in enumerate(tasks):
        progress(number, len(tasks), f"Converting {task.image.label}")
        try:
            there = existing(task, place, options) if options.skip_existing else None
            if there is None:
                done.append(convert_one(task, place, options))
            else:
                kept.append(Kept(task.image.label, there))
        except CancelledError:
            raise
        except MedvoxError as error:
            skipped.append(Skipped(task.image.label, str(error)))
    progress(len(tasks), len(tasks), "Converting")
    report = ConvertReport(tuple(done), tuple(skipped), found.findings, tuple(kept))
    if options.report:
        _write_report(report, place.folder)
    return report


def _write_report(report: ConvertReport, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / REPORT) as file:
        file.write((json.dumps(report.as_json(folder), indent=2, ensure_ascii=False) + "\n").encode())


def existing(task: Task, target: Target, options: ConvertOptions) -> Path | None:
    """Return the file of an image where a run before has finished it.

    The file of values appears last (`medvox.workflows.convert.staging.move`): it tells that all are there.
    """
    place = target.folder / task.stem
    if options.sidecar and not place.with_name(place.name + ".json").exists():
        return None
    written = place.parent / target.file_name(task).parts[0]
    return written if written.exists() else None


def _suffixes(options: ConvertOptions) -> tuple[str, ...]:
    """Endings of what is always written beside an image."""
    if not options.sidecar:
        return ()
    return (".json", ".slices.csv") if options.sources else (".json",)


def convert_one(task: Task, target: Target, options: ConvertOptions) -> Converted:
    """Convert one image: its files appear together, or none of them does.

    Raises
    ------
    WriteError
        If one of the files is there already and may not be replaced, or writing fails.
    MedvoxError
        If it cannot be read, or the format cannot hold it.
    """
    place = target.folder / task.stem
    name = target.file_name(task)
    if not options.overwrite:
        refuse_existing(place.parent / name.parts[0])
        for suffix in _suffixes(options):
            refuse_existing(place.with_name(place.name + suffix))
    volume = prepared(task, target, options)
    with staging_folder(place.parent) as staging:
        (staging / name).parent.mkdir(exist_ok=True)
        try:
            with settings.using(compression_level=options.compression):
                report = _written(volume, staging / name, task, target, options)
            files = list(report.files)
            if options.sidecar:
                files += write_sidecars(task, volume, report.losses, options, staging / place.name)
                if target.is_nifti:
                    files += write_gradients(task, volume, staging / place.name)
        except MedvoxError as error:
            raise of_target(error, staging, place.parent) from error
        move(staging, place.parent, options.overwrite)
        moved = tuple(place.parent / path.relative_to(staging) for path in files)
    source = Path(task.image.instances[0].file).name if task.image.instances else ""
    return Converted(task.image.label, source, moved, report.losses, task.image.findings, report.notes)


def _written(volume: Volume, path: Path, task: Task, target: Target, options: ConvertOptions) -> WriteReport:
    """Write the values; DICOM files continue their source where the patient may be named."""
    if not isinstance(target.form, DicomFormat):
        return target.form.write(volume, path)
    is_continued = task.series.format == DICOM and options.keep_identity
    how = DicomWriteOptions(
        kind=options.dicom_kind,
        compression=options.dicom_compression,
        source=task.series if is_continued else None,
    )
    report = target.form.write(volume, path, options=how)
    if task.series.format != DICOM or is_continued:
        return report
    note = "Patient and study are not continued: add --keep-identity to do so."
    return replace(report, notes=(*report.notes, note))


def prepared(task: Task, target: Target, options: ConvertOptions) -> Volume:
    """Read the values of an image, in the scaling, order and grid that are asked for."""
    volume = task.image.volume()
    if options.scaling in volume.scalings:
        volume = volume.scaled(options.scaling)
    order = options.order or ("dcm2niix" if target.is_nifti else "stored")
    is_3d = order == "dcm2niix" and is_3d_acquisition(task.series, task.image)
    volume = reordered(volume.load(), order, is_3d)
    if options.resample is not None:
        volume = resampled(volume, options.resample, options.interpolation)
    return volume
