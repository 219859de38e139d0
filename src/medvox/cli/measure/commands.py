"""Words of `medvox measure`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer

from medvox.cli.console import out, progress_bar
from medvox.cli.measure.output import (
    CsvOption,
    JsonOption,
    LabelsOption,
    SegmentOption,
    SrOption,
    show,
)
from medvox.cli.steps import StepGroup
from medvox.core.errors import UsageError
from medvox.measurement.intensity.region import check_same_grid
from medvox.measurement.overlap import Boundary
from medvox.measurement.radiomics import FAMILIES, Aggregation, Discretization, RadiomicsSettings
from medvox.workflows.measure import clinical, sizes
from medvox.workflows.measure.row import Row
from medvox.workflows.open_folder import read

DEFAULT_WORD = "segments"


class DefaultGroup(StepGroup):
    """A group whose first argument may be a file instead of a word: then the word is `DEFAULT_WORD`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default word in front of a file."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = [DEFAULT_WORD, *args]
        found: list[str] = super().parse_args(ctx, args)
        return found


app = typer.Typer(
    name="measure",
    cls=DefaultGroup,
    help="Measure segments: `medvox measure IMAGE --labels FILE`; or one of the words below.",
    no_args_is_help=True,
)
ImageArgument = Annotated[Path, typer.Argument(help="Image: file or DICOM folder.")]


@app.command(DEFAULT_WORD)
def segments(  # noqa: PLR0913 - options of a command
    image: ImageArgument,
    labels: LabelsOption,
    segment: SegmentOption = None,
    per_slice: Annotated[
        bool, typer.Option("--per-slice", help="Statistics of the values slice by slice.")
    ] = False,
    only_sizes: Annotated[bool, typer.Option("--sizes", help="Sizes only, no statistics of values.")] = False,
    as_json: JsonOption = False,
    csv: CsvOption = None,
    sr: SrOption = None,
) -> None:
    """Volume, areas, diameters and values of every segment, with the uncertainty of discretization.

    The word may be left out: `medvox measure IMAGE --labels FILE`.
    """
    with progress_bar():
        volume, found = sizes.read_pair(image, labels)
        _, rows = sizes.size_rows(found)
        if not only_sizes:
            rows += sizes.value_rows(volume, found, per_slice=per_slice)
        rows = sizes.pick(rows, segment)
        if sr is not None:
            _write_report(rows, sr, volume, found, labels)
    show(rows, as_json=as_json, csv=csv)


def _write_report(
    rows: list[Row], sr: Path, volume: Any, labels: Any = None, place: Path | None = None
) -> None:
    from medvox.workflows.measure.report import write_report

    report = write_report(rows, sr, volume, labels, place)
    for loss in report.losses:
        out.print(f"[dim]not in the report: {loss}[/]", soft_wrap=True)


@app.command("overlap")
def overlap(  # noqa: PLR0913 - options of a command
    reference: Annotated[Path, typer.Argument(help="File of the segments that hold as true.")],
    test: Annotated[Path, typer.Argument(help="File of the segments to judge.")],
    tolerance: Annotated[float, typer.Option(help="mm, for the surface Dice (NSD).")] = 1.0,
    boundary: Annotated[
        str, typer.Option(help="voxel (Metrics Reloaded, MONAI) or surfel (DeepMind's surface-distance).")
    ] = "voxel",
    lesions: Annotated[bool, typer.Option("--lesions", help="Count lesions found and missed, too.")] = False,
    segment: SegmentOption = None,
    as_json: JsonOption = False,
    csv: CsvOption = None,
) -> None:
    """Dice, Jaccard, ASSD, HD, HD95, NSD and confusion of two label maps, segment by segment by name."""
    if boundary not in get_args(Boundary):
        raise UsageError("no such boundary", where="--boundary", got=boundary, expected=get_args(Boundary))
    with progress_bar():
        first = sizes.read_segments(reference)
        second = sizes.read_segments(test, first.grid)
        rows = sizes.overlap_rows(first, second, tolerance, cast("Boundary", boundary), lesions=lesions)
    show(sizes.pick(rows, segment), as_json=as_json, csv=csv)


@app.command("radiomics")
def radiomics(  # noqa: PLR0913 - options of a command
    image: ImageArgument,
    labels: LabelsOption,
    bins: Annotated[int | None, typer.Option(help="Fixed number of bins.")] = None,
    bin_width: Annotated[float | None, typer.Option(help="Fixed bin size, in the image's unit.")] = None,
    lowest: Annotated[
        float | None, typer.Option(help="Lower edge of the first bin, with --bin-width.")
    ] = None,
    aggregation: Annotated[
        list[str] | None, typer.Option(help=f"Of textures; repeatable: {', '.join(Aggregation)}.")
    ] = None,
    family: Annotated[list[str] | None, typer.Option(help=f"Repeatable: {', '.join(FAMILIES)}.")] = None,
    segment: SegmentOption = None,
    as_json: JsonOption = False,
    csv: CsvOption = None,
) -> None:
    """Radiomics features as defined by IBSI 1."""
    if unknown := [a for a in aggregation or () if a not in tuple(Aggregation)]:
        raise UsageError("no such aggregation", got=unknown, expected=tuple(Aggregation))
    if bins is None and bin_width is None:
        bins = 32
    settings = RadiomicsSettings(
        Discretization(bins, bin_width, lowest),
        tuple(Aggregation(a) for a in aggregation) if aggregation else (Aggregation.VOLUME_MERGED,),
        tuple(family) if family else FAMILIES,
    )
    with progress_bar():
        volume, found = sizes.read_pair(image, labels)
        rows = sizes.pick(sizes.radiomics_rows(volume, found, settings), segment)
    show(rows, as_json=as_json, csv=csv)


@app.command("suv")
def suv(  # noqa: PLR0913 - options of a command
    image: ImageArgument,
    labels: LabelsOption,
    threshold: Annotated[float | None, typer.Option(help="Cut segments at this SUV.")] = None,
    relative: Annotated[
        float | None, typer.Option(help="Cut at this part of the maximum, e.g. 0.41.")
    ] = None,
    values_are_suv: Annotated[
        bool, typer.Option("--values-are-suv", help="The values are SUVbw already.")
    ] = False,
    segment: SegmentOption = None,
    as_json: JsonOption = False,
    csv: CsvOption = None,
    sr: SrOption = None,
) -> None:
    """SUVmax, SUVmean, SUVpeak, metabolic volume and total lesion glycolysis of PET segments."""
    with progress_bar():
        volume = clinical.read_suv(image, is_suv=values_are_suv)
        found = sizes.read_segments(labels, volume)
        check_same_grid(volume, found)
        rows = sizes.pick(clinical.suv_rows(volume, found, absolute=threshold, relative=relative), segment)
        if sr is not None:
            _write_report(rows, sr, volume, found, labels)
    show(rows, as_json=as_json, csv=csv)


@app.command("calcium")
def calcium(
    image: ImageArgument,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="File of segments to look in, e.g. one a vessel.")
    ] = None,
    threshold: Annotated[float, typer.Option(help="HU.")] = 130.0,
    mass_factor: Annotated[
        float | None, typer.Option(help="mg/cm3 of calcium for one HU, from a phantom; gives a mass.")
    ] = None,
    as_json: JsonOption = False,
    csv: CsvOption = None,
) -> None:
    """Agatston, volume and mass score of calcium in CT."""
    with progress_bar():
        volume = read(image)
        found = None if labels is None else sizes.read_segments(labels, volume)
        if found is not None:
            check_same_grid(volume, found)
        rows = clinical.calcium_rows(volume, found, threshold, mass_factor)
    show(rows, as_json=as_json, csv=csv)


@app.command("bone-density")
def bone_density(
    image: ImageArgument,
    labels: LabelsOption,
    rod: Annotated[
        list[str],
        typer.Option(help='Segment of a phantom\'s rod and its mg/cm3: "Segment 2=100"; repeatable.'),
    ],
    as_json: JsonOption = False,
    csv: CsvOption = None,
) -> None:
    """Bone mineral density of CT segments, calibrated with the rods of a phantom."""
    names, densities = [], []
    for text in rod:
        name, _, number = text.rpartition("=")
        try:
            densities.append(float(number))
        except ValueError:
            raise UsageError(
                "a rod is NAME=DENSITY", where="--rod", got=text, expected="Segment 2=100"
            ) from None
        names.append(name)
    with progress_bar():
        volume, found = sizes.read_pair(image, labels)
        rows = clinical.density_rows(volume, found, names, densities)
    show(rows, as_json=as_json, csv=csv)


@app.command("change")
def change(
    before: Annotated[Path, typer.Argument(help="File of segments at the first time.")],
    after: Annotated[Path, typer.Argument(help="File of segments at the second time.")],
    segment: SegmentOption = None,
    as_json: JsonOption = False,
    csv: CsvOption = None,
) -> None:
    """Change of every size between two time points, segment by segment by name."""
    with progress_bar():
        rows = sizes.change_rows(sizes.read_segments(before), sizes.read_segments(after))
    show(sizes.pick(rows, segment), as_json=as_json, csv=csv)
