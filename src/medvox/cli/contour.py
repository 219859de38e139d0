"""`medvox contour`: from voxels to outlines and back, and between outline files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.markup import escape
from rich.table import Table

from medvox.cli.console import STYLES, out, print_json, progress_bar
from medvox.core.errors import UsageError

if TYPE_CHECKING:
    from medvox.contours.fill import Rule, Small
    from medvox.contours.layers import Axis
    from medvox.contours.trace import Connectivity
    from medvox.workflows.contouring import ContourReport

Length = float | None
Grid = Annotated[
    Path | None,
    typer.Option(help="Image whose voxels are filled, or that the outlines shall refer to."),
]
Chosen = Annotated[
    list[str] | None, typer.Option("--segment", help="Only segments of this name; repeatable.")
]
Simplify = Annotated[Length, typer.Option(help="Drop points that matter less than this many mm.", min=0)]
Smooth = Annotated[Length, typer.Option(help="Round off rings, moving no point by more mm.", min=0)]
RuleOption = Annotated[
    str, typer.Option("--rule", help="For filling: center (of the pixel inside) or area (its part covered).")
]
SmallOption = Annotated[
    str, typer.Option("--small", help="Regions that cover no pixel centre: report, or keep as one voxel.")
]
Level = Annotated[
    Length, typer.Option(help="Outline what is at or above this value of an image, between pixels.")
]
AxisOption = Annotated[
    str, typer.Option("--axis", help="For tracing: planes of constant k (slices), j or i.")
]
Touching = Annotated[
    int, typer.Option("--connectivity", help="Voxels that touch at a corner belong together (8) or not (4).")
]
KeepVoxels = Annotated[
    bool,
    typer.Option(
        "--keep-voxels/--change-voxels", help="Simplify labels' outlines only as far as no voxel changes."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


def contour(  # noqa: PLR0913
    source: Annotated[Path, typer.Argument(help="Labels, an image (with --level), or outlines.")],
    target: Annotated[
        Path, typer.Argument(help="Outlines (.dcm .bnd .dxf .svg .geojson .csv .xyz) or labels (any image).")
    ],
    grid: Grid = None,
    segment: Chosen = None,
    simplify: Simplify = None,
    smooth: Smooth = None,
    rule: RuleOption = "center",
    small: SmallOption = "report",
    level: Level = None,
    axis: AxisOption = "k",
    connectivity: Touching = 8,
    keep_voxels: KeepVoxels = True,
    as_json: AsJson = False,
) -> None:
    """Outline labels with all holes and islands, or fill outlines.

    The ending of TARGET decides. What is lost, too small or off the slices is counted and said; simplifying
    and smoothing say the distance reached, tracing how many voxels would change when filled again.
    """
    from medvox.workflows.contouring import ContourOptions
    from medvox.workflows.contouring import contour as run

    allowed = {"rule": ("center", "area"), "small": ("report", "keep"), "axis": ("k", "j", "i")}
    for name, value in (("rule", rule), ("small", small), ("axis", axis)):
        if value not in allowed[name]:
            raise UsageError(f"no such --{name}", got=value, expected=list(allowed[name]))
    options = ContourOptions(
        grid=grid,
        segments=tuple(segment or ()),
        level=level,
        axis=cast("Axis", axis),
        connectivity=cast("Connectivity", connectivity),
        smooth_mm=smooth,
        simplify_mm=simplify,
        keep_voxels=keep_voxels,
        rule=cast("Rule", rule),
        small=cast("Small", small),
    )
    with progress_bar() as progress:
        done = run(source, target, options, progress)
    if as_json:
        print_json(done.as_json())
    else:
        print_report(done)


def print_report(done: ContourReport) -> None:
    """Print a table of segments, distances reached, losses and findings."""
    filled = {part.name: part for part in done.filled.segments} if done.filled else {}
    last = "voxels" if filled else "voxels changed"
    table = Table("segment", "planes", "regions", "holes", "points", last, box=None, pad_edge=False)
    for part in done.segments:
        value = filled[part.name].voxels if filled else part.changed_voxels
        numbers = (part.planes, part.regions, part.holes, part.points, "" if value is None else value)
        table.add_row(escape(part.name), *map(str, numbers))
    out.print(table)
    for word, shape in (("smoothed", done.smoothed), ("simplified", done.simplified)):
        if shape:
            out.print(
                f"{word}: {shape.points_before} to {shape.points_after} points, "
                f"at most {shape.hausdorff_mm:.3g} mm away (Hausdorff distance)",
                soft_wrap=True,
            )
    for loss in done.losses:
        out.print(f"[dim]{escape(loss)}[/]", soft_wrap=True)
    for finding in done.findings:
        text = escape(f"{finding.where}: {finding.text}")
        out.print(f"[{STYLES[finding.level]}]{text}[/]", soft_wrap=True)
    for file in done.files:
        out.print(f"[green]{escape(str(file))}[/]", soft_wrap=True)
