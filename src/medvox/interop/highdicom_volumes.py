"""Volume to and from highdicom.Volume, without a copy.

Both index (slice, row, column) and map to DICOM's patient coordinates, LPS: the affines are the same
matrix. highdicom puts further axes behind the column ("channels"), medvox before the slice.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from medvox.core import affine as aff
from medvox.core.axes import CHANNEL, SPATIAL
from medvox.core.grid import Grid, Space
from medvox.core.volume import Volume
from medvox.interop.borders import FloatArray, arrived, optional, square_affine

if TYPE_CHECKING:
    import highdicom

LIBRARY = "highdicom"
_EXTRA = "'medvox[highdicom]'"
_RGB = "RGBColorChannel"
_COSINE = 1e-5


def to_highdicom(volume: Volume) -> highdicom.Volume:
    """Make a highdicom volume.

    Parameters
    ----------
    volume
        On an even, untilted grid.

    Returns
    -------
    highdicom.Volume
        In the patient coordinate system, values in `volume.unit`. RGB is highdicom's color channel; other
        axes before k are custom channels of their name, with the positions along them, else numbers
        from 0. The array is a view of the volume's where the stored values are the values.

    Raises
    ------
    GeometryError
        If slices are uneven or tilted.
    DependencyError
        If highdicom is not installed.
    """
    hd = optional("highdicom", _EXTRA)
    matrix = square_affine(volume.grid, LIBRARY)
    lead = len(volume.axes) - 3
    array = np.moveaxis(volume.values(), range(lead), range(3, 3 + lead))
    channels: dict[Any, list[Any]] = {}
    for name, size in zip(volume.axes[:-3], volume.shape[:-3], strict=True):
        if name == CHANNEL and size == 3:
            channels[hd.RGB_COLOR_CHANNEL_DESCRIPTOR] = ["R", "G", "B"]
            continue
        positions = volume.coordinates.get(name)
        kind = int if positions is None else float
        values = range(size) if positions is None else positions
        channels[hd.ChannelDescriptor(name, is_custom=True, value_type=kind)] = [kind(v) for v in values]
    return hd.Volume(
        array,
        _straight(matrix),
        coordinate_system="PATIENT",
        frame_of_reference_uid=volume.grid.frame_of_reference,
        channels=channels or None,
    )


def from_highdicom(other: highdicom.Volume, *, like: Volume | None = None) -> Volume:
    """Make a volume of highdicom's, sharing its array.

    Parameters
    ----------
    other
        Its channels become axes before k, named by their DICOM keyword in snake_case
        (``"echo_time"``), or as they are if they are custom; numbers along them become coordinates.
    like
        Volume that it was made from, see `medvox.interop.borders.arrived`.

    Notes
    -----
    A volume of the slide coordinate system has its millimeters, but no place in a patient.
    """
    lead = other.number_of_channel_dimensions
    array = np.moveaxis(other.array, range(3, 3 + lead), range(lead))
    axes = tuple(_axis(descriptor) for descriptor in other.channel_descriptors)
    coordinates = {
        name: tuple(float(v) for v in other.get_channel_values(descriptor))
        for name, descriptor in zip(axes, other.channel_descriptors, strict=True)
        if descriptor.value_type is float
    }
    frame = other.frame_of_reference_uid
    space = Space.PATIENT if other.coordinate_system.value == "PATIENT" else Space.LOCAL
    k, j, i = other.spatial_shape
    grid = Grid((k, j, i), other.affine, None if frame is None else str(frame), space=space)
    return arrived(array, grid, LIBRARY, axes=(*axes, *SPATIAL), coordinates=coordinates, like=like)


def _straight(matrix: FloatArray) -> FloatArray:
    """Nearest matrix of right angles: highdicom asks for cosines below 1e-4, scanners round more coarsely."""
    if aff.is_orthogonal(matrix, _COSINE):
        return np.array(matrix)
    left, _, right = np.linalg.svd(aff.direction(matrix))
    return np.array(aff.compose(aff.spacing(matrix), left @ right, aff.origin(matrix).tolist()))


def _axis(descriptor: Any) -> str:
    if descriptor.keyword == _RGB:
        return CHANNEL
    if descriptor.is_custom:
        return str(descriptor.keyword)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", descriptor.keyword).lower()
