"""`medvox serve commitment` and `performed`: what was asked to be kept, and what modalities did."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from medvox.cli.console import out, print_json
from medvox.cli.serve.commands import Config, Json, Store, settings

if TYPE_CHECKING:
    from medvox.archive.state.database import StateDatabase

app = typer.Typer(help="See requests for storage commitment, and report again.", no_args_is_help=True)
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="The newest so many.")]


@app.command(name="list")
def list_requests(
    limit: Limit = 100, store: Store = None, config: Config = None, as_json: Json = False
) -> None:
    """List the requests that came last, and whether their reports were taken."""
    from medvox.archive.state.commitments import Commitments

    with _state(config, store) as database:
        found = Commitments(database).newest(limit)
    if as_json:
        print_json([
            {
                "id": each.id, "caller": each.caller, "transaction_uid": each.transaction_uid,
                "instances": len(each.instances), "not_kept": each.failures, "state": each.state,
                "attempts": each.attempts, "fault": each.fault,
            }
            for each in found
        ])  # fmt: skip
        return
    table = Table("id", "received", "caller", "instances", "not kept", "state", "attempts", "fault")
    for each in found:
        numbers = (str(len(each.instances)), str(each.failures), each.state.value, str(each.attempts))
        table.add_row(str(each.id), _time(each.received), escape(each.caller), *numbers, escape(each.fault))
    out.print(table)


@app.command()
def retry(
    number: Annotated[int, typer.Argument(help="Number of the request, as `list` shows it.")],
    store: Store = None,
    config: Config = None,
) -> None:
    """Report again; a node that runs does it within a minute."""
    from medvox.archive.state.commitments import Commitments

    with _state(config, store) as database:
        Commitments(database).retry(number)


def performed(limit: Limit = 100, store: Store = None, config: Config = None, as_json: Json = False) -> None:
    """List the procedure steps that modalities reported last (MPPS)."""
    from medvox.archive.state.attribute_matching import text_of
    from medvox.archive.state.mpps import PerformedSteps
    from medvox.archive.state.worklist import Worklist

    with _state(config, store) as database:
        found = PerformedSteps(database, Worklist(database)).newest(limit)
    if as_json:
        print_json([
            {"uid": each.uid, "status": each.status, "caller": each.caller, "data": each.data}
            for each in found
        ])  # fmt: skip
        return
    table = Table("begun", "station", "modality", "patient", "description", "status", "uid")
    for each in found:
        texts = [text_of(each.data, tag) for tag in ("00400241", "00080060", "00100020", "00400254")]
        table.add_row(_time(each.begun / 1e9), *map(escape, texts), each.status.value, each.uid)
    out.print(table)


def register(parent: typer.Typer) -> None:
    """Add the commands to `medvox serve`."""
    parent.add_typer(app, name="commitment")
    parent.command()(performed)


@contextmanager
def _state(config: Path | None, store: Path | None) -> Iterator[StateDatabase]:
    from medvox.archive.state.database import StateDatabase

    database = StateDatabase(settings(config, store).store / "state.sqlite")
    try:
        yield database
    finally:
        database.close()


def _time(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
