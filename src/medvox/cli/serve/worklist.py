"""`medvox serve worklist`: schedule procedure steps, and see how they go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from medvox.cli.console import out, print_json
from medvox.cli.serve.commands import Config, Json, Store, settings
from medvox.core.errors import UsageError

if TYPE_CHECKING:
    from medvox.archive.state.worklist import Worklist, WorklistItem

app = typer.Typer(help="Schedule procedure steps; the node may run meanwhile.", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="Number of the item, as `list` shows it.")]
_COLUMNS = (
    ("start", "00400002", "00400003"), ("station", "00400001"), ("modality", "00080060"),
    ("step", "00400007"),
)  # fmt: skip


@app.command()
def add(
    values: Annotated[
        list[str], typer.Argument(help="KEYWORD=VALUE, e.g. PatientName=Doe^Jane Modality=CT.")
    ],
    store: Store = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Schedule one step; UIDs and IDs that are not said are made."""
    from medvox.archive.state.scheduling import scheduled

    pairs = [value.partition("=") for value in values]
    if any(not separator for _, separator, _ in pairs):
        raise UsageError("a value is written KEYWORD=VALUE", expected="e.g. PatientID=1234")
    data = scheduled({name: value for name, _, value in pairs})
    with _worklist(config, store) as worklist:
        _show([worklist.add(data)], as_json=as_json)


@app.command(name="list")
def list_items(
    key: Annotated[
        list[str] | None,
        typer.Option("--key", "-k", help="KEYWORD=VALUE to match, with wildcards and ranges."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also steps that have ended.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Stop after this many items.")] = 1000,
    store: Store = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List scheduled steps in order of their start."""
    from itertools import islice

    from medvox.network.dimse.identifiers import worklist_identifier
    from medvox.workflows.node.procedures.worklist import json_of

    keys = json_of(worklist_identifier(key or ()))
    with _worklist(config, store) as worklist:
        found = worklist.find(keys, is_history=everything)
        _show(list(islice(found, limit)), as_json=as_json)


@app.command(name="import")
def import_file(
    path: Annotated[Path, typer.Argument(help="CSV file in UTF-8; the first line names the columns.")],
    store: Store = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Schedule the steps of a CSV file, or change those that are there; all or none."""
    from medvox.archive.state.scheduling import import_csv

    with _worklist(config, store) as worklist:
        items = import_csv(worklist, path)
    if as_json:
        _show(items, as_json=True)
    else:
        typer.echo(f"{len(items)} steps scheduled")


@app.command()
def status(
    number: Number,
    value: Annotated[str, typer.Argument(help="SCHEDULED, ARRIVED, READY, STARTED, COMPLETED ...")],
    store: Store = None,
    config: Config = None,
) -> None:
    """Change the status of a step."""
    from medvox.archive.state.worklist import StepStatus

    if value.upper() not in list(StepStatus):
        raise UsageError("unknown status of a step", got=value, expected=list(StepStatus))
    with _worklist(config, store) as worklist:
        worklist.set_status(number, StepStatus(value.upper()))


@app.command()
def delete(number: Number, store: Store = None, config: Config = None) -> None:
    """Take a step out of the worklist."""
    with _worklist(config, store) as worklist:
        worklist.delete(number)


def register(parent: typer.Typer) -> None:
    """Add the commands to `medvox serve`."""
    parent.add_typer(app, name="worklist")


@contextmanager
def _worklist(config: Path | None, store: Path | None) -> Iterator[Worklist]:
    """Open the worklist of the settings."""
    from medvox.archive.state.database import StateDatabase
    from medvox.archive.state.worklist import Worklist

    found = settings(config, store)
    found.store.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = StateDatabase(found.state)
    try:
        yield Worklist(database)
    finally:
        database.close()


def _show(items: list[WorklistItem], *, as_json: bool) -> None:
    from medvox.archive.state.attribute_matching import text_of

    if as_json:
        print_json([{"id": item.id, "status": item.status, "data": item.data} for item in items])
        return
    names = [column[0] for column in _COLUMNS]
    table = Table("id", *names, "patient", "name", "status")
    for item in items:
        texts = [" ".join(text_of(item.step, tag) for tag in tags) for _, *tags in _COLUMNS]
        texts += [text_of(item.data, "00100020"), text_of(item.data, "00100010"), item.status]
        table.add_row(str(item.id), *map(escape, texts))
    out.print(table)
    typer.echo(f"{len(items)} steps")
