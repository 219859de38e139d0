"""`medvox render`: a picture of a scan, without a display."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.markup import escape

from medvox.cli.console import RawOption, out, progress_bar
from medvox.core.errors import AmbiguityError, MissingError, UsageError
from medvox.core.progress import Progress
from medvox.core.study import Image, Kind, Scan
from medvox.core.volume import Volume, Window
from medvox.rendering.annotate import annotate
from medvox.rendering.look import Look
from medvox.rendering.picture import Picture
from medvox.rendering.presets import PRESETS
from medvox.rendering.render import MODES, Mode, RenderRequest
from medvox.rendering.render import render as draw
from medvox.rendering.reslice import Plane
from medvox.rendering.scene import Camera
from medvox.workflows.movies import MOVIES
from medvox.workflows.open_folder import scan
from medvox.workflows.pictures import (
    ReformatRequest,
    WorldRequest,
    barred,
    draw_reformat,
    is_mesh,
    make_world,
    suited,
    world_camera,
    write_turntable,
)

DEFAULT_SIZE = (1000, 800)
LARGEST_SIDE = 8192
PLANES = get_args(Plane)

SurfaceOption = Annotated[
    list[str] | None,
    typer.Option(help="Mesh file to draw; FILE:0.4 is seen through. Repeatable."),
]
SlicesOption = Annotated[str, typer.Option(help="Slices in the 3D picture: axial,coronal:12.5 (mm).")]
FuseOption = Annotated[list[Path] | None, typer.Option(help="Another volume in the same 3D picture.")]
TransferOption = Annotated[Path | None, typer.Option(help="JSON file with colors and opacities.")]
ClipOption = Annotated[
    list[str] | None, typer.Option(help="Plane a,b,c,d: leaves what lies where ax+by+cz >= d (LPS mm).")
]
BoxOption = Annotated[str, typer.Option(help="Cut to a box: two LPS corners x,y,z,x,y,z.")]
NormalOption = Annotated[str, typer.Option(help="Oblique slice: its normal x,y,z (LPS).")]
CenterOption = Annotated[str, typer.Option(help="Middle of the oblique slice, x,y,z in mm.")]
PathOption = Annotated[str, typer.Option(help='Curved slice along "x,y,z x,y,z ...".')]
SlabOption = Annotated[float, typer.Option(min=0, help="Thickness in mm of an oblique or curved slice.")]
FramesOption = Annotated[int, typer.Option(min=2, max=5000, help="Of a turntable: .gif, .mp4, .webm.")]
ColorBarOption = Annotated[bool, typer.Option("--color-bar", help="Draw the window as a bar.")]
ModeOption = Annotated[
    str | None, typer.Option(help=f"{', '.join(MODES)}; volume where a preset is given, else slice.")
]
ImageOption = Annotated[str | None, typer.Option(help="Part of the image's label, where there are several.")]


def render(  # noqa: PLR0913
    source: Annotated[Path, typer.Argument(help="File, folder or archive.")],
    target: Annotated[Path, typer.Argument(help="Picture (.png, .jpg) or movie (.gif, .mp4, .webm).")],
    mode: ModeOption = None,
    preset: Annotated[str | None, typer.Option(help=f"Volume rendering: {', '.join(PRESETS)}.")] = None,
    image: ImageOption = None,
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
    surface: SurfaceOption = None,
    slices: SlicesOption = "",
    fuse: FuseOption = None,
    transfer: TransferOption = None,
    clip: ClipOption = None,
    box: BoxOption = "",
    normal: NormalOption = "",
    center: CenterOption = "",
    path: PathOption = "",
    slab: SlabOption = 0.0,
    frames: FramesOption = 72,
    color_bar: ColorBarOption = False,
    raw: RawOption = None,
) -> None:
    """Draw slices, projections, volumes and meshes; a turntable where TARGET is a movie.

    SOURCE is a scan, or a mesh file. No display and no graphics card are needed. Of several images the
    largest volume is drawn unless --image says which.
    """
    moving = target.suffix.lower() in MOVIES
    reformat = ReformatRequest(_numbers(normal), _numbers(center), _numbers(path), slab)
    look = Look() if window is None else Look(window=Window(*window))
    cuts = tuple(_numbers(c) for c in clip or ())
    planes = tuple(s for s in slices.split(",") if s)
    scene = WorldRequest(tuple(surface or ()), planes, preset, transfer, cuts, _numbers(box), look)
    camera = Camera(azimuth, elevation, 0.0, zoom)
    if scene.is_needed or fuse or moving or is_mesh(source):
        _check(target, "volume", preset, plane, size, MOVIES if moving else ())
        _draw_world((source, target), scene, camera, (size, frames, plain, image), fuse or [])
        return
    wanted = mode or ("volume" if preset else "slice")
    _check(target, wanted, preset, plane, size)
    with progress_bar() as progress:
        chosen = _choose(scan(source, raw=raw, progress=progress), image, three_d=wanted == "volume")
        volume = chosen.volume()
        request = RenderRequest(
            cast("Mode", wanted), cast("Plane | None", plane), index, position, preset,
            camera if camera != Camera() else None, size, rows, columns, _lead(volume, time), look, not plain,
        )  # fmt: skip
        picture = _picture(volume, request, reformat, mode, progress)
    if color_bar:
        picture = barred(picture, volume, look)
    picture.save(target)
    out.print(f"[green]{escape(str(target))}[/]  {escape(chosen.label)}", soft_wrap=True)


def _picture(
    volume: Volume, request: RenderRequest, reformat: ReformatRequest, mode: str | None, progress: Progress
) -> Picture:
    if not reformat.is_needed:
        return draw(volume, request, progress)
    picture = draw_reformat(volume, reformat, request.look, mode)
    return annotate(picture) if request.annotated else picture


def _draw_world(
    files: tuple[Path, Path],
    scene: WorldRequest,
    camera: Camera,
    how: tuple[tuple[int, int], int, bool, str | None],
    fuse: list[Path],
) -> None:
    """Draw meshes, slices and volumes together, once or all around."""
    source, target = files
    size, frames, plain, label = how
    with progress_bar() as progress:
        volume, others = None, []
        if is_mesh(source):
            scene = replace(scene, meshes=(str(source), *scene.meshes))
        else:
            volume = _three_d(source, label, progress)
            if not scene.is_needed:
                scene = replace(scene, preset=suited(volume))
        others = [_three_d(path, None, progress) for path in fuse]
        world = make_world(scene, volume, others, progress)
        draw = world_camera(world, size, cube=not plain)
        if target.suffix.lower() in MOVIES:
            count = write_turntable(draw, target, camera, frames, progress)
            out.print(f"[green]{escape(str(target))}[/]  {count} frames", soft_wrap=True)
            return
        picture = draw(camera)
    (picture if plain else annotate(picture)).save(target)
    out.print(f"[green]{escape(str(target))}[/]", soft_wrap=True)


def _three_d(source: Path, label: str | None, progress: Progress) -> Volume:
    volume = _choose(scan(source, progress=progress), label, three_d=True).volume()
    return volume.at(**dict.fromkeys(volume.lead_axes, 0))


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError as error:
        raise UsageError("these are no numbers", got=text, expected="numbers and commas") from error


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


def _check(
    target: Path,
    mode: str,
    preset: str | None,
    plane: str | None,
    size: tuple[int, int],
    endings: tuple[str, ...] = (),
) -> None:
    """Refuse what makes no sense before anything is read."""
    if target.suffix.lower() not in (".png", ".jpg", ".jpeg", *endings):
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
