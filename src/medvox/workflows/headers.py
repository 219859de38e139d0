"""Headers of what a scan found, line by line, for every format: the source of `medvox info --header`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medvox.core.errors import MedvoxError
from medvox.core.study import HeaderElement, Scan
from medvox.formats.registry import detect

Lines = tuple[HeaderElement, ...]
HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class FileHeader:
    """Header of one file.

    Parameters
    ----------
    file
        Name, without its folder.
    lines
        All of its lines; none where it has no header or cannot be read.
    problem
        Why it cannot be read, or empty.
    """

    file: str
    lines: Lines
    problem: str = ""


def read_headers(scan: Scan, *, every_file: bool = False) -> Iterator[FileHeader]:
    """Read the headers of the first file of each series, or of all files.

    Files that were named themselves and belong to no series (a DICOMDIR, say) are read too.
    """
    seen: set[str] = set()
    for series in scan.series():
        if series.header is None:
            continue
        files = dict.fromkeys(instance.file for instance in series.instances)
        seen.update(files)
        for instance in series.instances if every_file else series.instances[:1]:
            if instance.file in files:
                del files[instance.file]
                read = series.header
                yield _read(Path(instance.file), lambda read=read, one=instance: read(one))  # type: ignore[misc]
    for path in map(Path, scan.roots):
        if path.is_file() and str(path) not in seen:
            try:
                form = detect(path)
            except MedvoxError:
                continue
            yield _read(path, lambda form=form, path=path: form.header(path))  # type: ignore[misc]


def _read(path: Path, read: Callable[[], Lines]) -> FileHeader:
    try:
        return FileHeader(path.name, read())
    except MedvoxError as error:
        return FileHeader(path.name, (), str(error))


def matching(lines: Sequence[HeaderElement], texts: Sequence[str], private: bool = False) -> list[int]:
    """Find the lines that hold one of the texts.

    Parameters
    ----------
    texts
        Looked for in tag, keyword, name, value, meaning and private creator, case ignored;
        ``0028,0010`` and ``00280010`` both find a tag. None: every line.
    private
        Whether private elements only.

    Returns
    -------
    list of int
        Indices.
    """
    wanted = [text.lower().strip().strip("()") for text in texts]
    return [
        number
        for number, line in enumerate(lines)
        if (line.creator or not private) and (not wanted or _holds(line, wanted))
    ]


def _holds(line: HeaderElement, wanted: Sequence[str]) -> bool:
    tag = line.tag.strip("()")
    pool = (tag, tag.replace(",", ""), line.keyword, line.name, line.value, line.meaning, line.creator)
    return any(text in part.lower() for text in wanted for part in pool)


def ancestors(lines: Sequence[HeaderElement]) -> list[tuple[int, ...]]:
    """Indices of the sequences and items that each line lies in, outermost first."""
    found: list[tuple[int, ...]] = []
    within: list[int] = []
    for number, line in enumerate(lines):
        while within and lines[within[-1]].depth >= line.depth:
            within.pop()
        found.append(tuple(within))
        within.append(number)
    return found


def describe_lines(
    lines: Sequence[HeaderElement], numbers: Sequence[int], hide: bool = False
) -> list[dict[str, Any]]:
    """Lines as plain values, for JSON; ``path`` names the sequences and items that a line lies in."""
    within = ancestors(lines) if numbers else []
    return [
        {
            "tag": lines[number].tag,
            "vr": lines[number].vr,
            "vr_name": lines[number].vr_name,
            "keyword": lines[number].keyword,
            "name": lines[number].name,
            "value": value_text(lines[number], hide),
            "meaning": lines[number].meaning,
            "path": [_step(lines[above]) for above in within[number]],
            "private_creator": lines[number].creator or None,
            "identifying": lines[number].identifying,
            "confidentiality_action": lines[number].action or None,
        }
        for number in numbers
    ]


def _step(line: HeaderElement) -> str:
    return f"{line.keyword or line.tag} {line.value}" if line.keyword == "Item" else line.keyword or line.tag


def value_text(line: HeaderElement, hide: bool = False) -> str:
    """Value of a line, or a word that it is hidden."""
    return HIDDEN if hide and line.may_identify else line.value
