"""`medvox convert`: a folder to one file a volume."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from medvox.cli.console import STYLES, RawOption, out, print_json, progress_bar
from medvox.workflows import names
from medvox.workflows.convert import ConvertOptions, ConvertReport
from medvox.workflows.convert import convert as run

_NAME_HELP = "File names: " + ", ".join(f"%{c} {text}" for c, text in names.LETTERS.items()) + "."


def convert(  # noqa: PLR0913
    source: Annotated[Path, typer.Argument(help="File, folder or archive to convert.")],
    target: Annotated[Path, typer.Argument(help="Folder, or a file name for a single image.")],
    to: Annotated[str, typer.Option(help="Format of the files: nifti, metaimage, nrrd.")] = "nifti",
    name: Annotated[str, typer.Option("--name", "-f", help=_NAME_HELP)] = names.DEFAULT,
    keep_identity: Annotated[
        bool, typer.Option("--keep-identity", help="Allow names, UIDs and paths that identify the patient.")
    ] = False,
    scaling: Annotated[
        str, typer.Option(help="Philips files: precise values (as dcm2niix), or display values.")
    ] = "precise",
    order: Annotated[
        str, typer.Option(help="Order of voxels: dcm2niix, stored or ras. Nothing moves in space.")
    ] = "dcm2niix",
    spacing: Annotated[
        tuple[float, float, float] | None,
        typer.Option(help="Slice, row, column distance in mm for stacks of pictures."),
    ] = None,
    sidecar: Annotated[bool, typer.Option(help="Write NAME.json and NAME.slices.csv.")] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there already.")
    ] = False,
    raw: RawOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Convert every volume to a file of its own, with a sidecar and a table of sources.

    NAME.json holds what analysis needs, NAME.slices.csv says which instance and frame each slice came
    from; neither names the patient unless --keep-identity is given. Exit code 1 when an image was not
    converted; the others are.

    Philips files hold two scalings: precise values are written unless --scaling display is given.
    """
    options = ConvertOptions(
        to=to,
        template=name,
        keep_identity=keep_identity,
        scaling=scaling,
        order=order,
        sidecar=sidecar,
        spacing_mm=spacing,
        overwrite=overwrite,
        raw=raw,
    )
    with progress_bar() as progress:
        report = run(source, target, options, progress=progress)
    if as_json:
        print_json(_describe(report))
    else:
        _print(report)
    if report.skipped:
        raise typer.Exit(1)


def _print(report: ConvertReport) -> None:
    for done in report.converted:
        out.print(f"[green]{escape(str(done.files[0]))}[/]  {escape(done.label)}", soft_wrap=True)
        for loss in done.losses:
            out.print(f"  [dim]not kept in the file: {escape(loss)}[/]", soft_wrap=True)
        for finding in done.findings:
            out.print(f"  [{STYLES[finding.level]}]{finding.code}: {escape(finding.text)}[/]", soft_wrap=True)
    for skipped in report.skipped:
        reason = escape(f"{skipped.label}: {skipped.reason}")
        out.print(f"[bold red]not converted:[/] {reason}", soft_wrap=True)


def _describe(report: ConvertReport) -> dict[str, object]:
    return {
        "converted": [
            {
                "label": done.label,
                "files": [str(path) for path in done.files],
                "losses": list(done.losses),
                "findings": [{"code": f.code, "level": str(f.level), "text": f.text} for f in done.findings],
            }
            for done in report.converted
        ],
        "skipped": [{"label": s.label, "reason": s.reason} for s in report.skipped],
    }
