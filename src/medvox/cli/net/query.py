"""`medvox net find`, `get` and `move`: ask nodes for studies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from medvox.cli.console import err, out, print_json, progress_bar
from medvox.cli.net.commands import Aet, Json, Node, caller
from medvox.cli.net.tls import peer
from medvox.core.errors import MissingError, UsageError

if TYPE_CHECKING:
    from pydicom import Dataset

    from medvox.core.progress import Progress
    from medvox.network.dimse.commands import Command

Level = Annotated[str, typer.Option("--level", help="patient, study, series or image.")]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", "-k", help="KEYWORD=VALUE to match, e.g. PatientID=1234 or StudyDate=20260101-."),
]
Model = Annotated[str, typer.Option("--model", help="Information model: study or patient (root).")]

_HIDDEN = ("SpecificCharacterSet", "QueryRetrieveLevel")


def find(
    node: Node,
    level: Level = "study",
    key: Keys = None,
    model: Model = "study",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Stop after this many matches.")] = 1000,
    aet: Aet = "MEDVOX",
    as_json: Json = False,
) -> None:
    """Find patients, studies, series or images on a node (C-FIND)."""
    from itertools import islice

    from medvox.network.dimse.identifiers import identifier
    from medvox.network.dimse.proposals import Proposal
    from medvox.network.dimse.syntaxes import FIND
    from medvox.network.dimse.user import connect

    asked = identifier(level, key or ())
    uid = _model(FIND, model)
    with connect(peer(node), caller(aet), [Proposal(uid)]) as client:
        found = client.find(uid, asked)
        matches = list(islice(found, limit))
        found.close()
    if as_json:
        print_json([match.to_json_dict() for match in matches])
    else:
        _print(asked, matches)


def get(
    node: Node,
    folder: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")],
    key: Keys = None,
    level: Level = "study",
    model: Model = "study",
    aet: Aet = "MEDVOX",
) -> None:
    """Get studies, series or images from a node into a folder (C-GET), over one connection."""
    from medvox.network.dimse.folder import FolderHandler
    from medvox.network.dimse.identifiers import identifier
    from medvox.network.dimse.proposals import Proposal, storage_proposals
    from medvox.network.dimse.syntaxes import GET
    from medvox.network.dimse.user import connect

    asked = identifier(level, _needed(key), unique=True)
    uid = _model(GET, model)
    handler = FolderHandler(folder)
    proposals = [Proposal(uid), *storage_proposals()]
    with progress_bar() as progress, connect(peer(node), caller(aet), proposals) as client:
        for reply in client.get(uid, asked, handler):
            _show(progress, reply)
    typer.echo(f"{len(handler.written)} instances written to {folder}")
    _finish(reply, handler.errors)


def move(
    node: Node,
    to: Annotated[str, typer.Option("--to", help="AE title that the node is to send to.")],
    key: Keys = None,
    level: Level = "study",
    model: Model = "study",
    aet: Aet = "MEDVOX",
) -> None:
    """Have a node send studies, series or images to a third one (C-MOVE), which it must know by its title."""
    from medvox.network.dimse.identifiers import identifier
    from medvox.network.dimse.proposals import Proposal
    from medvox.network.dimse.syntaxes import MOVE
    from medvox.network.dimse.user import connect

    asked = identifier(level, _needed(key), unique=True)
    uid = _model(MOVE, model)
    with progress_bar() as progress, connect(peer(node), caller(aet), [Proposal(uid)]) as client:
        for reply in client.move(uid, asked, to):
            _show(progress, reply)
    typer.echo(f"{reply.completed or 0} instances moved to {to}")
    _finish(reply, [])


def register(app: typer.Typer) -> None:
    """Add the commands to `medvox net`."""
    for command in (find, get, move):
        app.command()(command)


def _model(models: dict[str, str], name: str) -> str:
    if name not in models:
        raise UsageError("unknown information model", got=name, expected=list(models))
    return models[name]


def _needed(keys: list[str] | None) -> list[str]:
    if not keys:
        raise UsageError("name what to retrieve", advice="E.g. -k StudyInstanceUID=1.2.3")
    return keys


def _show(progress: Progress, reply: Command) -> None:
    done = (reply.completed or 0) + (reply.failed or 0) + (reply.warnings or 0)
    progress(done, done + (reply.remaining or 0), "Retrieving")


def _finish(reply: Command, errors: list[str]) -> None:
    """Say what failed; exit code 1 when something did or nothing was there."""
    for text in dict.fromkeys(errors):
        err.print(text, markup=False, highlight=False)
    if reply.failed:
        err.print(f"{reply.failed} instances failed", highlight=False)
        raise typer.Exit(1)
    if not reply.completed and not reply.warnings:
        raise MissingError("nothing matches")


def _print(asked: Dataset, matches: list[Dataset]) -> None:
    columns = [element for element in asked if element.keyword not in _HIDDEN]
    table = Table(*(escape(element.keyword or str(element.tag)) for element in columns))
    for match in matches:
        table.add_row(*(escape(_text(match, element.tag)) for element in columns))
    out.print(table)
    typer.echo(f"{len(matches)} found")


def _text(match: Dataset, tag: int) -> str:
    value = match[tag].value if tag in match else None
    if value is None:
        return ""
    several = not isinstance(value, str | bytes) and hasattr(value, "__iter__") and match[tag].VM > 1
    return "\\".join(map(str, value)) if several else str(value)
