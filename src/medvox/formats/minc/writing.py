"""What is written of a volume: dimensions, variables and attributes of MINC, the same for both versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.errors import UnsupportedError
from medvox.core.lazy import as_array
from medvox.core.progress import Progress
from medvox.core.volume import Volume
from medvox.formats.losses import common_losses, even_step
from medvox.formats.minc.geometry import Dimension, dimensions_of, holds_origins
from medvox.formats.minc.hdf5 import Tree
from medvox.formats.minc.model import SPACES, VECTOR_DIMENSION
from medvox.formats.minc.netcdf import NewVariable
from medvox.formats.minc.scaling import Ranges, is_exact, ranges_of
from medvox.formats.stored import Stored, stored_values

AnyArray = NDArray[Any]
Texts = dict[str, str | float | Sequence[float]]

TYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8")
_STANDARD: Texts = {"varid": "MINC standard variable"}
_VERSION: Texts = {"version": "MINC Version    1.0"}
_COMMENTS = {
    "xspace": "X increases from patient left to right",
    "yspace": "Y increases from patient posterior to anterior",
    "zspace": "Z increases from patient inferior to superior",
}
_MODALITIES = {"MR": "MRI__", "PT": "PET__", "NM": "SPECT", "CT": "CT___", "XA": "DSA__", "DX": "DR___"}
_RESERVED = {*SPACES, VECTOR_DIMENSION, "image", "image-min", "image-max", "study", "rootvariable"}


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is written.

    Parameters
    ----------
    values
        The image, in the order of `names`.
    names
        Dimensions of the image, the slowest first.
    dimensions
        Those that have a variable of their own.
    ranges
        Valid range and the real values that it stands for.
    unit, modality
        As texts of the file; empty where not known.
    losses
        What the file will not say.
    """

    values: AnyArray
    names: tuple[str, ...]
    dimensions: tuple[Dimension, ...]
    ranges: Ranges
    unit: str
    modality: str
    losses: tuple[str, ...]

    @property
    def frame_axes(self) -> int:
        """How many of the last axes make a slice."""
        return 3 if self.names[-1] == VECTOR_DIMENSION else 2

    @property
    def attributes(self) -> Texts:
        """Attributes of the file."""
        return {"ident": "medvox:medvox:1", "minc_version": "2.4.05", "history": "medvox\n"}

    def sizes(self) -> dict[str, int]:
        """Length of each dimension."""
        return dict(zip(self.names, self.values.shape, strict=True))

    def variables(self) -> list[NewVariable]:
        """Variables of a netCDF file, the image last so that slices can be read from an unfinished copy."""
        children = "\n".join(["image", *(["study"] if self.modality else [])])
        root = NewVariable(
            "rootvariable",
            (),
            {**_STANDARD, "vartype": "group________", **_VERSION, "parent": "", "children": children},
            np.zeros((), "i4"),
        )
        return [
            *map(self._dimension, self.dimensions),
            root,
            *self._study(),
            *self._scale(),
            self._image(True),
        ]

    def tree(self) -> Tree:
        """Make the groups of an HDF5 file."""
        dimensions = []
        for dimension in self.dimensions:
            made = self._dimension(dimension)
            dimensions.append(replace(made, attributes={**made.attributes, "length": dimension.length}))
        known = {dimension.name for dimension in self.dimensions}
        for name, size in self.sizes().items():
            if name not in known:
                texts: Texts = {"vartype": "dimension____", "length": size}
                dimensions.append(NewVariable(name, (), {**_STANDARD, **texts}, np.zeros((), "i4")))
        return Tree(self.attributes, dimensions, self._study(), [*self._scale(), self._image(False)])

    def _dimension(self, dimension: Dimension) -> NewVariable:
        texts: Texts = {**_STANDARD, "vartype": "dimension____", **_VERSION}
        if dimension.name in SPACES:
            texts |= {"comments": _COMMENTS[dimension.name], "units": "mm"}
            texts |= {"spacetype": "native____", "alignment": "centre"}
        elif dimension.name == TIME:
            texts |= {"units": "s"}
        uneven = dimension.positions is not None
        texts["spacing"] = "irregular" if uneven else "regular__"
        if dimension.start is not None and dimension.step is not None:
            texts |= {"start": dimension.start, "step": dimension.step}
        if dimension.cosines is not None:
            texts["direction_cosines"] = dimension.cosines.tolist()
        if dimension.positions is None:
            return NewVariable(dimension.name, (), texts, np.zeros((), "i4"))
        return NewVariable(dimension.name, (dimension.name,), texts, dimension.positions)

    def _study(self) -> list[NewVariable]:
        if not self.modality:
            return []
        texts: Texts = {**_STANDARD, "vartype": "group________", **_VERSION, "parent": "rootvariable"}
        return [NewVariable("study", (), {**texts, "modality": self.modality}, np.zeros((), "i4"))]

    def _scale(self) -> list[NewVariable]:
        texts: Texts = {**_STANDARD, "vartype": "var_attribute", **_VERSION, "parent": "image"}
        texts |= {"units": self.unit} if self.unit else {}
        made = []
        for name, fill, values in (
            ("image-max", 1.0, self.ranges.highest),
            ("image-min", 0.0, self.ranges.lowest),
        ):
            dimensions = self.names[: values.ndim]
            made.append(
                NewVariable(name, dimensions, {**texts, "_FillValue": fill}, values.astype(np.float64))
            )
        return made

    def _image(self, netcdf: bool) -> NewVariable:
        texts: Texts = {**_STANDARD, "vartype": "group________", **_VERSION, "complete": "true_"}
        if netcdf:
            texts |= {"parent": "rootvariable"}
            texts |= {"image-max": "--->image-max", "image-min": "--->image-min"}
        if self.values.dtype.kind != "f":
            texts["signtype"] = "unsigned" if self.values.dtype.kind == "u" else "signed__"
        texts["valid_range"] = list(self.ranges.valid)
        return NewVariable("image", self.names, texts, self.values)


def plan(volume: Volume, path: Path, progress: Progress) -> Plan:
    """Decide what is written of a volume.

    Raises
    ------
    UnsupportedError
        If MINC cannot hold its axes or the type of its values.
    """
    lead = [name for name in volume.axes[:-3] if name != CHANNEL]
    if len(lead) > 1 or _RESERVED & set(lead):
        raise UnsupportedError("MINC is written with one axis before space", where=path, got=volume.axes)
    stored = _stored(volume, progress)
    order = [*lead, *SPATIAL, *([CHANNEL] if volume.is_colour else [])]
    values = np.ascontiguousarray(stored.values.transpose([volume.axes.index(name) for name in order]))
    space = dimensions_of(volume.grid)
    ranges = _ranges(stored, volume)
    keeps = ["slice_rescale", "unit"]
    keeps += ["times"] if set(volume.coordinates) <= {TIME} else []
    keeps += ["slice_origins"] if holds_origins(volume.grid) else []
    keeps += ["modality"] if volume.modality in _MODALITIES else []
    losses = [*common_losses(volume, keeps), *stored.losses]
    if values.dtype.kind != "f" and not is_exact(ranges, stored.rescale):
        losses.append("The file holds the scale as ends of ranges: values differ by up to one part in 10^12.")
    names = (TIME,) * len(lead) + tuple(d.name for d in space)
    return Plan(
        values,
        names + ((VECTOR_DIMENSION,) if volume.is_colour else ()),
        (*_times(volume, lead), *space),
        ranges,
        "" if volume.unit == "1" else volume.unit,
        _MODALITIES.get(volume.modality or "", ""),
        tuple(losses),
    )


def _stored(volume: Volume, progress: Progress) -> Stored:
    """Stored values; a scale for each slice is kept where its slopes are above zero."""
    rescale = volume.rescale
    whole = volume.dtype.kind in "iu"
    positive = rescale.table is None and bool((rescale.slope > 0).all())
    if not rescale.is_uniform and whole and positive and _accepted(volume.dtype):
        return Stored(as_array(volume.data, progress), rescale)
    return stored_values(volume, _accepted, progress, keeps_rescale=whole and positive)


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype if dtype.str[1:] in TYPES else None


def _ranges(stored: Stored, volume: Volume) -> Ranges:
    ranges = ranges_of(stored.values, stored.rescale)
    if stored.rescale.is_uniform:
        return ranges
    shape = (*volume.lead_shape, volume.grid.shape[0])
    lowest, highest = (np.broadcast_to(v, shape) for v in (ranges.lowest, ranges.highest))
    return replace(ranges, lowest=lowest, highest=highest)


def _times(volume: Volume, lead: list[str]) -> list[Dimension]:
    """Time: start and step where it is even, else every position."""
    if not lead:
        return []
    count = volume.shape[volume.axes.index(lead[0])]
    times = volume.coordinates.get(TIME)
    even = even_step(volume)
    if even is not None:
        return [Dimension(TIME, count, *even)]
    if times is None:
        return [Dimension(TIME, count)]
    return [Dimension(TIME, count, positions=np.array(times))]
