"""Which format is it: by content when reading, by name when writing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from medvox.core.errors import AmbiguityError, MissingError, UnknownFormatError, UnsupportedError, UsageError
from medvox.core.registry import Registry
from medvox.formats.base import HEAD_BYTES, Format, Head, stored_name
from medvox.formats.files import reading
from medvox.formats.values.compression import GZIP_MAGIC, unpack_start

FORMATS: Registry[Format] = Registry("medvox.formats")
"""Every installed format by its key (``"nifti"``), ours and those of other packages."""

_broken: dict[str, str] = {}


def available() -> Iterator[tuple[str, Format]]:
    """Yield key and format of every format that can be loaded, those that lack a package left out."""
    for name in FORMATS.names():
        if name in _broken:
            continue
        try:
            yield name, FORMATS.get(name)
        except (ImportError, AttributeError) as error:
            _broken[name] = str(error)


def read_head(path: Path) -> Head:
    """Read what formats are shown of a file (or folder) before one is chosen.

    Raises
    ------
    MissingError, AccessError
        If it is not there or cannot be read.
    """
    if path.is_dir():
        return Head(path, b"", 0, folder=True)
    with reading(path) as file:
        first = file.read(HEAD_BYTES)
        size = file.seek(0, 2)
        if not first.startswith(GZIP_MAGIC):
            return Head(path, first, size)
        file.seek(0)
        return Head(path, unpack_start(file.read(64 * HEAD_BYTES), HEAD_BYTES), size, gzipped=True)


def detect(path: Path, only: Iterable[str] | None = None) -> Format:
    """Find the format of a file by its content; where two are equally sure, the suffix decides.

    Parameters
    ----------
    path
        A file, or a folder for formats that are folders.
    only
        Keys of the formats to try; by default all.

    Raises
    ------
    UnknownFormatError
        If no format recognises it; the text lists those that were tried.
    AmbiguityError
        If several recognise it and the suffix does not settle it.
    MissingError, AccessError
        If it is not there or cannot be read.
    """
    return detect_head(read_head(path), only)


def detect_head(head: Head, only: Iterable[str] | None = None) -> Format:
    """Find the format of a file of which the head is known; see `detect`."""
    tried = [(key, f) for key, f in available() if only is None or key in set(only)]
    marks = [(f.sniff(head), key, f) for key, f in tried]
    sure = sorted(((mark, _fits(f, head.path), key) for mark, key, f in marks if mark > 0), reverse=True)
    if not sure:
        raise UnknownFormatError(
            "no format recognises the content",
            where=head.path,
            got="an empty file" if not head.size and not head.folder else None,
            expected=", ".join(f.name for _, f in tried) or "at least one installed format",
        )
    best = [key for score, fits, key in sure if (score, fits) == sure[0][:2]]
    if len(best) > 1:
        raise AmbiguityError("several formats recognise the file", where=head.path, choices=best)
    return FORMATS.get(best[0])


def _fits(form: Format, path: Path) -> int:
    """Length of the longest suffix of the format that the name ends in."""
    return max((len(s) for s in form.suffixes if path.name.lower().endswith(s)), default=0)


def format_for_name(name: str | Path) -> Format:
    """Find the format to write by its key (``"nifti"``) or a file's name (``"x.nii.gz"``).

    Raises
    ------
    UsageError
        If no format has the key or the suffix.
    UnsupportedError
        If the format is known but cannot be written.
    AmbiguityError
        If the suffix is usual in several formats that can be written.
    """
    text = str(name)
    if text.lower() in FORMATS.names():
        return _writable(FORMATS.get(text.lower()), text)
    fits = [(length, key, form) for key, form in available() if (length := _written(form, text))]
    if not fits:
        readable = [form.name for _, form in available() if _fits(form, Path(text))]
        if readable:
            raise _unwritten(" or ".join(readable), Path(text).name)
        raise UsageError(
            "no format is written under this name",
            got=Path(text).name,
            expected="a name ending in " + ", ".join(written_suffixes()),
        )
    longest = max(length for length, _, _ in fits)
    best = [(key, form) for length, key, form in fits if length == longest]
    if len(best) > 1:
        raise AmbiguityError(
            "several formats are written under this suffix", where=text, choices=[k for k, _ in best]
        )
    return best[0][1]


def written_suffixes() -> tuple[str, ...]:
    """Suffixes that can be written, sorted."""
    return tuple(sorted({s for _, form in available() if form.writes for s in form.names_written}))


def _written(form: Format, name: str) -> int:
    if not form.writes:
        return 0
    fitting = (s for s in form.names_written if name.lower().endswith(s))
    return max((len(s) for s in fitting), default=0)


def _writable(form: Format, name: str) -> Format:
    if form.writes:
        return form
    raise _unwritten(form.name, name)


def _unwritten(format_name: str, name: str) -> UnsupportedError:
    expected = "a name ending in " + ", ".join(written_suffixes())
    return UnsupportedError(f"{format_name} cannot be written under this name", where=name, expected=expected)


def name_without_suffix(path: Path) -> str:
    """Name of a file without the suffix of any known format: ``scan.nii.gz`` -> ``scan``."""
    return stored_name(path, [s for _, form in available() for s in form.suffixes])


def get(key: str) -> Format:
    """Return the format of a key.

    Raises
    ------
    UsageError
        If there is none, with the keys that there are.
    """
    try:
        return FORMATS.get(key)
    except MissingError as error:
        raise UsageError("no such format", got=key, expected=", ".join(FORMATS.names())) from error
