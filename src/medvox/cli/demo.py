"""`medvox demo`: write the demo patient."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from medvox.cli.console import out, progress_bar


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder to write; must not exist or be empty.")],
    labelled: Annotated[
        bool, typer.Option("--labelled", help="Also write the true labels and measurements.")
    ] = False,
) -> None:
    """Write the demo patient: a simulated PET/CT/MR study as DICOM, and real images with their sources."""
    from medvox.workflows.demo.patient import write_demo

    with progress_bar() as progress:
        written = write_demo(folder, labelled=labelled, progress=progress)
    out.print(f"[green]{escape(str(written))}[/]", soft_wrap=True)
