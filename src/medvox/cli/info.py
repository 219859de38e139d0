"""`medvox info`: what lies under paths."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from medvox.cli.console import STYLES, RawOption, err, out, print_json, progress_bar
from medvox.core.finding import Finding
from medvox.core.study import Scan, Series
from medvox.workflows.describe import describe_scan, search_headers
from medvox.workflows.open_folder import scan


def info(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, zip or tar archives.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--tag",
            help="Show instead the header elements whose tag, keyword or value holds this text; repeatable.",
        ),
    ] = None,
    raw: RawOption = None,
) -> None:
    """List studies, series, geometry, the proof of 4D, and findings.

    Names and other patient data are shown as the headers hold them. Nothing is changed.
    """
    with progress_bar() as progress:
        found = scan(list(paths), raw=raw, progress=progress)
    if tag:
        _print_headers(found, tag, as_json)
    elif as_json:
        print_json(describe_scan(found))
    else:
        _print_tree(found)
    if not any(True for _ in found.series()):
        err.print("Nothing that medvox can open was found.")
        raise typer.Exit(1)


def _print_tree(found: Scan) -> None:
    root = Tree(f"[bold]{escape(', '.join(found.roots))}[/]  {found.files} files")
    for study in found.studies:
        title = " ".join(w for w in (study.date, study.description or "study") if w)
        patient = f"{study.patient.name} {study.patient.id}".rstrip()
        branch = root.add(f"[bold cyan]{escape(title)}[/]  {escape(patient)}")
        for series in study.series:
            _add_series(branch, series)
    for finding in found.findings:
        _add_finding(root, finding)
    out.print(root, soft_wrap=True)


def _add_series(branch: Tree, series: Series) -> None:
    number = "" if series.number is None else f"{series.number} "
    kind = series.object_type or series.modality or series.format
    files = f"{len(series.instances)} file(s), {series.format}"
    node = branch.add(f"[green]{number}{escape(series.description)}[/]  {escape(kind)}, {files}")
    for finding in series.findings:
        _add_finding(node, finding)
    for image in series.images:
        sizes = " × ".join(f"{name} {size}" for name, size in zip(image.axes, image.shape, strict=True))
        unit = "" if image.unit == "1" else f" [{image.unit}]"
        leaf = node.add(escape(f"{image.label}: {image.kind}, {sizes}{unit}, {image.grid!r}"))
        for finding in image.findings:
            _add_finding(leaf, finding)


def _add_finding(node: Tree, finding: Finding) -> None:
    style = STYLES[finding.level]
    text = f"{finding.level} {finding.code}: {finding.where}: {finding.text}"
    node.add(f"[{style}]{escape(text)}[/]")


def _print_headers(found: Scan, wanted: list[str], as_json: bool) -> None:
    rows = search_headers(found, wanted)
    if as_json:
        print_json([{"file": file, **line} for file, line in rows])
        return
    if not rows:
        err.print(f"No header element holds {' or '.join(wanted)}.", markup=False)
        return
    table = Table("file", "tag", "VR", "keyword", "value")
    for file, line in rows:
        table.add_row(*map(escape, (file, line["tag"], line["vr"], line["keyword"], line["value"])))
    out.print(table)
