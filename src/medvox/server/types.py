"""The JSON types of the viewer's API (docs/reference/viewer-api.md); the OpenAPI page is made of them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["volume", "stack", "picture", "cine"]
GridName = Literal["stored", "regular"]
WireType = Literal["uint8", "int16", "uint16", "float32"]
Photometric = Literal["MONOCHROME1", "MONOCHROME2", "RGB"]
Point = tuple[float, float, float]


class Model(BaseModel):
    """What all types share: unknown fields are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ErrorBody(Model):
    """What went wrong, where, and what the reader can do about it."""

    what: str
    where: str
    advice: str


class ErrorAnswer(Model):
    """Body of every answer with a 4xx or 5xx status."""

    error: ErrorBody


class Progress(Model):
    """How far the scan is; `total` is null while unknown."""

    done: int
    total: int | None
    text: str


class Session(Model):
    """State of the server; `revision` grows whenever the studies change."""

    version: str
    title: str
    state: Literal["scanning", "ready", "failed"]
    revision: int
    progress: Progress | None
    notice: str
    error: ErrorBody | None


class Finding(Model):
    """An oddity met in the data; `help_url` is a page of this server, at the code's explanation."""

    code: str
    level: Literal["info", "warning", "error"]
    where: str
    text: str
    reference: str | None
    explanation: str
    help_url: str


class ImageSummary(Model):
    """One image in the list of a series."""

    id: str
    label: str
    kind: Kind
    modality: str | None
    axes: list[str]
    shape: list[int]
    frame_of_reference: str | None
    thumbnail_url: str


class ObjectInfo(Model):
    """What a series without images holds."""

    type: str
    description: str


class Series(Model):
    """One series: images, or one object that is no image."""

    id: str
    series_uid: str | None
    number: int | None
    description: str
    modality: str | None
    body_part: str | None
    format: str
    kind: Kind | Literal["object"]
    instance_count: int
    images: list[ImageSummary]
    findings: list[Finding]
    object: ObjectInfo | None


class Patient(Model):
    """Who was scanned, as the header says."""

    name: str
    id: str
    birth_date: str
    sex: str
    age: str | None


class Study(Model):
    """One study of one patient."""

    id: str
    study_uid: str | None
    description: str
    date: str | None
    time: str | None
    accession: str | None
    patient: Patient
    series: list[Series]


class Studies(Model):
    """Everything that was found so far, and the revision of the session it belongs to."""

    revision: int
    first_image_id: str | None
    studies: list[Study]
    findings: list[Finding]


class WindowPreset(Model):
    """A grey-level window in values of the image's unit."""

    name: str
    center: float
    width: float


class OverlayText(Model):
    """One line of text in a corner of the picture."""

    corner: Literal["tl", "tr", "bl", "br"]
    text: str
    identifying: bool


class ValueInfo(Model):
    """The values of an image as they travel."""

    dtype: WireType
    unit: str
    meaning: str
    min: float
    max: float
    relative: tuple[float, float]
    suv_factor: float | None
    photometric: Photometric


class PixelSpacing(Model):
    """Distance in mm between rows and between columns, and what it is true for."""

    row_mm: float
    column_mm: float
    source: str


class GridInfo(Model):
    """One grid of an image and where its values are fetched."""

    shape: tuple[int, int, int]
    affine: list[list[float]] | None
    slice_origins_mm: list[Point] | None
    frame_of_reference: str | None
    space: str
    etag: str
    channels: Literal[1, 3]
    chunk_slices: int
    chunk_count: int
    chunk_url: str
    slice_url: str


class Grids(Model):
    """The stored grid, and the regular copy that reformats and 3D use where the stored one is not regular."""

    stored: GridInfo
    regular: GridInfo | None


class Badge(Model):
    """Why a regular copy is shown in reformats and 3D."""

    text: str
    codes: list[str]


class ImageInfo(Model):
    """One image."""

    id: str
    series_id: str
    study_id: str
    label: str
    kind: Kind
    modality: str | None
    axes: list[str]
    shape: list[int]
    value: ValueInfo
    windows: list[WindowPreset]
    volume_presets: list[str]
    frame_times_s: list[float] | None
    frame_rate: float | None
    pixel_spacing: PixelSpacing | None
    overlay: list[OverlayText]
    grids: Grids
    badge: Badge | None
    findings: list[Finding]
    time_points: int


class Source(Model):
    """Where a slice was read; `file` relative to the opened folder."""

    sop_instance_uid: str | None
    frame: int
    file: str


class Probe(Model):
    """The value of one voxel; null where it is not a finite number."""

    value: float | list[float | None] | None
    stored_value: float | list[float | None] | None
    stored_index: tuple[int, int, int] | None
    unit: str
    patient_mm: Point | None
    source: Source | None


class SliceSource(Source):
    """One line of the slice-to-source table."""

    k: int
    t: int
    slope: float
    intercept: float


class HeaderElement(Model):
    """One line of a header; `may_identify` asks to hide the value with the patient."""

    tag: str
    vr: str
    vr_name: str
    keyword: str
    name: str
    value: str
    meaning: str
    depth: int
    identifying: bool
    may_identify: bool
    action: str
    creator: str


class Header(Model):
    """The header of one stored object; of a frame, without the items of other frames."""

    title: str
    frame: int | None
    elements: list[HeaderElement]


class VolumePreset(Model):
    """A named look of the volume rendering."""

    name: str
    label: str
    mode: Literal["composite", "mip"]
    shade: bool
    scale: Literal["value", "relative"]
    color: list[tuple[float, float, float, float]]
    opacity: list[tuple[float, float]]


class ColorMap(Model):
    """Colors from low to high, evenly spaced, 0..1."""

    name: str
    colors: list[tuple[float, float, float]]


class Presets(Model):
    """Named windows by modality, volume rendering presets, color maps."""

    windows: dict[str, list[WindowPreset]]
    volume: list[VolumePreset]
    colormaps: list[ColorMap]


class OpenRequest(Model):
    """Folders and files of the server's machine to add."""

    paths: list[str]


class Preview(Model):
    """A picture inside the page."""

    image_id: str
    data_url: str
    label: str


class Boot(Model):
    """What the page carries from the start; `node` is the title of an archive node, else null."""

    session: Session | None
    preview: Preview | None
    node: str | None = None


class ListedSegment(Model):
    """One segment of an object; `id` counts from 0, `center_mm` is the voxel of it nearest to its middle."""

    id: int
    name: str
    color: str
    volume_ml: float | None
    center_mm: Point | None


class SegmentObject(Model):
    """An object whose segments lie on an image; `problem` says why it has none."""

    id: str
    kind: Literal["SEG", "RTSTRUCT", "labels"]
    name: str
    segments: list[ListedSegment]
    problem: str | None


class OutlineRegion(Model):
    """An area: its outer ring and the holes in it, LPS mm; the first point is not repeated at the end."""

    outer: list[Point]
    holes: list[list[Point]]


class SegmentOutlines(Model):
    """All areas of one segment in a plane."""

    id: int
    regions: list[OutlineRegion]


class PlaneOutlines(Model):
    """Outlines in one plane, of the segments that it cuts."""

    segments: list[SegmentOutlines]
