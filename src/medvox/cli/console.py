"""What commands share on the terminal: progress bars, errors, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from medvox.core.errors import MedvoxError
from medvox.core.progress import Progress as ProgressReceiver

out = Console() if sys.stdout.isatty() else Console(width=400)
err = Console(stderr=True)
RawOption = Annotated[
    str | None,
    typer.Option(
        "--raw",
        help='The file holds raw values: "columns=512 rows=512 slices=300 type=int16 spacing=0.7x0.7x1.5".',
    ),
]
"""Option of every command that opens files; see `medvox.formats.raw.RawDescription`."""
STYLES = {"info": "dim", "warning": "yellow", "error": "bold red"}


@contextmanager
def progress_bar() -> Iterator[ProgressReceiver]:
    """Show one bar on the standard error stream, gone when the work is done; none where it is no terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def receive(done: int, total: int | None, text: str) -> None:
            bar.update(task, completed=done, total=total, description=text)

        yield receive


def fail(error: MedvoxError) -> None:
    """Print an error: what, where, what to do."""
    err.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one JSON document on the standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
