"""`medvox open`: the main job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medvox.cli.console import RawOption, err, progress_bar
from medvox.core.errors import MissingError, UsageError
from medvox.formats.remote.mount import url_of

if TYPE_CHECKING:
    from medvox.server.session import Scanner


def open_paths(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files, folders or archives; the demo patient where left out.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on this machine; 0 picks a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the browser, or only print the address.")] = True,
    spacing: Annotated[
        tuple[float, float, float] | None,
        typer.Option(help="Slice, row, column distance in mm for stacks of pictures that say none."),
    ] = None,
    raw: RawOption = None,
) -> None:
    """Open scans in the browser: sorted into studies, in slices and in 3D.

    Only this machine can connect, with the token in the address that is printed. Ctrl-C ends the viewer.
    """
    from medvox.server.run import serve_viewer

    if not paths:
        from medvox.workflows.demo.patient import demo_folder

        err.print("No path given: opening the demo patient (simulated).")
        with progress_bar() as progress:
            paths = [demo_folder(progress)]
    for path in paths:
        if url_of(path) is None and not path.exists():
            raise MissingError("no such file or folder", where=path)

    scanner = _scanner_of(paths, spacing, raw)

    def announce(address: str) -> None:
        typer.echo(address)
        err.print("Ctrl-C ends the viewer.")

    serve_viewer(paths, port=port, open_browser=browser, scanner=scanner, announce=announce)


def _scanner_of(
    paths: Sequence[Path], spacing_mm: tuple[float, float, float] | None, raw: str | None
) -> Scanner | None:
    """Return what scans with the options that were given; None for the usual scan."""
    if spacing_mm is not None and raw is not None:
        raise UsageError("--raw says the spacing itself", advice="Leave --spacing out")
    if raw is not None:
        return _scanner(paths, raw)
    if spacing_mm is None:
        return None
    from medvox.workflows.open_folder import scan

    return lambda opened, progress: scan(opened, spacing_mm=spacing_mm, progress=progress)


def _scanner(paths: Sequence[Path], raw: str) -> Scanner:
    """Scan the given files as raw values; what is added later in the viewer is not described by it."""
    from medvox.workflows.raw_files import scan_described

    def full(path: Path) -> Path:
        return path if url_of(path) is not None else path.absolute()

    described = frozenset(map(full, paths))
    scan_described([*described], raw, described)  # a wrong description is told before the viewer starts
    return lambda opened, progress: scan_described([full(p) for p in opened], raw, described, progress)
