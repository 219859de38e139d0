"""Write a volume as DICOM: a folder of classic images, or one multi-frame file."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from medvox.core.errors import UsageError
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume
from medvox.dicom.writing import storage
from medvox.dicom.writing.classic import ClassicSeries, classic_series
from medvox.dicom.writing.files.output import write_file, write_folder
from medvox.dicom.writing.multiframe import multiframe_file
from medvox.dicom.writing.options import DicomKind, DicomWriteOptions
from medvox.dicom.writing.plan import Plan, make_plan
from medvox.dicom.writing.report import report_of, times_kept
from medvox.formats.base import WriteReport


def write_series(
    volume: Volume,
    folder: str | PathLike[str],
    options: DicomWriteOptions | None = None,
    progress: Progress = silent,
) -> WriteReport:
    """Write a volume as one new series in a folder: ``CT00001.dcm`` and so on.

    Parameters
    ----------
    volume
        Any axes (time, k, j, i), or RGB of 8 bits.
    folder
        Made if it is not there.
    options
        Kind, compression, modality, source …; by default classic images without a source.

    Returns
    -------
    WriteReport
        The files in order of time and k; what they do not say, the largest error of a value included.

    Raises
    ------
    UnsupportedError
        If no DICOM image can hold the volume; the text lists the choices.
    UsageError
        If options do not fit the volume.
    WriteError, AccessError
        If the system refuses, or a file is there already; then nothing is written.
    """
    options, folder = options or DicomWriteOptions(), Path(folder)
    plan = make_plan(volume, DicomKind(options.kind or DicomKind.CLASSIC), options, progress)
    if plan.kind is DicomKind.CLASSIC:
        series = classic_series(plan)
        files = write_folder(folder, series.names(), series.files(), progress, options.overwrite)
        return _classic_report(plan, series, files)
    name = f"{plan.modality}00001.dcm"
    made = multiframe_file(plan)
    files = write_folder(folder, [name], [made.parts], progress, options.overwrite)
    return report_of(plan, files, made.unknown, made.timed)


def write_instance(
    volume: Volume,
    path: str | PathLike[str],
    options: DicomWriteOptions | None = None,
    progress: Progress = silent,
) -> WriteReport:
    """Write a volume as one file: enhanced, or classic where it is one slice.

    Raises
    ------
    UnsupportedError
        If no single DICOM image can hold the volume; the text lists the choices.
    UsageError
        If options do not fit the volume.
    WriteError, AccessError
        If the system refuses; nothing is left then.
    """
    options, path = options or DicomWriteOptions(), Path(path)
    single = volume.grid.shape[0] == 1 and not volume.lead_shape
    kind = DicomKind(options.kind or (DicomKind.CLASSIC if single else DicomKind.ENHANCED))
    if not path.parent.is_dir():
        write_file(path, [])  # says that the folder is missing, before values are read
    plan = make_plan(volume, kind, options, progress)
    if kind is not DicomKind.CLASSIC:
        made = multiframe_file(plan)
        write_file(path, made.parts)
        return report_of(plan, (path,), made.unknown, made.timed)
    series = classic_series(plan)
    if len(series.names()) > 1:
        raise UsageError(
            "a classic series is one file a slice", where=path, got=f"{len(series.names())} slices",
            advice="Name a folder, or write kind 'enhanced'",
        )  # fmt: skip
    write_file(path, next(series.files()))
    return _classic_report(plan, series, (path,))


def _classic_report(plan: Plan, series: ClassicSeries, files: Iterable[Path]) -> WriteReport:
    timed = times_kept(plan.volume, series.start is not None, plan.storage is storage.PT)
    return report_of(plan, files, series.unknown, timed or plan.storage is storage.US_MULTI)
