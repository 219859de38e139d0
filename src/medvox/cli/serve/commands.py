"""`medvox serve`: the archive node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medvox.cli.console import STYLES, err, print_json, progress_bar

if TYPE_CHECKING:
    from medvox.archive.archive import Archive
    from medvox.core.finding import Finding
    from medvox.workflows.node.settings import NodeSettings

app = typer.Typer(help="Run the archive node, and look after its archive.", invoke_without_command=True)
Store = Annotated[Path | None, typer.Option("--store", help="Folder of the archive.")]
Config = Annotated[Path | None, typer.Option("--config", help="Settings file, usually medvox.toml.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def serve(
    context: typer.Context,
    store: Store = None,
    dicom_port: Annotated[
        int | None, typer.Option(help="Port for DICOM; 0 picks a free one.  [default: 11112]")
    ] = None,
    http_port: Annotated[
        int | None, typer.Option(help="Port for HTTP; 0 picks a free one.  [default: 8042]")
    ] = None,
    aet: Annotated[str | None, typer.Option(help="AE title of the node.  [default: MEDVOX]")] = None,
    config: Config = None,
) -> None:
    """Run the archive node: receive, keep, find and send studies, by DICOM and in the browser.

    Only this machine can connect unless the settings say otherwise. Ctrl-C stops it: associations may end,
    and nothing that was acknowledged is lost.
    """
    if context.invoked_subcommand is not None:
        return
    from medvox.server.run_node import Running, serve_node
    from medvox.workflows.node.monitoring.logs import set_up_logs

    found = settings(config, store).changed(dicom_port=dicom_port, http_port=http_port, aet=aet)
    set_up_logs(found.log_level)

    def announce(running: Running) -> None:
        if running.token is None:
            typer.echo(running.address)
            err.print("Lost the token? `medvox serve token create NAME --role admin` makes another.")
        else:
            typer.echo(f"{running.address}?token={running.token}")
            err.print("This administrator's token is shown this once: keep it.")
        where = f"DICOM: {found.aet}@{found.dicom_host}:{running.dicom_port}; store: {found.store}"
        err.print(where, markup=False, highlight=False, soft_wrap=True)
        err.print("Ctrl-C stops the node.")

    serve_node(found, announce)


@app.command()
def verify(store: Store = None, config: Config = None, as_json: Json = False) -> None:
    """Read every stored instance again and compare its digest."""
    with _archive(config, store) as archive, progress_bar() as progress:
        findings = archive.verify(progress)
    _told("Every instance is as it was received.", findings, as_json=as_json)


@app.command()
def reindex(store: Store = None, config: Config = None, as_json: Json = False) -> None:
    """Make the index anew from the stored bytes alone."""
    with _archive(config, store) as archive, progress_bar() as progress:
        findings = archive.reindex(progress)
    _told("The index is made anew.", findings, as_json=as_json)


@app.command(name="import")
def import_paths(
    paths: Annotated[list[Path], typer.Argument(help="Folders with DICOM files.")],
    store: Store = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take in folders at the speed of the disk: hard links where the disk allows, copies elsewhere.

    The node must not run meanwhile. Files that were linked must not be changed in place afterwards.
    """
    from medvox.archive.importing import import_folder

    counts: dict[str, int] = {}
    findings: list[Finding] = []
    with _archive(config, store) as archive, progress_bar() as progress:
        for path in paths:
            found, faults = import_folder(archive, path, progress)
            findings += faults
            for outcome, count in found.items():
                counts[outcome.value] = counts.get(outcome.value, 0) + count
    if as_json:
        print_json({"counts": counts, "findings": [_as_json(one) for one in findings]})
    else:
        typer.echo(", ".join(f"{count} {name}" for name, count in counts.items()))
        _print(findings)
    if findings:
        raise typer.Exit(1)


def settings(config: Path | None, store: Path | None) -> NodeSettings:
    """Return the settings of a file, or of ``medvox.toml`` here where there is one, with another store."""
    from medvox.workflows.node.settings import NodeSettings

    usual = Path("medvox.toml")
    path = config or (usual if usual.is_file() else None)
    found = NodeSettings() if path is None else NodeSettings.load(path)
    return found.changed(store=store)


@contextmanager
def _archive(config: Path | None, store: Path | None) -> Iterator[Archive]:
    """Open the archive of the settings."""
    from medvox.archive.archive import Archive

    with Archive.open(settings(config, store).archive) as archive:
        yield archive


def _told(good: str, findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print findings; exit code 1 where there are any."""
    if as_json:
        print_json([_as_json(one) for one in findings])
    elif findings:
        _print(findings)
    else:
        typer.echo(good)
    if findings:
        raise typer.Exit(1)


def _print(findings: Sequence[Finding]) -> None:
    for one in findings:
        style = STYLES[one.level.value]
        err.print(f"{one.level.value}: {one.where}: {one.text}", style=style, markup=False, soft_wrap=True)


def _as_json(one: Finding) -> dict[str, str]:
    return {"code": one.code, "level": one.level.value, "where": one.where, "text": one.text}
