"""Write docs/reference/formats.md: what each format holds, from what came back of files that it wrote.

Nothing on the page is written by hand. Every registered format writes the volumes of
`medvox.testing.volumes`, each of which shows one thing (a tilt, a time axis, a unit …); what `mv.scan` then
finds decides the cell. `python tools/format_table.py` writes the page, `--check` only compares it;
a test does the same.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medvox.core.errors import MedvoxError, UnsupportedError
from medvox.core.volume import Volume
from medvox.formats.base import Format
from medvox.formats.registry import available
from medvox.testing.format_contract import ASPECTS, differences
from medvox.testing.round_trips import aligned
from medvox.testing.volumes import sample_volumes
from medvox.workflows.convert.target import written_name
from medvox.workflows.open_folder import scan

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "formats.md"
KEPT, TOLD, REFUSED, CHANGED = "yes", "lost, told", "refused", "LOST IN SILENCE"
TYPES = ("uint8", "int8", "int16", "uint16", "int32", "uint32", "float32", "float64")
GEOMETRY = {
    "spacing, axes": "axial-uint8",
    "oblique": "oblique",
    "mirrored": "left-handed",
    "tilted": "sheared",
    "uneven slices": "uneven",
}
AXES = {
    "over time": "time",
    "RGB": "rgb",
    "RGB over time": "rgb-over-time",
    "vectors": "vectors",
    "echoes": "echoes",
}
FACTS = {
    "unit": ("rescaled", "unit"),
    "one rescale": ("rescaled", "values"),
    "rescale of each slice": ("rescaled-by-slice", "values"),
    "modality": ("named", "modality"),
    "frame of reference": ("named", "frame of reference"),
    "windows": ("named", "windows"),
    "times": ("time", "times"),
    "place not known": ("local", "space", "geometry"),
}
HEAD = """\
# Formats

<!-- Written by tools/format_table.py; do not edit. -->

What each format holds, measured: each writes a set of small volumes, every one of which shows one thing,
and the files are read again. **{kept}**: it comes back as it was. **{told}**: it does not, and the report
of the conversion (and the sidecar) says so. **{refused}**: the format does not take such a volume and says
why; nothing is written.

"""


@dataclass(frozen=True, slots=True)
class Result:
    """What came back of one volume."""

    refused: bool
    changed: frozenset[str] = frozenset()
    losses: tuple[str, ...] = ()

    def cell(self, *aspects: str) -> str:
        if self.refused:
            return REFUSED
        changed = self.changed.intersection(aspects)
        told = all(any(re.search(ASPECTS[a], loss) for loss in self.losses) for a in changed)
        return (TOLD if told else CHANGED) if changed else KEPT


def round_trip(form: Format, volume: Volume) -> Result:
    """Write a volume in a new folder and open what is there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            path = folder / written_name(form, "x", volume.grid.shape[0])
            path.parent.mkdir(exist_ok=True)
            report = form.write(volume, path)
        except UnsupportedError:
            return Result(True)
        images = list(scan(folder).images())
        if len(images) != 1:
            return Result(False, frozenset(("axes", "values", "geometry")), report.losses)
        again = aligned(images[0].open(), volume)
        return Result(False, frozenset(differences(volume, again)), report.losses)


def is_lazy(form: Format, suffix: str) -> bool:
    """Whether the first slice is read although the values of the last are gone."""
    volume = sample_volumes()["axial-uint8"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            report = form.write(volume, folder / f"x{suffix}")
            one_each = len(report.files) >= volume.grid.shape[0]
            return one_each or _survives(form, report.files)
        except (MedvoxError, OSError):
            return False


def _survives(form: Format, files: tuple[Path, ...]) -> bool:
    biggest = max(files, key=lambda path: path.stat().st_size)
    opened = form.images(files[0])[0].open()
    whole = np.array(opened.data)
    again = form.images(files[0])[0].open()
    with biggest.open("r+b") as file:
        file.truncate(biggest.stat().st_size - whole[-1].nbytes)
    return np.array_equal(again.data[..., 0, :, :], whole[..., 0, :, :])


def results(form: Format) -> dict[str, Result]:
    """What came back of every sample; of places also as bytes, where a format takes no others."""
    found = {name: round_trip(form, volume) for name, volume in sample_volumes().items()}
    for name in GEOMETRY.values():
        if found[name].refused:
            volume = sample_volumes()[name]
            found[name] = round_trip(form, replace(volume, data=volume.data.astype(np.uint8)))
    return found


def page() -> str:
    """Return the text of the page."""
    forms = sorted(available(), key=lambda pair: pair[1].name.lower())
    found = {form.name: results(form) for _, form in forms if form.writes}
    written = [(key, form) for key, form in forms if form.writes]
    parts = [HEAD.format(kept=KEPT, told=TOLD, refused=REFUSED), overview(forms), "\n## Place of voxels\n\n"]
    parts.append(_table(["format", *GEOMETRY], geometry_rows(written, found)))
    parts += ["\n## Axes\n\n", _table(["format", *AXES], axes_rows(written, found))]
    parts += ["\n## Facts\n\n", _table(["format", *FACTS], fact_rows(written, found))]
    parts += ["\n## Types\n\nTypes that come back as they were; others are widened, rescaled or refused.\n\n"]
    parts.append(_table(["format", "types"], type_rows(written, found)))
    return "".join(parts)


def overview(forms: list[tuple[str, Format]]) -> str:
    """Return the table of what is read and written."""
    rows = []
    for key, form in forms:
        lazy = [s for s in form.names_written if is_lazy(form, s)]
        slices = ", ".join(f"`{s}`" for s in lazy) or ("no" if form.writes else "not measured: no writer")
        suffixes = " ".join(f"`{s}`" for s in form.suffixes)
        written = " ".join(f"`{s}`" for s in form.names_written) or "no"
        rows.append([form.name, f"`{key}`", suffixes, written, slices])
    return _table(["format", "`--to`", "read", "written", "reads one slice without the rest"], rows)


def geometry_rows(
    written: list[tuple[str, Format]], found: dict[str, dict[str, Result]]
) -> Iterator[list[str]]:
    for _, form in written:
        yield [form.name, *(found[form.name][name].cell("geometry") for name in GEOMETRY.values())]


def axes_rows(written: list[tuple[str, Format]], found: dict[str, dict[str, Result]]) -> Iterator[list[str]]:
    for _, form in written:
        yield [form.name, *(found[form.name][name].cell("axes", "values") for name in AXES.values())]


def fact_rows(written: list[tuple[str, Format]], found: dict[str, dict[str, Result]]) -> Iterator[list[str]]:
    for _, form in written:
        yield [form.name, *(found[form.name][name].cell(*aspects) for name, *aspects in FACTS.values())]


def type_rows(written: list[tuple[str, Format]], found: dict[str, dict[str, Result]]) -> Iterator[list[str]]:
    for _, form in written:
        kept = [t for t in TYPES if found[form.name][f"axial-{t}"].cell("type", "values") == KEPT]
        yield [form.name, ", ".join(kept) or "none"]


def _table(head: list[str], rows: Iterator[list[str]] | list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write the page, or with --check say whether it is what would be written."""
    text = page()
    if "--check" in arguments:
        same = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        print("up to date" if same else f"{PAGE.relative_to(ROOT)} is old: run python tools/format_table.py")
        return 0 if same else 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
