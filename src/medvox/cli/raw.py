"""`medvox raw`: what is in a file of raw values, and how to say it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from medvox.cli.console import err, out, print_json, progress_bar
from medvox.core.errors import UsageError
from medvox.workflows import raw_files

app = typer.Typer(help="Files of raw values: propose what they hold, describe them.", no_args_is_help=True)
_MOST = 24


@app.command()
def propose(
    file: Annotated[Path, typer.Argument(help="File of raw values.")],
    sheet: Annotated[
        Path | None, typer.Option(help="Picture of the proposals; FILE.proposals.png where left out.")
    ] = None,
    count: Annotated[int, typer.Option(help="How many proposals.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look for sizes and types that make an image of a file, and draw them on one picture.

    The likeliest is first; look at the picture before you believe it. Nothing is opened by a proposal: give
    its words to --raw of open, info, render or convert, or to 'medvox raw describe'.
    """
    if not 1 <= count <= _MOST:
        raise UsageError("no such number of proposals", got=count, expected=f"1 to {_MOST}")
    target = sheet or file.with_name(file.name + ".proposals.png")
    if target.suffix.lower() != ".png":
        raise UsageError("the proposals are drawn as a .png", got=target.name)
    with progress_bar() as progress:
        found = raw_files.propose(file, target, count, progress)
    if as_json:
        print_json([{"raw": p.words, "roughness": round(p.roughness, 4)} for p in found])
    elif found:
        table = Table("", "description for --raw", "roughness")
        for number, proposal in enumerate(found, 1):
            table.add_row(str(number), proposal.words, f"{proposal.roughness:.3f}")
        out.print(table)
        out.print(f"[green]{escape(str(target))}[/]", soft_wrap=True)
    if not found:
        err.print("Nothing in the file looks like an image: is it compressed?")
        raise typer.Exit(1)


@app.command()
def describe(
    file: Annotated[Path, typer.Argument(help="File of raw values.")],
    words: Annotated[list[str], typer.Argument(help="columns=512 rows=512 slices=300 type=int16 …")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a description that is there.")
    ] = False,
) -> None:
    """Write FILE.json, from which every command knows what the file holds."""
    written = raw_files.describe(file, " ".join(words), overwrite)
    out.print(f"[green]{escape(str(written))}[/]", soft_wrap=True)
