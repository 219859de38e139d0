"""`medvox render`: a picture of a scan, without a display."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.markup import escape

from medvox.cli.console import RawOption, out, progress_bar
from medvox.core.errors import AmbiguityError, MissingError, UsageError
from medvox.core.study import Image, Kind, Scan
from medvox.core.volume import Volume, Window
from medvox.rendering.look import Look
from medvox.rendering.presets import PRESETS
from medvox.rendering.render import MODES, Mode, RenderRequest
from medvox.rendering.render import render as draw
from medvox.rendering.reslice import Plane
from medvox.rendering.scene import Camera
from medvox.workflows.open_folder import scan

DEFAULT_SIZE = (1000, 800)
LARGEST_SIDE = 8192
PLANES = get_args(Plane)


def render(  # noqa: PLR0913
    source: Annotated[Path, typer.Argument(help="File, folder or archive.")],
    target: Annotated[Path, typer.Argument(help="Picture to write, .png or .jpg.")],
    mode: Annotated[
        str | None, typer.Option(help=f"{', '.join(MODES)}; volume where a preset is given, else slice.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help=f"Volume rendering: {', '.join(PRESETS)}.")] = None,
    image: Annotated[
        str | None, typer.Option(help="Part of the image's label, where there are several.")
    ] = None,
    plane: Annotated[str | None, typer.Option(help="axial, coronal, sagittal or stored.")] = None,
    index: Annotated[int | None, typer.Option(help="Slice number, from 0.")] = None,
    position: Annotated[float | None, typer.Option(help="Slice position in mm.")] = None,
    time: Annotated[int, typer.Option(help="Position along the fourth axis, from 0.")] = 0,
    window: Annotated[tuple[float, float] | None, typer.Option(help="Window center and width.")] = None,
    azimuth: Annotated[float, typer.Option(help="Camera: degrees to the patient's left.")] = 0.0,
    elevation: Annotated[float, typer.Option(help="Camera: degrees upwards.")] = 0.0,
    zoom: Annotated[float, typer.Option(help="Camera: magnification.")] = 1.0,
    size: Annotated[tuple[int, int], typer.Option(help="Width and height of the picture.")] = DEFAULT_SIZE,
    columns: Annotated[int, typer.Option(help="Columns of a montage.")] = 5,
    rows: Annotated[int, typer.Option(help="Rows of a montage.")] = 4,
    plain: Annotated[bool, typer.Option("--plain", help="No letters, label or scale bar.")] = False,
    raw: RawOption = None,
) -> None:
    """Draw a slice, montage, projection or volume rendering.

    No display and no graphics card are needed. Of several images the largest volume is drawn unless
    --image says which.
    """
    wanted = mode or ("volume" if preset else "slice")
    _check(target, wanted, preset, plane, size)
    with progress_bar() as progress:
        chosen = _choose(scan(source, raw=raw, progress=progress), image, three_d=wanted == "volume")
        volume = chosen.volume()
        request = RenderRequest(
            mode=cast("Mode", wanted),
            plane=cast("Plane | None", plane),
            index=index,
            position_mm=position,
            preset=preset,
            camera=Camera(azimuth_deg=azimuth, elevation_deg=elevation, zoom=zoom)
            if _turned(azimuth, elevation, zoom)
            else None,
            size=size,
            rows=rows,
            columns=columns,
            lead=_lead(volume, time),
            look=Look() if window is None else Look(window=Window(*window)),
            annotated=not plain,
        )
        picture = draw(volume, request, progress)
    picture.save(target)
    out.print(f"[green]{escape(str(target))}[/]  {escape(chosen.label)}", soft_wrap=True)


def _turned(azimuth: float, elevation: float, zoom: float) -> bool:
    return (azimuth, elevation, zoom) != (0.0, 0.0, 1.0)


def _choose(found: Scan, label: str | None, three_d: bool) -> Image:
    images = [i for i in found.images() if label is None or label.lower() in i.label.lower()]
    if not images:
        raise MissingError("no such image", got=label, expected=[i.label for i in found.images()][:10])
    if three_d:
        images = [i for i in images if i.kind is Kind.VOLUME]
        if not images:
            raise UsageError(
                "none of the images is a volume", advice="Leave out --preset, or use --mode slice"
            )
    exact = [i for i in images if i.label == label]
    if label is not None and len(exact or images) > 1:
        raise AmbiguityError("several images fit", choices=[i.label for i in images])
    images = exact or images
    return max(images, key=lambda i: i.grid.shape[0] * i.grid.shape[1] * i.grid.shape[2])


def _lead(volume: Volume, time: int) -> tuple[int, ...]:
    if not volume.lead_shape:
        return ()
    if not 0 <= time < volume.lead_shape[0]:
        raise UsageError("no such time point", got=time, expected=f"0 to {volume.lead_shape[0] - 1}")
    return (time, *([0] * (len(volume.lead_shape) - 1)))


def _check(target: Path, mode: str, preset: str | None, plane: str | None, size: tuple[int, int]) -> None:
    """Refuse what makes no sense before anything is read."""
    if target.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UsageError("pictures are written as .png or .jpg", where=target)
    if not target.absolute().parent.is_dir():
        raise MissingError("no such folder", where=target.parent)
    if mode not in MODES:
        raise UsageError("no such kind of picture", got=mode, expected=MODES)
    if preset is not None and preset not in PRESETS:
        raise UsageError("no such volume preset", got=preset, expected=tuple(PRESETS))
    if plane is not None and plane not in PLANES:
        raise UsageError("no such plane", got=plane, expected=PLANES)
    if not all(1 <= side <= LARGEST_SIDE for side in size):
        got = "{} x {}".format(*size)
        raise UsageError("no such size of a picture", got=got, expected=f"1 to {LARGEST_SIDE} pixels a side")
