"""To and from other libraries' types, without a copy where the layout allows.

================================  ===========================================================
``simpleitk_images``              `Volume`, `LabelMap` and SimpleITK.Image
``simpleitk_transforms``          `AffineTransform` and SimpleITK's linear transforms
``nibabel_images``                `Volume` and nibabel's Nifti1Image, lazy both ways
``vtk_data``                      `Volume` and vtkImageData, `Mesh` and vtkPolyData
``torch_tensors``                 `Volume` and a torch.Tensor with its place in space
``highdicom_volumes``             `Volume` and highdicom.Volume
``xarray_arrays``                 `Volume` and xarray.DataArray
================================  ===========================================================

Every function can be imported from here; a library is loaded when a function of it is called. Values go
out in the unit of the volume (HU, not stored numbers), and points stay where they are in the patient.
What comes back from another library takes name, unit, axes and history from the volume given as `like`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medvox.interop.highdicom_volumes import from_highdicom, to_highdicom
    from medvox.interop.nibabel_images import from_nibabel, to_nibabel
    from medvox.interop.simpleitk_images import (
        from_simpleitk,
        labels_from_simpleitk,
        labels_to_simpleitk,
        to_simpleitk,
    )
    from medvox.interop.simpleitk_transforms import transform_from_simpleitk, transform_to_simpleitk
    from medvox.interop.torch_tensors import PlacedTensor, from_torch, to_torch
    from medvox.interop.vtk_data import from_vtk, mesh_from_vtk, mesh_to_vtk, to_vtk
    from medvox.interop.xarray_arrays import from_xarray, to_xarray

__all__ = [
    "PlacedTensor",
    "from_highdicom",
    "from_nibabel",
    "from_simpleitk",
    "from_torch",
    "from_vtk",
    "from_xarray",
    "labels_from_simpleitk",
    "labels_to_simpleitk",
    "mesh_from_vtk",
    "mesh_to_vtk",
    "to_highdicom",
    "to_nibabel",
    "to_simpleitk",
    "to_torch",
    "to_vtk",
    "to_xarray",
    "transform_from_simpleitk",
    "transform_to_simpleitk",
]

_MODULES = {
    "highdicom_volumes": ("from_highdicom", "to_highdicom"),
    "nibabel_images": ("from_nibabel", "to_nibabel"),
    "simpleitk_images": ("from_simpleitk", "to_simpleitk", "labels_from_simpleitk", "labels_to_simpleitk"),
    "simpleitk_transforms": ("transform_from_simpleitk", "transform_to_simpleitk"),
    "torch_tensors": ("PlacedTensor", "from_torch", "to_torch"),
    "vtk_data": ("from_vtk", "to_vtk", "mesh_from_vtk", "mesh_to_vtk"),
    "xarray_arrays": ("from_xarray", "to_xarray"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
