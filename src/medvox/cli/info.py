"""`medvox info`: what lies under paths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.tree import Tree

from medvox.cli.console import STYLES, RawOption, err, out, print_json, progress_bar
from medvox.cli.header_table import Wanted, print_headers
from medvox.core.finding import EXPLANATIONS, Finding
from medvox.core.study import Scan, Series
from medvox.dicom.objects.summary import ObjectSummary
from medvox.workflows.describe import describe_scan, object_summaries
from medvox.workflows.open_folder import scan

MOST_PARTS = 30
"""Lines shown of one object."""


def info(  # noqa: PLR0913 - options of a command
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, zip or tar archives.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    header: Annotated[
        bool,
        typer.Option(
            "--header", help="Print instead the header of the first file of each series, line by line."
        ),
    ] = False,
    search: Annotated[
        list[str] | None,
        typer.Option(
            "--search",
            "--tag",
            help="Print only header lines whose tag, keyword, name, value or private creator holds this text;"
            " repeatable.",
        ),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Print only private header elements.")] = False,
    every_file: Annotated[
        bool,
        typer.Option("--every-file", help="Print the headers of all files, not of the first of a series."),
    ] = False,
    hide: Annotated[
        bool,
        typer.Option(
            "--hide-identity", help="Print no values of identifying and of private header elements."
        ),
    ] = False,
    raw: RawOption = None,
) -> None:
    """List studies, series, geometry, the proof of 4D, and findings; or headers.

    Names and other patient data are shown as the headers hold them; lines that may identify the patient are
    marked with a star. Nothing is changed.
    """
    with progress_bar() as progress:
        found = scan(list(paths), raw=raw, progress=progress)
    if header or search or private or every_file:
        print_headers(found, Wanted(tuple(search or ()), private, every_file, hide), as_json)
        return
    if as_json:
        print_json(describe_scan(found))
    else:
        _print_tree(found)
    if not any(True for _ in found.series()):
        err.print("Nothing that medvox can open was found.")
        raise typer.Exit(1)


def _print_tree(found: Scan) -> None:
    root = Tree(f"[bold]{escape(', '.join(found.roots))}[/]  {found.files} files")
    objects = object_summaries(found)
    for study in found.studies:
        title = " ".join(w for w in (study.date, study.description or "study") if w)
        patient = f"{study.patient.name} {study.patient.id}".rstrip()
        branch = root.add(f"[bold cyan]{escape(title)}[/]  {escape(patient)}")
        for series in study.series:
            _add_series(branch, series, objects)
    for finding in found.findings:
        _add_finding(root, finding)
    out.print(root, soft_wrap=True)
    for code in sorted({finding.code for finding in found.all_findings()}):
        out.print(f"[dim]{code}: {escape(EXPLANATIONS[code])}[/]", soft_wrap=True)


def _add_series(branch: Tree, series: Series, objects: Mapping[str, ObjectSummary]) -> None:
    number = "" if series.number is None else f"{series.number} "
    kind = series.object_type or series.modality or series.format
    files = f"{len(series.instances)} file(s), {series.format}"
    node = branch.add(f"[green]{number}{escape(series.description)}[/]  {escape(kind)}, {files}")
    for finding in series.findings:
        _add_finding(node, finding)
    for summary in (objects[i.file] for i in series.instances if i.file in objects):
        _add_object(node, summary)
    for image in series.images:
        sizes = " × ".join(f"{name} {size}" for name, size in zip(image.axes, image.shape, strict=True))
        unit = "" if image.unit == "1" else f" [{image.unit}]"
        leaf = node.add(escape(f"{image.label}: {image.kind}, {sizes}{unit}, {image.grid!r}"))
        for finding in image.findings:
            _add_finding(leaf, finding)


def _add_object(node: Tree, summary: ObjectSummary) -> None:
    leaf = node.add(escape(f"{summary.kind}, refers to {len(summary.referenced)} objects"))
    for part in summary.parts[:MOST_PARTS]:
        leaf.add(escape(part))
    if len(summary.parts) > MOST_PARTS:
        leaf.add(f"[dim]… and {len(summary.parts) - MOST_PARTS} more[/]")
    for finding in summary.findings:
        _add_finding(leaf, finding)


def _add_finding(node: Tree, finding: Finding) -> None:
    style = STYLES[finding.level]
    text = f"{finding.level} {finding.code}: {finding.where}: {finding.text}"
    node.add(f"[{style}]{escape(text)}[/]")
