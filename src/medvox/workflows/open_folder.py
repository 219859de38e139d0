"""Open anything: find files, tell formats by content, sort into studies and series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

from medvox.core.errors import MedvoxError, MissingError, UnknownFormatError, UsageError
from medvox.core.finding import Finding, Level
from medvox.core.progress import Progress, silent, track
from medvox.core.study import HeaderElement, Image, Instance, Patient, Scan, Series, Study
from medvox.core.volume import Volume
from medvox.dicom.scan import scan_headers
from medvox.dicom.series import make_studies
from medvox.formats.base import Format
from medvox.formats.inputs import InputFile, find_inputs
from medvox.formats.raw import RawDescription, RawFormat
from medvox.formats.registry import detect
from medvox.formats.remote.mirror import fetched_whole
from medvox.formats.remote.mount import local
from medvox.formats.stack import PICTURE_FORMATS, stack_images

PathLike_ = str | PathLike[str]
Spacing = tuple[float, float, float]


def scan(
    paths: PathLike_ | Sequence[PathLike_],
    *,
    spacing_mm: Spacing | None = None,
    raw: str | None = None,
    progress: Progress = silent,
) -> Scan:
    """Find out what lies under paths; headers are read, values are not.

    Parameters
    ----------
    paths
        One or more files, folders or zip and tar archives; also URLs (``s3://``, ``https://`` …), of which
        only what is needed is fetched.
    spacing_mm
        Slice, row and column distance for stacks of pictures that say none.
    raw
        What the paths, which are files then, hold as raw values:
        ``"columns=512 rows=512 slices=300 type=int16"``; see `medvox.formats.raw.RawDescription`.

    Raises
    ------
    MissingError
        If a path is not there.
    UsageError
        If `raw` makes no description, or a path is no file.

    Examples
    --------
    >>> import medvox as mv
    >>> [image.label for image in mv.scan("patient").images()]  # doctest: +SKIP
    ['CT, thorax', 'PET, thorax']
    """
    roots = [local(p, progress) for p in ([paths] if isinstance(paths, str | PathLike) else paths)]
    for root in roots:
        if not root.exists():
            raise MissingError("no such file or folder", where=root)
    if raw is not None:
        return _described(roots, raw)
    inputs, findings = find_inputs(roots, progress)
    headers, others, notes = scan_headers([file for file in inputs if not file.folder], progress=progress)
    others += [file for file in inputs if file.folder]
    studies, more = make_studies(headers, progress)
    plain, rest = _plain_studies(others, spacing_mm, progress)
    return Scan(
        roots=tuple(str(root) for root in roots),
        studies=(*studies, *plain),
        findings=(*findings, *notes, *more, *rest),
        files=len(inputs),
    )


def read(
    path: PathLike_,
    label: str | None = None,
    *,
    spacing_mm: Spacing | None = None,
    raw: str | None = None,
    progress: Progress = silent,
) -> Volume:
    """Open one volume of a file or folder, its values lazy.

    Parameters
    ----------
    label
        Part of the label of the image that is wanted; may be left out when there is only one.
    spacing_mm, raw
        As for `scan`.

    Raises
    ------
    AmbiguityError
        If several images fit; lists them.
    MissingError
        If there is none.
    FormatError
        If the file cannot be used.
    """
    found = scan(path, spacing_mm=spacing_mm, raw=raw, progress=progress)
    if label is None and not any(True for _ in found.images()):
        reasons = [f for f in found.all_findings() if f.level is Level.ERROR]
        text = "; ".join(f"{f.where}: {f.text}" for f in reasons[:3]) or None
        raise MissingError("no image could be opened", where=path, advice=text)
    return found.volume(label)


def _described(roots: Sequence[Path], text: str) -> Scan:
    """Files that the caller describes, each a series; what they look like does not count."""
    form = RawFormat(RawDescription.from_text(text))
    folders = [root for root in roots if not root.is_file()]
    if folders:
        raise UsageError("a description of raw values is for files", where=folders[0], got="a folder")
    series = []
    for root in roots:
        file = InputFile(root, root.name, root.stat().st_size)
        series.append(_series_of(form.images(root), root.name, form.name, [file], _header_reader(form)))
    study = Study(uid=None, patient=Patient(), description=_title(".", series), series=tuple(series))
    return Scan(tuple(map(str, roots)), (study,), (), len(roots))


def _plain_studies(
    files: Sequence[InputFile], spacing_mm: Spacing | None, progress: Progress
) -> tuple[list[Study], list[Finding]]:
    """Studies of files that are not DICOM: one a folder."""
    findings: list[Finding] = []
    known, pictures = _by_format(files, findings, progress)
    folders: dict[str, list[Series]] = defaultdict(list)
    for file, form in known:
        series = _plain_series(file, form, findings)
        if series is not None:
            folders[_folder(file)].append(series)
    for members in filter(None, pictures.values()):
        folders[_folder(members[0][0])] += _picture_series(members, spacing_mm, findings)
    return [
        Study(uid=None, patient=Patient(), description=_title(name, series), series=tuple(series))
        for name, series in sorted(folders.items())
        if series
    ], findings


def _title(folder: str, series: Sequence[Series]) -> str:
    """Name of a folder as it is shown: that of the opened one for what lies in it directly."""
    return folder if folder != "." else Path(series[0].instances[0].file).absolute().parent.name


Known = tuple[InputFile, Format]


def _by_format(
    files: Sequence[InputFile], findings: list[Finding], progress: Progress
) -> tuple[list[Known], dict[tuple[str, str], list[Known]]]:
    """Tell formats by content; pictures go by folder and format, since they may be stacks."""
    known: list[Known] = []
    pictures: dict[tuple[str, str], list[Known]] = defaultdict(list)
    belonging: set[Path] = set()
    unknown: list[InputFile] = []
    for file in track(files, progress, "Recognising files", len(files)):
        try:
            form = detect(file.path)
        except UnknownFormatError:
            unknown.append(file)
            continue
        except MedvoxError as error:
            findings.append(Finding("unreadable-file", Level.WARNING, file.name, error.reason))
            continue
        others = _companions(form, file.path)
        belonging.update(path.resolve() for path in others)
        if not form.reads_ranges:
            for path in (file.path, *others):
                fetched_whole(path)
        if form.name in PICTURE_FORMATS:
            pictures[_folder(file), form.name].append((file, form))
        else:
            known.append((file, form))
    if belonging:
        known = [(file, form) for file, form in known if file.path.resolve() not in belonging]
        unknown = [file for file in unknown if file.path.resolve() not in belonging]
        for key, members in pictures.items():
            pictures[key] = [member for member in members if member[0].path.resolve() not in belonging]
    text = "Not a format known here"
    findings += [Finding("unknown-format", Level.INFO, file.name, text) for file in unknown]
    return known, pictures


def _companions(form: Format, path: Path) -> tuple[Path, ...]:
    """Files that belong to this one; none where its header cannot be read, which opening it will tell."""
    try:
        return form.companions(path)
    except MedvoxError:
        return ()


def _folder(file: InputFile) -> str:
    return str(Path(file.name).parent)


def _plain_series(file: InputFile, form: Format, findings: list[Finding]) -> Series | None:
    try:
        images = form.images(file.path)
    except MedvoxError as error:
        findings.append(Finding("unreadable-file", Level.ERROR, file.name, error.reason))
        return None

    return _series_of(images, Path(file.name).name, form.name, [file], _header_reader(form))


def _series_of(
    images: tuple[Image, ...],
    description: str,
    format_name: str,
    files: Sequence[InputFile],
    header: Callable[[Instance], tuple[HeaderElement, ...]],
) -> Series:
    named = tuple(image if image.label else replace(image, label=description) for image in images)
    return Series(
        uid=None,
        description=description,
        format=format_name,
        images=named,
        instances=tuple(Instance(str(file.path)) for file in files),
        modality=next((image.modality for image in named if image.modality), None),
        header=header,
    )


def _picture_series(
    members: Sequence[Known], spacing_mm: Spacing | None, findings: list[Finding]
) -> list[Series]:
    """Numbered pictures of one folder as a stack; the others each as themselves."""
    known = {file.path: (file, form) for file, form in members}
    stacks, left, notes = stack_images(list(known), spacing_mm)
    findings += notes
    series = []
    for image in stacks:
        files = [known[Path(instance.file)][0] for instance in image.instances]
        form = known[files[0].path][1]
        series.append(_series_of((image,), image.label, form.name, files, _header_reader(form)))
    singles = [_plain_series(*known[path], findings) for path in left]
    return series + [single for single in singles if single is not None]


def _header_reader(form: Format) -> Callable[[Instance], tuple[HeaderElement, ...]]:
    return lambda instance: form.header(Path(instance.file))
