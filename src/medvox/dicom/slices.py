"""Slice: one two-dimensional image of an instance, with what is needed to place and sort it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from medvox.core.acquisition import Line
from medvox.core.volume import Window
from medvox.dicom.header import Header


@dataclass(frozen=True, slots=True)
class Facts:
    """What may tell slices at one position apart; None or empty where the header is silent.

    Times of day are seconds after midnight of the study date. Angles and gradients are rounded so
    that equal settings compare equal.
    """

    component: str = ""
    """``"M"`` magnitude, ``"P"`` phase, ``"R"`` real, ``"I"`` imaginary, or empty."""
    image_type: tuple[str, ...] = ()
    echo_time_ms: float | None = None
    echo_number: int | None = None
    inversion_time_ms: float | None = None
    flip_angle_deg: float | None = None
    kernel: str = ""
    kvp: float | None = None
    sequence_name: str = ""
    b_value: float | None = None
    gradient: tuple[float, ...] = ()
    directionality: str = ""
    """``"DIRECTIONAL"``, ``"ISOTROPIC"``, ``"NONE"`` (PS3.3 C.8.13.5.9), or empty."""
    diffusion_number: tuple[int, ...] = ()
    """Philips' numbers of b-value and gradient."""
    temporal_position: int | None = None
    trigger_time_ms: float | None = None
    acquisition_number: int | None = None
    acquisition_time_s: float | None = None
    reference_time_ms: float | None = None
    instance_number: int | None = None
    stack_id: str = ""
    dimension: tuple[int, ...] = ()
    """Dimension Index Values other than stack and in-stack position (PS3.3 C.7.6.17)."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """A line from stored values to values (PS3.3 C.11.1.1.2)."""

    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True, eq=False)
class Slice:
    """One two-dimensional image.

    Parameters
    ----------
    header
        Header of the instance that holds it.
    frame
        Frame number, from 0.
    rows, columns
        Size of this slice (of its tile where the frame is a mosaic).
    position_mm
        LPS position of the centre of its first pixel, or None.
    orientation
        Direction cosines of a row and of a column (PS3.3 C.7.6.2.1.1), or empty.
    spacing_mm
        Distance between rows and between columns, or None.
    slice_step_mm
        Distance to the next slice as an attribute gives it (Spacing Between Slices, else Slice
        Thickness), or None.
    tile
        (row, column) of its first pixel in the frame, or None where it fills the frame.
    rescale_type
        Rescale Type of its functional groups, or empty.
    windows
        VOI windows of its functional groups.
    cine
        Whether it is a frame over time of its instance, which then is an image of its own.
    read_facts
        Reads `facts`, which most series never need.
    scaling
        Modality rescale: the display value.
    precise
        Philips: the precise value's scaling, or None.
    real_world
        Real-world value mapping of an enhanced frame, or None; of classic images it is read when they are
        opened (`medvox.dicom.real_world`).
    """

    header: Header
    frame: int
    rows: int
    columns: int
    position_mm: tuple[float, float, float] | None
    orientation: tuple[float, ...]
    spacing_mm: tuple[float, float] | None
    slice_step_mm: float | None
    read_facts: Callable[[Header], Facts]
    scaling: Scaling = Scaling()
    precise: Scaling | None = None
    real_world: Line | None = None
    tile: tuple[int, int] | None = None
    cine: bool = False
    rescale_type: str = ""
    windows: tuple[Window, ...] = ()

    @cached_property
    def facts(self) -> Facts:
        """What may tell it from others at its position."""
        return self.read_facts(self.header)
