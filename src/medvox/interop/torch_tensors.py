"""Volume to and from a torch.Tensor that carries its place in space, sharing memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from medvox.core.axes import CHANNEL, SPATIAL, lps_from_ras, ras_from_lps
from medvox.core.errors import UsageError
from medvox.core.volume import Volume
from medvox.interop.borders import arrived, even_affine, optional

if TYPE_CHECKING:
    import torch

LIBRARY = "torch"
_EXTRA = "'medvox[torch]'"
_SIGNED: dict[str, type[np.generic]] = {"H": np.int32, "I": np.int64, "L": np.int64, "Q": np.int64}
"""Unsigned types that torch hardly computes with, and signed ones that hold their values."""


@dataclass(frozen=True, slots=True, eq=False)
class PlacedTensor:
    """A tensor and where its voxels are.

    Parameters
    ----------
    values
        (..., k, j, i).
    affine
        (4, 4) float64, (k, j, i) voxel centers to LPS mm.
    axes
        Names of the axes of `values`.
    unit
        Of the values.
    """

    values: torch.Tensor
    affine: torch.Tensor
    axes: tuple[str, ...] = SPATIAL
    unit: str = "1"

    def to(self, *where: Any, **options: Any) -> PlacedTensor:
        """Return it with its values on another device or in another type, as ``torch.Tensor.to``."""
        return PlacedTensor(self.values.to(*where, **options), self.affine, self.axes, self.unit)

    def channel_first_ras(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what MONAI works on: (channel, i, j, k) and the affine (i, j, k) -> RAS.

        The values are a view, with a channel axis of size 1 where there is none; time counts as
        channels.

        Raises
        ------
        UsageError
            If there is more than one axis before k.
        """
        import torch

        if len(self.axes) > 4:
            raise UsageError("more than one axis before k", got=self.axes)
        values = self.values if len(self.axes) == 4 else self.values[None]
        return values.permute(0, 3, 2, 1), torch.from_numpy(ras_from_lps(self.affine.numpy()))

    @classmethod
    def from_channel_first_ras(
        cls, values: torch.Tensor, affine: torch.Tensor, axes: tuple[str, ...] = (CHANNEL, *SPATIAL)
    ) -> PlacedTensor:
        """Take (channel, i, j, k) and the affine (i, j, k) -> RAS; a single channel is no axis.

        Parameters
        ----------
        axes
            Names of the axes of the result, where there are several channels.
        """
        import torch

        turned = values.permute(0, 3, 2, 1)
        lps = torch.from_numpy(lps_from_ras(affine.detach().cpu().double().numpy()))
        return cls(turned[0], lps) if len(turned) == 1 else cls(turned, lps, axes)


def to_torch(volume: Volume, dtype: torch.dtype | None = None) -> PlacedTensor:
    """Make a tensor of a volume.

    Parameters
    ----------
    volume
        On an evenly spaced grid; a tilt is kept in the affine.
    dtype
        Type of the tensor; by default that of the values, unsigned 16 and more bits as the next larger
        signed type.

    Returns
    -------
    PlacedTensor
        On the CPU, values in `volume.unit`. It shares the volume's memory where the stored values are
        the values and may be written to; else it has its own.

    Raises
    ------
    GeometryError
        If slices are uneven.
    DependencyError
        If torch is not installed.
    """
    torch = optional("torch", _EXTRA)
    matrix = even_affine(volume.grid, LIBRARY)
    values = volume.values()
    kind = np.dtype(_SIGNED.get(values.dtype.char, values.dtype.newbyteorder("=")))
    ready = values.astype(kind, copy=not values.flags.writeable or min(values.strides, default=0) < 0)
    tensor = torch.from_numpy(ready)
    placed = tensor if dtype is None else tensor.to(dtype)
    return PlacedTensor(placed, torch.from_numpy(np.array(matrix)), volume.axes, volume.unit)


def from_torch(tensor: PlacedTensor, *, like: Volume | None = None) -> Volume:
    """Make a volume of a tensor, sharing its memory when that is on the CPU.

    Parameters
    ----------
    tensor
        Values of any type (bfloat16 becomes float32), on any device; gradients are left behind.
    like
        Volume that it was made from, see `medvox.interop.borders.arrived`.

    Raises
    ------
    UsageError
        If the axes do not fit the values.
    DependencyError
        If torch is not installed.
    """
    torch = optional("torch", _EXTRA)
    values = tensor.values.detach().cpu()
    if values.dtype is torch.bfloat16:
        values = values.float()
    matrix = tensor.affine.detach().cpu().double().numpy()
    made = arrived(values.numpy(), matrix, LIBRARY, axes=tensor.axes, like=like)
    return made if like is not None else replace(made, unit=tensor.unit)
