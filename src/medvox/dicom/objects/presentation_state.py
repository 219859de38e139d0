"""Grayscale Softcopy Presentation States that mark outlines and segments (PS3.3 A.33.1, C.10.5, C.11)."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.contour import ContourSet
from medvox.core.errors import UsageError
from medvox.core.volume import Volume, Window
from medvox.dicom.objects import saving
from medvox.dicom.objects.pieces import decoding
from medvox.dicom.objects.referring import instance_item, reference_of, series_items
from medvox.dicom.objects.segmentation.color import cielab, rgb
from medvox.dicom.objects.sources import SourceFrames, find_sources
from medvox.dicom.objects.subject import ObjectOptions, begin, content_identification
from medvox.dicom.writing.modules import da, decimals, tm
from medvox.dicom.writing.options import Source
from medvox.dicom.writing.source import Reference
from medvox.formats.base import WriteReport

GRAYSCALE_STATE = "1.2.840.10008.5.1.4.1.1.11.1"
ON_SLICE_MM = 0.1
"""Outlines this close to an image are shown on it."""
FloatArray = NDArray[np.float64]
Color = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A line or point over one image.

    Parameters
    ----------
    image
        Image or frame.
    points
        (n, 2) column and row, 0.5 being the middle of the first pixel (PS3.3 C.10.5.1.2).
    closed
        Whether the line returns to its begin.
    layer
        Name of the layer that it is in.
    """

    image: Reference
    points: FloatArray
    closed: bool
    layer: str


@dataclass(frozen=True, slots=True)
class PresentationState:
    """What is shown over images, and how.

    Parameters
    ----------
    marks
        Lines and points.
    layers
        Name and color of each layer, the lowest first.
    windows
        VOI window of the images, or empty.
    label
        Content Label.
    """

    marks: tuple[Mark, ...]
    layers: tuple[tuple[str, Color], ...]
    window: Window | None = None
    label: str = "MARKS"


def marks_of(contours: ContourSet, sources: SourceFrames) -> tuple[PresentationState, int]:
    """Outlines over the source images that they lie on, a layer each segment.

    Returns
    -------
    state
        Holes are lines of their own.
    int
        Rings that lie on no source image, and are not shown.
    """
    marks, lost, layers = [], 0, []
    for number, one in enumerate(contours.segments, start=1):
        layer = f"SEGMENT{number}"  # a code string; the name goes to the layer's description
        layers.append((layer, one.segment.color))
        for plane in one.planes:
            rings = [(ring, True) for region in plane.regions for ring in (region.outer, *region.holes)]
            for points, closed in [*rings, *((curve, False) for curve in plane.curves)]:
                found = sources.pixels_of(points, ON_SLICE_MM)
                if found is None:
                    lost += 1
                else:
                    marks.append(Mark(found[0], found[1], closed, layer))
    return PresentationState(tuple(marks), tuple(layers)), lost


def write_presentation_state(
    state: PresentationState | ContourSet,
    path: str | PathLike[str],
    source: Volume | Source,
    options: ObjectOptions | None = None,
) -> WriteReport:
    """Write a presentation state; the file appears complete or not at all.

    Parameters
    ----------
    state
        Marks; or outlines, which are shown on the images that they lie on.
    source
        Grayscale images that are shown.

    Raises
    ------
    UsageError
        If there is nothing to show, or the source is not DICOM.
    WriteError, AccessError
        If the system refuses.
    """
    options = options or ObjectOptions()
    sources = find_sources(source)
    if sources is None or not sources.slices:
        raise UsageError("a presentation state needs the DICOM images that it is shown on")
    notes: tuple[str, ...] = ()
    names: dict[str, str] = {}
    if isinstance(state, ContourSet):
        names = {f"SEGMENT{n}": one.segment.name for n, one in enumerate(state.segments, start=1)}
        state, lost = marks_of(state, sources)
        notes = (f"{lost} outlines lie on no image and are not shown",) if lost else ()
    if not state.marks and state.window is None:
        raise UsageError("there is nothing to show on these images", advice="Name the images it was drawn on")
    made = begin(GRAYSCALE_STATE, "PR", sources.images, options)
    ds = made.dataset
    content_identification(ds, options, state.label)
    del ds.ContentDate, ds.ContentTime
    ds.PresentationCreationDate, ds.PresentationCreationTime = da(made.created), tm(made.created)
    ds.ReferencedSeriesSequence = series_items(sources.references, "ReferencedImageSequence")
    ds.DisplayedAreaSelectionSequence = DicomSequence([_area(sources)])
    if state.window is not None:
        window = Dataset()
        window.WindowCenter, window.WindowWidth = decimals((state.window.center, state.window.width))
        ds.SoftcopyVOILUTSequence = DicomSequence([window])
    ds.PresentationLUTShape, ds.Laterality = "IDENTITY", ""
    if state.marks:
        ds.GraphicAnnotationSequence = DicomSequence(_annotations(state))
        ds.GraphicLayerSequence = DicomSequence(
            [_layer(n, name, color, names) for n, (name, color) in enumerate(state.layers, start=1)]
        )
    saving.save(made.finish(options), Path(path))
    return WriteReport((Path(path),), (), notes)


def _area(sources: SourceFrames) -> Dataset:
    """Displayed Area (PS3.3 C.10.4): all of the image."""
    first = sources.slices[0]
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [first.columns, first.rows]
    area.PresentationSizeMode = "SCALE TO FIT"
    if first.spacing_mm is not None:
        area.PresentationPixelSpacing = decimals(first.spacing_mm)
    else:
        area.PresentationPixelAspectRatio = [1, 1]
    return area


def _annotations(state: PresentationState) -> list[Dataset]:
    groups: dict[tuple[str, Reference], list[Mark]] = {}
    for mark in state.marks:
        groups.setdefault((mark.layer, mark.image), []).append(mark)
    made = []
    for (layer, image), marks in groups.items():
        item = Dataset()
        item.ReferencedImageSequence = DicomSequence([instance_item(image, frame=True)])
        item.GraphicLayer = layer
        item.GraphicObjectSequence = DicomSequence([_graphic(mark) for mark in marks])
        made.append(item)
    return made


def _graphic(mark: Mark) -> Dataset:
    points = np.asarray(mark.points, np.float64)
    if mark.closed and not np.array_equal(points[0], points[-1]):
        points = np.concatenate([points, points[:1]])
    item = Dataset()
    item.GraphicAnnotationUnits, item.GraphicDimensions = "PIXEL", 2
    item.NumberOfGraphicPoints = len(points)
    item.GraphicData = [float(v) for v in points.ravel()]
    item.GraphicType = "POINT" if len(points) == 1 else "POLYLINE"
    if item.GraphicType == "POLYLINE" and mark.closed:
        item.GraphicFilled = "N"
    return item


def _layer(order: int, name: str, color: Color, names: dict[str, str]) -> Dataset:
    item = Dataset()
    item.GraphicLayer, item.GraphicLayerOrder = name, order
    item.GraphicLayerRecommendedDisplayCIELabValue = cielab(color)
    if name in names:
        item.GraphicLayerDescription = names[name][:64]
    return item


def read_presentation_state(path: str | PathLike[str]) -> PresentationState:
    """Read marks, layers and window of a grayscale presentation state.

    Marks in display units, which no image holds, are left out.

    Raises
    ------
    UnsupportedError
        If it is another object.
    """
    ds = saving.read(Path(path), GRAYSCALE_STATE)
    with decoding(Path(path).name):
        study = str(ds.get("StudyInstanceUID") or "")
        places = {
            str(image.get("ReferencedSOPInstanceUID")): (study, str(series.get("SeriesInstanceUID") or ""))
            for series in ds.get("ReferencedSeriesSequence") or []
            for image in series.get("ReferencedImageSequence") or []
        }
        marks = [
            Mark(reference, points, closed, str(item.get("GraphicLayer") or ""))
            for item in ds.get("GraphicAnnotationSequence") or []
            for points, closed in _lines(item)
            for reference in _images(item, places)
        ]
        layers = tuple(
            (
                str(layer.get("GraphicLayer") or ""),
                _color(layer.get("GraphicLayerRecommendedDisplayCIELabValue")),
            )
            for layer in sorted(
                ds.get("GraphicLayerSequence") or [], key=lambda one: int(one.get("GraphicLayerOrder") or 0)
            )
        )
        return PresentationState(tuple(marks), layers, _window(ds), str(ds.get("ContentLabel") or ""))


def _lines(item: Dataset) -> list[tuple[FloatArray, bool]]:
    found = []
    for graphic in item.get("GraphicObjectSequence") or []:
        data = np.asarray(graphic.get("GraphicData") or (), np.float64).ravel()
        if graphic.get("GraphicAnnotationUnits") != "PIXEL" or not len(data) or len(data) % 2:
            continue
        points = data.reshape(-1, 2)
        closed = len(points) > 2 and np.array_equal(points[0], points[-1])
        found.append((points[:-1] if closed else points, closed))
    return found


def _images(item: Dataset, places: dict[str, tuple[str, str]]) -> list[Reference]:
    found = (reference_of(image, places) for image in item.get("ReferencedImageSequence") or [])
    return [one for one in found if one is not None]


def _color(value: Any) -> Color:
    return (255, 255, 0) if value is None or len(value) != 3 else rgb(value)


def _window(ds: Dataset) -> Window | None:
    found = ds.get("SoftcopyVOILUTSequence")
    if not found or "WindowCenter" not in found[0] or "WindowWidth" not in found[0]:
        return None
    center, width = found[0].WindowCenter, found[0].WindowWidth
    first = [v if isinstance(v, int | float | str) else v[0] for v in (center, width)]
    return Window(float(first[0]), float(first[1]))
