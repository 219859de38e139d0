"""Volume and LabelMap, to and from SimpleITK.Image.

Both sides count in LPS millimeters. SimpleITK counts (i, j, k) where medvox counts (k, j, i), and the bytes
lie the same way in memory: i fastest. A fourth axis of SimpleITK becomes ``"time"``, the components of a
vector image become ``"channel"``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core.axes import CHANNEL, SPATIAL, TIME, reverse_index_order
from medvox.core.errors import GeometryError, UnsupportedError, UsageError
from medvox.core.grid import Grid, Space
from medvox.core.labels import LabelMap, Segment
from medvox.core.volume import Volume
from medvox.interop.borders import (
    AnyArray,
    FloatArray,
    arrived,
    channel_last,
    even_positions,
    square_affine,
    wider,
)

if TYPE_CHECKING:
    import SimpleITK

LIBRARY = "SimpleITK"
_NO_TIMES = (0.0, 1.0)
"""Start and step of an axis that says none, in SimpleITK."""


def to_simpleitk(volume: Volume) -> SimpleITK.Image:
    """Make a SimpleITK image of a volume.

    Parameters
    ----------
    volume
        On an even, untilted grid, with at most one axis before k besides channels.

    Returns
    -------
    SimpleITK.Image
        3D or 4D, a vector image where there are channels; values in `volume.unit`, of the same type (bool
        as uint8, float16 as float32). SimpleITK owns its memory: the values are copied once.

    Raises
    ------
    GeometryError
        If slices are uneven or tilted: SimpleITK has no place to say so.
    UnsupportedError
        If there are more axes than SimpleITK holds.
    """
    import SimpleITK

    matrix = square_affine(volume.grid, LIBRARY)
    if len(volume.lead_axes) > 1:
        raise UnsupportedError(
            "SimpleITK holds four axes at most",
            got=volume.axes,
            advice="Take one position first: volume.at(axis=position)",
        )
    values = channel_last(volume, volume.values())
    packed = np.ascontiguousarray(values, dtype=wider(values.dtype))
    image = SimpleITK.GetImageFromArray(packed, isVector=volume.is_colour)
    fourth = even_positions(volume, volume.lead_axes[0]) or _NO_TIMES if volume.lead_axes else None
    _place(image, matrix, fourth)
    return image


def from_simpleitk(image: SimpleITK.Image, *, like: Volume | None = None) -> Volume:
    """Make a volume of a SimpleITK image, sharing its memory.

    Parameters
    ----------
    image
        2D, 3D or 4D, scalar or vector, of whole numbers or floating point.
    like
        Volume that the image was made from, see `medvox.interop.borders.arrived`.

    Returns
    -------
    Volume
        Its data are a read-only view of the image's buffer, kept alive by the array; if the image is
        changed later, SimpleITK gives it a new buffer, and the volume keeps the old values.

    Raises
    ------
    UnsupportedError
        If values are complex, labels are stored by runs, or there are more than four axes.
    GeometryError
        If time and space are mixed by the direction matrix.

    Notes
    -----
    A 2D image lies at z = 0; its place in the patient is not known (`Space.LOCAL`).
    """
    dimension = image.GetDimension()
    if dimension > 4 or "complex" in image.GetPixelIDTypeAsString() or image.GetPixelID() > _last_vector():
        raise UnsupportedError(
            "this kind of SimpleITK image has no volume",
            got=f"{dimension}D, {image.GetPixelIDTypeAsString()}",
            advice="Cast it to whole numbers or floating point, at most 4D",
        )
    view = _view(image)
    if image.GetNumberOfComponentsPerPixel() > 1 or _is_vector(image):
        view = np.moveaxis(view.reshape((*image.GetSize()[::-1], -1)), -1, max(dimension - 3, 0))
        axes: tuple[str, ...] = (CHANNEL, *SPATIAL)
    else:
        axes = SPATIAL
    if dimension == 2:
        view = view[..., None, :, :]
    if dimension == 4:
        axes = (TIME, *axes)
    matrix, times = _placed(image)
    k, j, i = view.shape[-3:]
    grid = Grid((k, j, i), matrix, space=Space.LOCAL if dimension == 2 else Space.PATIENT)
    coordinates = {TIME: times} if times else {}
    return arrived(view, grid, LIBRARY, axes=axes, coordinates=coordinates, like=like)


def labels_to_simpleitk(labels: LabelMap) -> SimpleITK.Image:
    """Make a SimpleITK image of a label map.

    Returns
    -------
    SimpleITK.Image
        One layer: its numbers. Several layers, or fractions: a vector image, one component a layer, so
        that overlapping segments survive. Names, numbers, layers and colors go along as meta data, under
        the keys that 3D Slicer gives them in a .seg.nrrd file (``Segment0_Name`` …).

    Raises
    ------
    GeometryError
        As `to_simpleitk`.
    """
    image = to_simpleitk(_layers(labels))
    for number, segment in enumerate(labels.segments):
        red, green, blue = (f"{c / 255:.6g}" for c in segment.color)
        image.SetMetaData(f"Segment{number}_ID", f"Segment_{number + 1}")
        image.SetMetaData(f"Segment{number}_Name", segment.name)
        image.SetMetaData(f"Segment{number}_LabelValue", str(segment.number))
        image.SetMetaData(f"Segment{number}_Layer", str(segment.layer))
        image.SetMetaData(f"Segment{number}_Color", f"{red} {green} {blue}")
    return image


def labels_from_simpleitk(image: SimpleITK.Image, *, like: LabelMap | None = None) -> LabelMap:
    """Make a label map of a SimpleITK image of whole numbers, or of fractions 0..1.

    Parameters
    ----------
    image
        3D; the components of a vector image are layers.
    like
        Label map that the image was made from: gives the segments, and its grid where they agree.

    Returns
    -------
    LabelMap
        Segments as `like` has them, else as the meta data say (see `labels_to_simpleitk`), else one for
        each number that occurs, named ``"label 3"``.

    Raises
    ------
    UsageError
        If the image is not 3D.
    """
    if image.GetDimension() != 3:
        raise UsageError("labels are 3D", got=f"{image.GetDimension()}D")
    volume = from_simpleitk(image, like=None if like is None else _layers(like))
    data = np.asarray(volume.data).reshape(-1, *volume.grid.shape)
    fractional = data.dtype.kind == "f"
    segments = like.segments if like is not None else _named(image) or _numbered(data, fractional)
    return LabelMap(data, volume.grid, segments, fractional, None if like is None else like.provenance)


# -- memory -------------------------------------------------------------------------------------


class _Buffer:
    """The buffer of an image, as numpy asks for it; keeps the image that owns it alive."""

    def __init__(self, owner: SimpleITK.Image, view: AnyArray) -> None:
        self.owner = owner
        self.__array_interface__ = {**view.__array_interface__, "data": (view.ctypes.data, True)}


def _view(image: SimpleITK.Image) -> AnyArray:
    """Read-only array over the image's pixels.

    SimpleITK copies on write: the second handle on the pixels makes it leave this buffer alone when the
    caller changes the image.
    """
    import SimpleITK

    view = SimpleITK.GetArrayViewFromImage(image)
    return np.asarray(_Buffer(SimpleITK.Image(image), view))


def _is_vector(image: SimpleITK.Image) -> bool:
    return "vector" in image.GetPixelIDTypeAsString()


def _last_vector() -> int:
    """Highest pixel ID of plain and vector images; label images come behind it."""
    import SimpleITK

    return int(SimpleITK.sitkVectorFloat64)


# -- geometry -----------------------------------------------------------------------------------


def _place(image: SimpleITK.Image, matrix: FloatArray, fourth: tuple[float, float] | None) -> None:
    ijk = reverse_index_order(matrix)
    spacing, origin = list(aff.spacing(ijk)), aff.origin(ijk).tolist()
    direction = np.eye(3 if fourth is None else 4)
    direction[:3, :3] = aff.direction(ijk)
    if fourth is not None:
        origin.append(fourth[0])
        spacing.append(fourth[1])
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction.ravel().tolist())


def _placed(image: SimpleITK.Image) -> tuple[FloatArray, tuple[float, ...]]:
    """(k, j, i) -> LPS, and the positions along a fourth axis where the image says any."""
    dimension = image.GetDimension()
    direction = np.array(image.GetDirection()).reshape(dimension, dimension)
    spacing, origin = np.array(image.GetSpacing()), np.array(image.GetOrigin())
    if dimension == 4 and (direction[3, :3].any() or direction[:3, 3].any()):
        raise GeometryError("the direction matrix mixes time and space", got=direction.tolist())
    space = min(dimension, 3)
    ijk = np.eye(4)
    ijk[:space, :space] = direction[:space, :space] * spacing[:space]
    ijk[:space, 3] = origin[:space]
    if dimension < 4 or (origin[3], spacing[3]) == _NO_TIMES:
        return reverse_index_order(ijk), ()
    count = image.GetSize()[3]
    return reverse_index_order(ijk), tuple((origin[3] + spacing[3] * np.arange(count)).tolist())


# -- segments -----------------------------------------------------------------------------------


def _layers(labels: LabelMap) -> Volume:
    """The numbers as a volume, layers as channels."""
    if len(labels.data) == 1:
        return Volume(labels.data[0], labels.grid)
    return Volume(labels.data, labels.grid, (CHANNEL, *SPATIAL))


def _named(image: SimpleITK.Image) -> tuple[Segment, ...]:
    """Segments that the meta data name."""
    found: list[Segment] = []
    while image.HasMetaDataKey(f"Segment{len(found)}_LabelValue"):
        texts = {
            key: image.GetMetaData(f"Segment{len(found)}_{key}")
            for key in ("Name", "LabelValue", "Layer", "Color")
            if image.HasMetaDataKey(f"Segment{len(found)}_{key}")
        }
        red, green, blue = _color(texts.get("Color", "1 1 0"))
        name = texts.get("Name", f"label {texts['LabelValue']}")
        found.append(
            Segment(int(texts["LabelValue"]), name, int(texts.get("Layer", 0)), color=(red, green, blue))
        )
    return tuple(found)


def _color(text: str) -> tuple[int, int, int]:
    red, green, blue = (round(255 * min(max(float(part), 0.0), 1.0)) for part in text.split()[:3])
    return red, green, blue


def _numbered(data: NDArray[Any], fractional: bool) -> tuple[Segment, ...]:
    """One segment for each number of each layer, or for each layer of fractions."""
    if fractional:
        return tuple(Segment(1, f"label {n + 1}", n) for n in range(len(data)))
    pairs = [(layer, int(n)) for layer, part in enumerate(data) for n in np.unique(part) if n != 0]
    alone = len({n for _, n in pairs}) == len(pairs)
    return tuple(Segment(n, f"label {n}" if alone else f"label {n}, layer {at}", at) for at, n in pairs)
