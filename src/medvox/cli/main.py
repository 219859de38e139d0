"""The command `medvox`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from medvox.cli import (
    contour,
    convert,
    demo,
    info,
    measure,
    net,
    raw,
    register,
    render,
    serve,
    steps,
    surface,
    viewer,
)
from medvox.cli.console import fail
from medvox.core.errors import MedvoxError, UsageError

app = typer.Typer(
    name="medvox",
    help="3D medical imaging: open, look, convert. Research use, not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command(name="open")(viewer.open_paths)
app.command(name="demo")(demo.demo)
app.command(name="info")(info.info)
app.command(name="convert")(convert.convert)
app.command(name="render")(render.render)
app.command(name="contour")(contour.contour)
app.command(name="surface")(surface.surface)
app.add_typer(raw.app, name="raw")
app.add_typer(net.app, name="net")
app.add_typer(serve.app, name="serve")
app.add_typer(steps.words("segment", "Mark organs and regions in images; combine, grow and smooth labels."))
app.add_typer(steps.words("process", "Prepare images: bias field, intensities."))
app.command(name="register")(register.register)
app.add_typer(measure.app, name="measure")


def _version(value: bool) -> None:
    if value:
        import medvox

        typer.echo(f"medvox {medvox.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hold the options that every command has."""


def main() -> None:
    """Run the command line: exit code 0, 1 when something failed, 2 for wrong usage."""
    try:
        app()
    except UsageError as error:
        fail(error)
        sys.exit(2)
    except MedvoxError as error:
        fail(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
