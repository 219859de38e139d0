"""`medvox convert`: from any format to any other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from medvox.cli.console import STYLES, RawOption, out, print_json, progress_bar
from medvox.core.errors import UsageError, WriteError
from medvox.formats.atomic import atomic_file
from medvox.workflows import names
from medvox.workflows.bids import BidsOptions, convert_to_bids, propose
from medvox.workflows.convert import ConvertOptions, ConvertReport
from medvox.workflows.convert import convert as run

_NAME_HELP = (
    "File names, / makes folders: " + ", ".join(f"%{c} {text}" for c, text in names.LETTERS.items()) + "."
)


Text = str | None
Spacing = tuple[float, float, float] | None

To = Annotated[
    Text, typer.Option(help="Format: nifti, dicom, nrrd … Without it: as TARGET's suffix says, or nifti.")
]
Name = Annotated[str, typer.Option("--name", "-f", help=_NAME_HELP)]
Tree = Annotated[bool, typer.Option("--tree", help="Keep the folders of SOURCE.")]
Chosen = Annotated[
    list[str] | None,
    typer.Option(
        "--series",
        help="Only series of this number, or whose description or label holds this text; repeatable.",
    ),
]
KeepIdentity = Annotated[
    bool, typer.Option("--keep-identity", help="Allow names, UIDs and paths that identify the patient.")
]
Scaling = Annotated[str, typer.Option(help="Philips files: precise values (as dcm2niix), or display values.")]
Order = Annotated[
    Text,
    typer.Option(help="Order of voxels: dcm2niix (for NIfTI), stored (else) or ras. Nothing moves in space."),
]
Resample = Annotated[
    Text, typer.Option(help="Interpolate to a spacing in mm (1, or 2,0.5,0.5), or to a file's grid.")
]
Interpolation = Annotated[str, typer.Option(help="For --resample: nearest, linear or cubic.")]
PictureSpacing = Annotated[
    Spacing, typer.Option("--spacing", help="Slice, row, column distance in mm for stacks of pictures.")
]
Sidecar = Annotated[
    bool, typer.Option(help="Write NAME.json, NAME.slices.csv and, for diffusion, NAME.bval and NAME.bvec.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")]
SkipExisting = Annotated[
    bool, typer.Option("--skip-existing", help="Go on where a run was stopped: leave what is finished.")
]
Compression = Annotated[
    int, typer.Option(help="Of gzip and zlib streams: 1 (fast) to 9 (small).", min=1, max=9)
]
DicomKind = Annotated[
    Text, typer.Option(help="Of written DICOM: classic, enhanced or legacy-enhanced (needs --keep-identity).")
]
DicomCompression = Annotated[
    str,
    typer.Option(
        help="Of written DICOM: none, deflated, rle, jpeg-lossless, jpeg-ls, jpeg-2000, htj2k; all lossless."
    ),
]
Report = Annotated[bool, typer.Option("--report", help="Write convert.json into the target folder.")]
Bids = Annotated[
    bool, typer.Option("--bids", help="Write a BIDS tree; with a TARGET.toml, only propose rules for one.")
]
Rules = Annotated[
    Path | None, typer.Option(help="For --bids: the rules, proposed by --bids and edited by you.")
]
Subjects = Annotated[
    Path | None, typer.Option(help="For --bids: table of patient_id and participant_id; else numbers.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


def convert(  # noqa: PLR0913
    source: Annotated[Path, typer.Argument(help="File, folder or archive to convert.")],
    target: Annotated[Path, typer.Argument(help="Folder, or a file name for a single image.")],
    to: To = None,
    name: Name = names.DEFAULT,
    tree: Tree = False,
    series: Chosen = None,
    keep_identity: KeepIdentity = False,
    scaling: Scaling = "precise",
    order: Order = None,
    resample: Resample = None,
    interpolation: Interpolation = "linear",
    spacing: PictureSpacing = None,
    sidecar: Sidecar = True,
    overwrite: Overwrite = False,
    skip_existing: SkipExisting = False,
    compression: Compression = 3,
    dicom_kind: DicomKind = None,
    dicom_compression: DicomCompression = "none",
    report: Report = False,
    raw: RawOption = None,
    bids: Bids = False,
    rules: Rules = None,
    subjects: Subjects = None,
    as_json: AsJson = False,
) -> None:
    """Convert every volume to a file of its own, with a sidecar and a table of sources.

    NAME.json holds what analysis needs, NAME.slices.csv says which instance and frame each slice came
    from; neither names the patient unless --keep-identity is given. Exit code 1 when an image was not
    converted; the others are.

    Philips files hold two scalings: precise values are written unless --scaling display is given.
    """
    if bids:
        how = BidsOptions(rules, subjects, target.name, keep_identity, overwrite, skip_existing)
        _to_bids(source, target, how, as_json)
        return
    if rules or subjects:
        raise UsageError("--rules and --subjects are for --bids")
    options = ConvertOptions(
        to=to,
        template=name,
        tree=tree,
        series=tuple(series or ()),
        keep_identity=keep_identity,
        scaling=scaling,
        order=order,
        resample=resample,
        interpolation=interpolation,
        sidecar=sidecar,
        spacing_mm=spacing,
        overwrite=overwrite,
        skip_existing=skip_existing,
        compression=compression,
        report=report,
        raw=raw,
        dicom_kind=dicom_kind,
        dicom_compression=dicom_compression,
    )
    with progress_bar() as progress:
        done = run(source, target, options, progress=progress)
    _finish(done, as_json)


def _to_bids(source: Path, target: Path, options: BidsOptions, as_json: bool) -> None:
    """Write a tree, or where the target is a TOML file the rules for one."""
    with progress_bar() as progress:
        if target.suffix == ".toml":
            text = propose(source, progress=progress)
        else:
            done = convert_to_bids(source, target, options, progress=progress)
    if target.suffix != ".toml":
        _finish(done, as_json)
        return
    if target.exists() and not options.overwrite:
        raise WriteError("the file is there already", where=target, advice="Add --overwrite to replace it")
    with atomic_file(target) as file:
        file.write(text.encode())
    out.print(f"[green]{escape(str(target))}[/]  edit it, then give it to --rules", soft_wrap=True)


def _finish(done: ConvertReport, as_json: bool) -> None:
    """Print the report; exit code 1 where an image could not be converted."""
    if as_json:
        print_json(done.as_json())
    else:
        print_report(done)
    if done.skipped:
        raise typer.Exit(1)


def print_report(report: ConvertReport) -> None:
    """Print a table of the files, what each cannot hold, and what was not converted."""
    table = Table("file", "image", "not kept in the file", box=None, pad_edge=False)
    for done in report.converted:
        losses = "\n".join(loss.removeprefix("The file does not hold ").rstrip(".") for loss in done.losses)
        table.add_row(
            f"[green]{escape(str(done.files[0]))}[/]", escape(done.label), f"[dim]{escape(losses)}[/]"
        )
    for kept in report.kept:
        table.add_row(escape(str(kept.file)), escape(kept.label), "[dim]was there already[/]")
    if table.row_count:
        out.print(table)
    for done in report.converted:
        for note in done.notes:
            out.print(f"[dim]{escape(f'{done.label}: {note}')}[/]", soft_wrap=True)
        for finding in done.findings:
            text = escape(f"{done.label}: {finding.code}: {finding.text}")
            out.print(f"[{STYLES[finding.level]}]{text}[/]", soft_wrap=True)
    for other in report.unmatched:
        out.print(escape(f"not in the tree: {other.label}: {other.reason}"), soft_wrap=True)
    for skipped in report.skipped:
        reason = escape(f"{skipped.label}: {skipped.reason}")
        out.print(f"[bold red]not converted:[/] {reason}", soft_wrap=True)
