"""`medvox net print`: print images on a DICOM printer."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from medvox.cli.console import err, progress_bar
from medvox.cli.net.commands import Aet, To, caller, files_to_send
from medvox.cli.net.tls import peer
from medvox.core.errors import MedvoxError, MissingError, UsageError


def print_files(
    paths: Annotated[list[Path], typer.Argument(help="DICOM files and folders.")],
    to: To,
    layout: Annotated[
        str, typer.Option("--layout", help="Images across,down a film; by default fitting.")
    ] = "",
    film: Annotated[str, typer.Option("--film", help="Film size, e.g. 14INX17IN or A4.")] = "14INX17IN",
    copies: Annotated[int, typer.Option("--copies", min=1, help="Copies of each film.")] = 1,
    landscape: Annotated[bool, typer.Option("--landscape", help="Films on their long side.")] = False,
    aet: Aet = "MEDVOX",
) -> None:
    """Print images in grey, each through the window that its file has."""
    from medvox.network.dimse.normalized import NormalizedUser
    from medvox.network.dimse.printing import PrintOptions, print_images, printer_status
    from medvox.network.dimse.proposals import Proposal
    from medvox.network.dimse.services.print_management import GRAYSCALE_PRINT
    from medvox.network.dimse.user import connect
    from medvox.workflows.node.printing.images import printable
    from medvox.workflows.node.printing.spool import columns_and_rows

    images, failures = [], Counter[str]()
    for found in files_to_send(paths)[0]:
        try:
            images += printable(found.path)
        except MedvoxError as error:
            failures[error.what] += 1
    if not images:
        raise MissingError("no image to print", where=", ".join(map(str, paths)))
    across, down = _layout(layout) if layout else columns_and_rows(min(len(images), 20))
    options = PrintOptions(across, down, film.upper(), landscape, copies)
    with progress_bar() as progress, connect(peer(to), caller(aet), [Proposal(GRAYSCALE_PRINT)]) as client:
        user = NormalizedUser(client)
        status, why = printer_status(user)
        if status == "FAILURE":
            raise MissingError("the printer is not ready", where=to, got=why)
        statuses = list(print_images(user, images, options, progress))
    typer.echo(f"{len(images)} images printed on {len(statuses)} films at {to}")
    for text, count in failures.items():
        err.print(f"{count} files not printed: {text}", markup=False, highlight=False)
    for warning in sorted({status for status in statuses if status}):
        err.print(f"the printer warns with status {warning:04X}H", highlight=False)
    if failures:
        raise typer.Exit(1)


def _layout(text: str) -> tuple[int, int]:
    across, _, down = text.partition(",")
    if not across.strip().isdecimal() or not down.strip().isdecimal():
        raise UsageError("a layout is written ACROSS,DOWN", got=text, expected="e.g. 3,4")
    return int(across), int(down)


def register(app: typer.Typer) -> None:
    """Add the command to `medvox net`."""
    app.command("print")(print_files)
