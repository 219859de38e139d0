"""`medvox register`: lay one image over another."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.markup import escape

from medvox.cli.console import STYLES, err, out, print_json, progress_bar
from medvox.core.errors import UsageError
from medvox.processing.registration.register import Metric, Model
from medvox.processing.registration.register import register as find
from medvox.processing.resample import Order
from medvox.workflows.labels import read_labels
from medvox.workflows.open_folder import read
from medvox.workflows.save import write
from medvox.workflows.transforms import read_transform, write_transform


def register(  # noqa: PLR0913
    fixed: Annotated[Path, typer.Argument(help="Image that stays, file or folder.")],
    moving: Annotated[Path, typer.Argument(help="Image that is laid over it.")],
    target: Annotated[
        Path, typer.Argument(help="File to write: the moving image on the grid of the fixed one.")
    ],
    model: Annotated[str, typer.Option(help=", ".join(get_args(Model)))] = "rigid",
    metric: Annotated[str, typer.Option(help=", ".join(get_args(Metric)))] = "auto",
    mask: Annotated[Path | None, typer.Option(help="Labels: part of the fixed image that counts.")] = None,
    interpolation: Annotated[str, typer.Option(help=", ".join(get_args(Order)))] = "linear",
    save: Annotated[Path | None, typer.Option(help="File for the transform: .tfm, .h5 or .mat.")] = None,
    apply: Annotated[Path | None, typer.Option(help="Use this transform instead of searching one.")] = None,
    budget: Annotated[float | None, typer.Option(help="Most seconds to search.", min=0)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Find the transform that lays MOVING over FIXED, and resample once.

    What does not fit in the end is refused with its figures, not written.
    """
    for word, known in ((model, Model), (metric, Metric), (interpolation, Order)):
        if word not in get_args(known):
            raise UsageError("no such choice", got=word, expected=get_args(known))
    with progress_bar() as progress:
        still, other = read(fixed), read(moving)
        told: dict[str, object] = {}
        if apply is not None:
            from medvox.processing.resample import resample

            transform = read_transform(apply)
            laid = resample(other, still.grid, cast("Order", interpolation), transform, progress=progress)
        else:
            found = find(
                still, other, cast("Model", model), metric=cast("Metric", metric),
                mask=None if mask is None else read_labels(mask),
                budget_s=math.inf if budget is None else budget, progress=progress,
            )  # fmt: skip
            transform, laid = found.transform, found.resampled(other, still, cast("Order", interpolation))
            told = {
                "metric": found.metric, "value": round(found.value, 5), "overlap": round(found.overlap, 4),
                "iterations": found.iterations, "converged": found.converged,
            }  # fmt: skip
            for finding in found.findings:
                err.print(f"[{STYLES['warning']}]{escape(finding.text)}[/]", soft_wrap=True)
        report = write(laid, target, progress=progress)
        if save is not None:
            write_transform(transform, save)
    files = [*report.files, *([] if save is None else [save])]
    told |= {"matrix": transform.matrix.round(6).tolist(), "files": [str(file) for file in files]}
    if as_json:
        print_json(told | {"losses": list(report.losses)})
        return
    for key, value in told.items():
        if key != "files":
            out.print(f"{key}: {value}", soft_wrap=True, highlight=False)
    for file in files:
        out.print(f"[green]{escape(str(file))}[/]", soft_wrap=True)
    for loss in report.losses:
        out.print(f"[dim]not kept in the file: {escape(loss)}[/]", soft_wrap=True)
