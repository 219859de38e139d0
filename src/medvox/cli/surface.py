"""`medvox surface`: models from scans and labels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.markup import escape
from rich.table import Table

from medvox.cli.console import RawOption, out, print_json, progress_bar
from medvox.core.errors import UsageError
from medvox.core.study import Image, Kind
from medvox.core.volume import Volume
from medvox.formats.meshes import ENDINGS
from medvox.surfaces.model import Keep, Model, ModelOptions
from medvox.workflows.models import make_models, report_of, write_models
from medvox.workflows.open_folder import scan


def surface(  # noqa: PLR0913
    source: Annotated[Path, typer.Argument(help="Scan, label file or folder.")],
    target: Annotated[
        Path, typer.Argument(help=f"Mesh to write: {', '.join(ENDINGS)}; {{name}} makes one file a segment.")
    ],
    level: Annotated[
        float | None, typer.Option(help="Surface around all voxels of at least this value.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Surfaces of whole numbers: all, or a list such as 1,3.")
    ] = None,
    image: Annotated[
        str | None, typer.Option(help="Part of the image's label, where there are several.")
    ] = None,
    time: Annotated[int, typer.Option(help="Position along the fourth axis, from 0.")] = 0,
    smooth: Annotated[int, typer.Option(min=0, max=500, help="Iterations of the windowed sinc filter.")] = 20,
    pass_band: Annotated[float, typer.Option(help="Of the filter; lower is smoother.")] = 0.1,
    decimate: Annotated[float, typer.Option(help="Share of the triangles to remove.")] = 0.8,
    max_error: Annotated[float | None, typer.Option(help="Limit in mm of what decimation may do.")] = None,
    keep: Annotated[
        str, typer.Option(help=f"Volume that models get: {', '.join(get_args(Keep))}.")
    ] = "voxels",
    smallest: Annotated[float, typer.Option(help="Leave out parts below this volume in mm3.")] = 0.0,
    report: Annotated[Path | None, typer.Option(help="JSON file that tells what processing did.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report.")] = False,
    raw: RawOption = None,
) -> None:
    """Make closed surface models that state their error.

    Volumes are those of the voxels on the stored grid, also of tilted and uneven stacks.
    """
    if keep not in get_args(Keep):
        raise UsageError("no such volume to keep", got=keep, expected=get_args(Keep))
    if target.suffix.lower() not in ENDINGS:
        raise UsageError("no such kind of mesh file", got=target.suffix, expected=ENDINGS)
    options = ModelOptions(
        smooth, pass_band, decimate, max_error, cast("Keep", keep), smallest, report is not None or as_json
    )
    with progress_bar() as progress:
        volume = _volume(_largest(scan(source, raw=raw, progress=progress).images(), image), time)
        wanted = None if labels is None else [w for w in labels.replace(" ", "").split(",") if w]
        models = make_models(volume, level, wanted, options, progress)
    written = write_models(models, target, report)
    if as_json:
        print_json(report_of(models, written))
        return
    out.print(_table(models))
    for path in written:
        out.print(f"[green]{escape(str(path))}[/]", soft_wrap=True)


def _largest(images: Iterable[Image], label: str | None) -> Image:
    found = [i for i in images if i.kind is Kind.VOLUME]
    found = [i for i in found if label is None or label.lower() in i.label.lower()]
    if not found:
        raise UsageError("there is no such volume", got=label)
    return max(found, key=lambda i: i.grid.shape[0] * i.grid.shape[1] * i.grid.shape[2])


def _volume(image: Image, time: int) -> Volume:
    volume = image.volume()
    if not volume.lead_shape:
        return volume
    if not 0 <= time < volume.lead_shape[0]:
        raise UsageError("no such time point", got=time, expected=f"0 to {volume.lead_shape[0] - 1}")
    return volume.at(**{name: time if n == 0 else 0 for n, name in enumerate(volume.lead_axes)})


def _table(models: tuple[Model, ...]) -> Table:
    table = Table("model", "triangles", "volume ml", "voxels ml", "error %", "area cm²", "closed")
    for model in models:
        told = model.report
        table.add_row(
            escape(told.name),
            f"{told.faces}",
            f"{told.volume_mm3 / 1000:.3f}",
            f"{told.voxel_volume_mm3 / 1000:.3f}",
            f"{told.volume_error_percent:+.3f}",
            f"{told.area_mm2 / 100:.2f}",
            "yes" if told.is_closed else "no",
        )
    return table
