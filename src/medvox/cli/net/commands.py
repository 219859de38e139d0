"""`medvox net`: talk to DICOM nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from medvox.cli.console import err, print_json, progress_bar
from medvox.cli.net.tls import peer
from medvox.core.errors import FormatError, MissingError, UsageError

if TYPE_CHECKING:
    from medvox.network.dimse.files import FileToSend
    from medvox.network.dimse.user import Caller

app = typer.Typer(
    help="Talk to DICOM nodes: test a connection, send, find, get and move.", no_args_is_help=True
)
Node = Annotated[str, typer.Argument(help="The node as [AE@]host:port.")]
To = Annotated[str, typer.Option("--to", help="The node as [AE@]host:port.")]
Aet = Annotated[str, typer.Option("--aet", help="Our own AE title.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def echo(node: Node, aet: Aet = "MEDVOX", as_json: Json = False) -> None:
    """Test whether a node answers (C-ECHO)."""
    from medvox.network.dimse.user import connect

    begun = perf_counter()
    with connect(peer(node), caller(aet)) as client:
        status = client.echo()
    elapsed = (perf_counter() - begun) * 1000
    if as_json:
        print_json({"node": node, "status": status, "milliseconds": round(elapsed, 1)})
    else:
        typer.echo(f"{node} answers with status {status:04X}H after {elapsed:.0f} ms")
    if status:
        raise typer.Exit(1)


@app.command()
def send(
    paths: Annotated[list[Path], typer.Argument(help="DICOM files and folders.")],
    to: To,
    aet: Aet = "MEDVOX",
    as_json: Json = False,
) -> None:
    """Send files and folders to a node (C-STORE), in the encoding that they have where the node takes it.

    Files in folders that are no DICOM instances are passed over; the exit code is 1 unless all were stored.
    """
    from medvox.network.dimse import sending

    found, passed = files_to_send(paths)
    if not found:
        raise MissingError("no DICOM instance to send", where=", ".join(map(str, paths)))
    stored, failures = 0, Counter[str]()
    with progress_bar() as progress:
        for sent in sending.send(found, peer(to), caller(aet), progress):
            if sent.stored:
                stored += 1
            else:
                failures[sent.reason or f"the node answers with status {sent.status:04X}H"] += 1
    if as_json:
        print_json({"stored": stored, "failed": sum(failures.values()), "passed_over": passed})
    else:
        typer.echo(f"{stored} of {len(found)} instances stored at {to}; {passed} other files passed over")
    for reason, count in failures.items():
        err.print(f"{count} not stored: {reason}", markup=False, highlight=False, soft_wrap=True)
    if failures:
        raise typer.Exit(1)


def caller(aet: str) -> Caller:
    """Return who we are.

    Raises
    ------
    UsageError
        If the AE title is empty or longer than 16 characters (PS3.5 6.2, AE).
    """
    from medvox.dicom.writing.files.encode import IMPLEMENTATION_UID
    from medvox.network.dimse.user import Caller

    if not 0 < len(aet.strip()) <= 16 or not aet.isascii() or "\\" in aet:
        raise UsageError("an AE title has 1 to 16 plain characters", got=aet)
    return Caller(IMPLEMENTATION_UID, aet)


def files_to_send(paths: Iterable[Path]) -> tuple[list[FileToSend], int]:
    """Return the instances under `paths`, and how many other files lie there.

    Raises
    ------
    FormatError
        If a file named itself is no instance.
    MissingError
        If a path is not there.
    """
    from medvox.network.dimse.files import file_to_send

    found, passed = [], 0
    for path in paths:
        if not path.exists():
            raise MissingError("there is no such file or folder", where=path)
        for file in _under(path):
            try:
                found.append(file_to_send(file))
            except FormatError:
                if file == path:
                    raise
                passed += 1
    return found, passed


def _under(path: Path) -> Iterator[Path]:
    """The file itself, or all files below the folder in order of their names."""
    if path.is_dir():
        yield from (file for file in sorted(path.rglob("*")) if file.is_file())
    else:
        yield path
