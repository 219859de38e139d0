"""Headers on the terminal: a table for each file, sequences indented, identifying lines marked."""

from __future__ import annotations

from dataclasses import dataclass

import typer
from rich.markup import escape
from rich.table import Table

from medvox.cli.console import err, out, print_json
from medvox.core.study import HeaderElement, Scan
from medvox.workflows.headers import (
    FileHeader,
    ancestors,
    describe_lines,
    matching,
    read_headers,
    value_text,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines of which headers are printed.

    Parameters
    ----------
    texts
        One of these is in the line; none: any line.
    private
        Private elements only.
    every_file
        Of all files, not only of the first of each series.
    hide
        Without values that may identify the patient.
    """

    texts: tuple[str, ...] = ()
    private: bool = False
    every_file: bool = False
    hide: bool = False


def print_headers(scan: Scan, wanted: Wanted, as_json: bool) -> None:
    """Print the wanted lines; exit code 1 where there is no header at all."""
    found = list(read_headers(scan, every_file=wanted.every_file))
    picked = [(one, matching(one.lines, wanted.texts, wanted.private)) for one in found]
    for one in found:
        if one.problem:
            err.print(f"{one.file}: {one.problem}", markup=False)
    if as_json:
        rows = [
            {"file": one.file, **row}
            for one, numbers in picked
            for row in describe_lines(one.lines, numbers, wanted.hide)
        ]
        print_json(rows)
    else:
        for one, numbers in picked:
            if numbers:
                out.print(_table(one, numbers, wanted.hide))
    if not any(one.lines for one in found):
        err.print("No header that medvox can read was found.")
        raise typer.Exit(1)
    if not any(numbers for _, numbers in picked):
        what = " or ".join(wanted.texts) or "a private creator"
        err.print(f"No header element holds {what}.", markup=False)
    elif not as_json:
        out.print("* may identify the patient (PS3.15 Table E.1-1)", style="dim")


def _table(one: FileHeader, numbers: list[int], hide: bool) -> Table:
    """Return the lines with the sequences that they lie in."""
    table = Table(title=escape(one.file), title_justify="left")
    for column in ("", "tag", "VR", "name", "value"):
        table.add_column(column, overflow="fold")
    within = ancestors(one.lines)
    shown = sorted({*numbers, *(above for number in numbers for above in within[number])})
    for number in shown:
        line = one.lines[number]
        mark = "[yellow]*[/]" if line.identifying else ""
        tag = "  " * line.depth + line.tag
        table.add_row(mark, escape(tag), escape(line.vr), _name(line), _value(line, hide))
    return table


def _name(line: HeaderElement) -> str:
    name = escape(line.name or line.keyword)
    owner = f"[dim]{escape(line.creator)}[/]" if line.creator and line.keyword != "PrivateCreator" else ""
    return " ".join(part for part in (name, owner) if part)


def _value(line: HeaderElement, hide: bool) -> str:
    meaning = f" [dim]{escape(line.meaning)}[/]" if line.meaning else ""
    return escape(value_text(line, hide)) + meaning
