"""How measured rows reach the user: a table, JSON, CSV or a DICOM report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from medvox.cli.console import out, print_json
from medvox.core.errors import UsageError
from medvox.formats.atomic import atomic_file
from medvox.workflows.measure.row import Row, as_csv, segments_of

LabelsOption = Annotated[
    Path, typer.Option("--labels", help="File of segments: NIfTI, NRRD, MetaImage, DICOM SEG, ...")
]
SegmentOption = Annotated[list[str] | None, typer.Option("--segment", help="Only this segment; repeatable.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
CsvOption = Annotated[Path | None, typer.Option("--csv", help="Write CSV to this file; - prints it.")]
SrOption = Annotated[
    Path | None, typer.Option("--sr", help="Write a DICOM measurement report (TID 1500) of a DICOM image.")
]


def show(rows: Sequence[Row], *, as_json: bool, csv: Path | None) -> None:
    """Print or write rows; a table unless JSON or CSV is asked for."""
    if csv is not None and str(csv) != "-":
        if not csv.absolute().parent.is_dir():
            raise UsageError("no such folder", where=csv.parent)
        with atomic_file(csv) as file:
            file.write(as_csv(rows).encode())
    if as_json:
        print_json([row.as_json() for row in rows])
    elif csv is not None and str(csv) == "-":
        typer.echo(as_csv(rows), nl=False)
    else:
        _tables(rows)
        if csv is not None:
            out.print(f"[green]{escape(str(csv))}[/]", soft_wrap=True)


def _tables(rows: Sequence[Row]) -> None:
    for name in segments_of(rows):
        table = Table(title=escape(name) or None, title_justify="left", box=None, pad_edge=False)
        table.add_column("quantity")
        table.add_column("value", justify="right")
        table.add_column("±95 %*")
        table.add_column("unit")
        table.add_column("note", style="dim")
        for row in (r for r in rows if r.segment == name):
            value, half = row.text
            unit = "" if row.unit == "1" else row.unit
            words = (row.quantity.replace("_", " "), value, half, unit, row.note)
            table.add_row(*(escape(w) for w in words))
        out.print(table)
    if any(row.discretization_95 is not None for row in rows):
        out.print(
            "[dim]* discretization alone: 95 % interval of what sampling on voxels makes of a smooth shape[/]"
        )
