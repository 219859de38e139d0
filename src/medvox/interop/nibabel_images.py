"""Volume to and from nibabel's images, lazy both ways.

nibabel counts (i, j, k, time, vector) in RAS millimeters, medvox (time, channel, k, j, i) in LPS. The same
bytes serve both: an array and its transpose. RAS and LPS meet in `medvox.core.axes` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medvox.core import affine as aff
from medvox.core.axes import CHANNEL, SPATIAL, TIME, lps_from_ras, ras_from_lps
from medvox.core.errors import UnsupportedError
from medvox.core.grid import Space
from medvox.core.volume import Volume
from medvox.interop.borders import arrived, even_affine, even_positions, wider
from medvox.interop.reordered import Reordered, VolumeValues, reorder

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image
    from nibabel.spatialimages import SpatialImage

LIBRARY = "nibabel"
SCANNER = 1
"""NIFTI_XFORM_SCANNER_ANAT (nifti1.h)."""
VECTOR = 1007
"""NIFTI_INTENT_VECTOR (nifti1.h)."""
_PLACES = ("i", "j", "k", TIME, CHANNEL, "dim6", "dim7")
"""What the axes of a NIfTI image are (nifti1.h, "DATA DIMENSIONALITY")."""
_MM = {"meter": 1000.0, "micron": 0.001}
_SECONDS = {"msec": 0.001, "usec": 1e-6}


def to_nibabel(volume: Volume) -> Nifti1Image:
    """Make a nibabel image of a volume, without a copy.

    Parameters
    ----------
    volume
        On an evenly spaced grid; a tilted stack is kept, since a NIfTI sform can say it.

    Returns
    -------
    nibabel.Nifti1Image
        In `volume.unit`. Its `dataobj` is the transposed array where the stored values are the values; that
        of a lazy volume reads what it is indexed for. bool becomes uint8, float16 float32. sform and, where
        axes are at right angles, qform say scanner space; neither where the place in the patient is not
        known.

    Raises
    ------
    GeometryError
        If slices are uneven.
    UnsupportedError
        If there are more axes than NIfTI holds.
    """
    import nibabel

    matrix = ras_from_lps(even_affine(volume.grid, LIBRARY))
    wanted = _nifti_axes(volume)
    dtype = wider(volume.value_dtype)
    if volume.is_lazy:
        data: Any = Reordered(VolumeValues(volume, dtype), volume.axes, wanted, dtype)
    else:
        data = reorder(volume.values().astype(dtype, copy=False), volume.axes, wanted)
    image = nibabel.Nifti1Image(data, matrix, dtype=dtype)
    code = SCANNER if volume.grid.space is Space.PATIENT else 0
    image.set_sform(matrix, code, update_affine=False)
    if aff.is_orthogonal(matrix):
        image.set_qform(matrix, code, update_affine=False)
    _describe(image.header, volume)
    return image


def from_nibabel(image: SpatialImage, *, like: Volume | None = None) -> Volume:
    """Make a volume of a nibabel image, without a copy.

    Parameters
    ----------
    image
        Nifti1Image, or another of nibabel's spatial images.
    like
        Volume that the image was made from, see `medvox.interop.borders.arrived`.

    Returns
    -------
    Volume
        Of an image in memory: the transposed array. Of one on disk: lazy, and its array proxy reads the
        parts that are asked for, scaled as the file says.

    Raises
    ------
    UnsupportedError
        If values are complex or records (RGB).
    """
    proxy = image.dataobj
    stored = _PLACES[: len(proxy.shape)]
    sizes = dict(zip(stored, proxy.shape, strict=True))
    more = [name for name in ("dim7", "dim6", TIME, CHANNEL) if sizes.get(name, 1) > 1]
    axes = (*more, *SPATIAL)
    data: Any
    if isinstance(proxy, np.ndarray):
        data = reorder(proxy, stored, axes)
    else:
        first = np.asarray(proxy[(0,) * len(stored)])
        data = Reordered(proxy, stored, axes, first.dtype)
    if data.dtype.kind not in "biuf":
        raise UnsupportedError(
            "this kind of nibabel image has no volume",
            got=data.dtype,
            advice="Make the colors, or the complex parts, a fifth axis first",
        )
    units = image.header.get_xyzt_units() if hasattr(image.header, "get_xyzt_units") else ("mm", "sec")
    matrix = np.diag([_MM.get(units[0], 1.0)] * 3 + [1.0]) @ image.affine
    times = _times(image, _SECONDS.get(units[1], 1.0)) if TIME in axes else {}
    return arrived(data, lps_from_ras(matrix), LIBRARY, axes=axes, coordinates=times, like=like)


def _nifti_axes(volume: Volume) -> tuple[str, ...]:
    """Names of the axes of the image: time fourth, channels fifth, others where there is room."""
    others = [name for name in reversed(volume.axes[:-3]) if name not in (TIME, CHANNEL)]
    places: list[str] = list(_PLACES)
    free = [n for n in (3, 5, 6) if n != 3 or TIME not in volume.axes]
    if len(others) > len(free):
        raise UnsupportedError("NIfTI holds seven axes at most", got=volume.axes)
    for place, name in zip(free, others, strict=False):
        places[place] = name
    return tuple(places[: max(n for n, name in enumerate(places) if name in volume.axes) + 1])


def _describe(header: Any, volume: Volume) -> None:
    """Units, times, and what the fifth axis is."""
    header.set_xyzt_units(xyz="unknown" if volume.grid.space is Space.PIXEL else "mm", t="sec")
    times = even_positions(volume, TIME)
    if times is not None:
        header["toffset"], header["pixdim"][4] = times
    if volume.is_colour:
        header.set_intent(VECTOR)


def _times(image: SpatialImage, seconds: float) -> dict[str, tuple[float, ...]]:
    """Times from pixdim[4] and toffset, where they are given."""
    step = float(image.header.get_zooms()[3]) if len(image.header.get_zooms()) > 3 else 0.0
    if not np.isfinite(step) or step <= 0:
        return {}
    start = float(image.header["toffset"]) if "toffset" in image.header else 0.0
    times = (start if np.isfinite(start) else 0.0) + step * np.arange(image.shape[3])
    return {TIME: tuple(float(t) for t in times * seconds)}
