"""What a MINC file holds, whether it lies in netCDF or HDF5: named dimensions, and variables with attributes.

Names are those of the MINC 1 programmer's guide (minc.h) and the MINC 2.0 file format reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError
from medvox.core.lazy import LazyArray

AnyArray = NDArray[Any]
Attribute = str | AnyArray

SPACES = ("xspace", "yspace", "zspace")
TIME_DIMENSION = "time"
VECTOR_DIMENSION = "vector_dimension"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable.

    Parameters
    ----------
    name
        ``"image"``, ``"xspace"`` ...
    dimensions
        Names of its axes, the slowest first.
    shape
        Their lengths.
    dtype
        Type of the values, in native byte order.
    attributes
        Texts, and numbers as one-dimensional arrays.
    lazy
        Makes the array of all values, in the order of `dimensions`.
    """

    name: str
    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    attributes: Mapping[str, Attribute]
    lazy: Callable[[], LazyArray]

    def text(self, name: str) -> str:
        """Text of an attribute without its padding; empty where there is none."""
        value = self.attributes.get(name, "")
        return value.strip("\0_ \n").lower() if isinstance(value, str) else ""

    def numbers(self, name: str, count: int) -> list[float] | None:
        """Numbers of an attribute; None where it is not there or has not `count` of them."""
        value = self.attributes.get(name)
        if value is None or isinstance(value, str) or value.size != count or value.dtype.kind not in "iuf":
            return None
        with np.errstate(all="ignore"):
            return [float(v) for v in value.ravel()]

    def values(self) -> AnyArray:
        """Read all values: of small variables only."""
        return np.asarray(self.lazy())


@dataclass(frozen=True, slots=True)
class MincFile:
    """One file, its image unread.

    Parameters
    ----------
    path
        The file.
    image
        The variable ``image``; its `lazy` is not to be used for more than the image itself.
    frames
        Makes the lazy image in the order of a `Layout`.
    variables
        Every variable by name, the image as well.
    attributes
        Of the file.
    """

    path: Path
    image: Variable
    frames: Callable[[Layout], LazyArray]
    variables: Mapping[str, Variable]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the axes of the image are shown.

    Parameters
    ----------
    stored
        Names of the stored axes, the slowest first, and their lengths.
    lead
        Names of the axes shown before k, channels left out.
    spatial
        Names of the dimensions that are k, j and i; k may be one that is not stored (length 1).
    channels
        Whether there is a vector dimension.
    """

    stored: Mapping[str, int]
    lead: tuple[str, ...]
    spatial: tuple[str, str, str]
    channels: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """Lengths of k, j and i."""
        k, j, i = (self.stored.get(name, 1) for name in self.spatial)
        return k, j, i

    @property
    def lead_shape(self) -> tuple[int, ...]:
        """Lengths of the axes before k, channels left out."""
        return tuple(self.stored[name] for name in self.lead)

    @property
    def shown(self) -> tuple[str, ...]:
        """Stored dimensions in the order shown: lead, channels, then k, j, i where they are stored."""
        vector = (VECTOR_DIMENSION,) if self.channels else ()
        return (*self.lead, *vector, *(name for name in self.spatial if name in self.stored))

    @property
    def full_shape(self) -> tuple[int, ...]:
        """Shape as shown."""
        vector = (self.stored[VECTOR_DIMENSION],) if self.channels else ()
        return (*self.lead_shape, *vector, *self.shape)

    @property
    def in_frames(self) -> bool:
        """Whether j and i are the fastest axes, but for channels: then slices are read one by one."""
        inner = [name for name in self.stored if name != VECTOR_DIMENSION]
        place = list(self.stored).index(VECTOR_DIMENSION) if self.channels else -1
        return inner[-2:] == list(self.spatial[1:]) and place in (-1, len(self.stored) - 1)

    def frames(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Lead shape with k, frame shape and stored order, as `medvox.formats.values.block.Block`."""
        k, j, i = self.spatial
        shown = [*self.lead, k]
        before = [name for name in self.stored if name not in (j, i, VECTOR_DIMENSION)]
        before += [] if k in before else [k]
        frame = (self.stored[j], self.stored[i])
        frame_shape = (*frame, self.stored[VECTOR_DIMENSION]) if self.channels else frame
        order = tuple(shown.index(name) for name in before)
        return (*self.lead_shape, self.stored.get(k, 1)), frame_shape, order

    def turned(self, values: AnyArray) -> AnyArray:
        """Bring values from the stored order into the order shown, k of length 1 put in."""
        order = list(self.stored)
        return values.transpose([order.index(name) for name in self.shown]).reshape(self.full_shape)


def layout(names: Sequence[str], shape: Sequence[int], path: Path) -> Layout:
    """Find out which axis is which.

    Raises
    ------
    FormatError
        If the dimensions do not make an image: two or three in space, each name once.
    """
    spatial = [name for name in names if name in SPACES]
    if len(set(names)) != len(names) or len(names) != len(shape) or not 2 <= len(spatial) <= 3:
        raise FormatError(
            "the dimensions of the image cannot be used",
            where=path,
            got=", ".join(names)[:100],
            expected="two or three of xspace, yspace, zspace, each once",
        )
    if len(spatial) == 2:
        spatial.insert(0, next(name for name in SPACES if name not in spatial))
    lead = tuple(n for n in names if n not in SPACES and n != VECTOR_DIMENSION)
    k, j, i = spatial
    return Layout(dict(zip(names, shape, strict=True)), lead, (k, j, i), VECTOR_DIMENSION in names)
