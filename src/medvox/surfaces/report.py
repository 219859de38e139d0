"""What processing did to a model: volume and area against the voxels, distances, topology."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.grid import Grid
from medvox.core.mesh import Mesh
from medvox.surfaces.distance import SurfaceDistance


@dataclass(frozen=True, slots=True)
class SurfaceReport:
    """What one model is, beside the voxels that it was made of.

    Parameters
    ----------
    name
        Segment, or the level.
    voxels, voxel_volume_mm3
        Voxels inside, and their volume on the stored grid: the truth that errors are told against.
    truth
        How that volume is defined, in words.
    extracted_volume_mm3, extracted_area_mm2, extracted_faces
        Of the surface as extracted, before smoothing and decimation.
    volume_mm3, area_mm2, faces, vertices
        Of the model.
    volume_error_percent
        Of the model against the voxels.
    volume_kept
        What the volume was set to: ``"voxels"``, ``"surface"`` (as extracted), ``"none"`` (left as it came).
    parts
        Connected surfaces (cavities are surfaces of their own).
    euler_number
        2 a closed part, less 2 a handle.
    is_closed
        Whether each edge joins two faces that wind the same way.
    distance
        Between the model and the surface as extracted, or None where it was not asked for.
    steps
        What was done, with options.
    """

    name: str
    voxels: int
    voxel_volume_mm3: float
    truth: str
    extracted_volume_mm3: float
    extracted_area_mm2: float
    extracted_faces: int
    volume_mm3: float
    area_mm2: float
    faces: int
    vertices: int
    volume_error_percent: float
    volume_kept: str
    parts: int
    euler_number: int
    is_closed: bool
    distance: SurfaceDistance | None
    steps: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def truth_of(grid: Grid) -> str:
    """Say what the volume of voxels means on a grid."""
    if grid.is_regular:
        return "number of voxels times their volume"
    words = [] if grid.is_even else ["uneven"]
    words += [f"tilted by {grid.tilt_deg:.1f} degrees"] if grid.tilt_deg > 0.06 else []
    return (
        f"voxels of the stored grid ({', '.join(words)}): each slice reaches to the midpoints between slice "
        "positions, in-plane area times that extent"
    )


def signed_volume_mm3(mesh: Mesh) -> float:
    """Enclosed volume, computed about the middle for accuracy."""
    if len(mesh.faces) == 0:
        return 0.0
    return measured(mesh.vertices_mm, mesh.faces)[0]


def measured(vertices_mm: NDArray[np.float64], faces: NDArray[Any]) -> tuple[float, float]:
    """Signed volume in mm³ and area in mm² of faces."""
    from medvox.surfaces import mesh_kernels as kernels

    volume, area = kernels.measure(vertices_mm, faces) if len(faces) else (0.0, 0.0)
    return float(volume), float(area)
