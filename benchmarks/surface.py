"""Voxels to smoothed, decimated STL: one isosurface and seven labels of 512 x 512 x 300.

All contenders smooth with their usual low-pass filter, remove nine tenths of the triangles and write binary
STL. The check reads every file and compares its volume with the voxels': within 1 % for ours, 3 % for the
others, who do not set volumes right. Figures tell the error of spheres of radius 5 voxels.

VTK: flying edges (for labels surface nets, whose smoothing is built in), windowed sinc, DecimatePro.
scikit-image: marching cubes; smoothing (Taubin) and decimation (fast-simplification) by trimesh. zmesh
(GPL-3, a peer of this benchmark only) simplifies while it makes the mesh.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Case, Figure
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.volume import Volume
from medvox.formats.meshes import read, write
from medvox.surfaces.model import ModelOptions, label_models, volume_model

SHAPE = (300, 512, 512)
SPACING = (1.0, 0.7, 0.7)
LEVEL = 300
REDUCTION = 0.9
SEGMENTS = 7
OPTIONS = ModelOptions(reduction=REDUCTION, measure_distance=False, keep="surface")
ROOT = Path(tempfile.mkdtemp(prefix="medvox-bench-"))
atexit.register(shutil.rmtree, ROOT, ignore_errors=True)


def grid(shape: tuple[int, int, int] = SHAPE) -> Grid:
    matrix = np.zeros((4, 4))
    matrix[2, 0], matrix[1, 1], matrix[0, 2], matrix[3, 3] = *SPACING, 1
    return Grid(shape, matrix)


def axes() -> tuple[np.ndarray, ...]:
    return tuple(np.linspace(-1, 1, n, dtype=np.float32) for n in SHAPE)


@cache
def gray() -> np.ndarray:
    """A hollow, wavy head with teeth of noise, int16."""
    z, y, x = np.meshgrid(*axes(), indexing="ij", sparse=True)
    radius = np.sqrt(x * x + y * y + z * z)
    wave = 0.02 * np.sin(22 * x) * np.sin(19 * y) * np.sin(17 * z)
    return (1000 * np.exp(-(((radius - 0.75 + wave) / 0.06) ** 2))).astype(np.int16)


@cache
def labels() -> np.ndarray:
    """Seven regions of a wavy ball that touch each other, uint8."""
    z, y, x = np.meshgrid(*axes(), indexing="ij", sparse=True)
    wave = 0.04 * np.sin(9 * x) * np.sin(8 * y) * np.sin(10 * z)
    seeds = np.random.default_rng(0).uniform(-0.5, 0.5, (SEGMENTS, 3)).astype(np.float32)
    best, found = np.full(SHAPE, np.inf, np.float32), np.zeros(SHAPE, np.uint8)
    for number, (a, b, c) in enumerate(seeds, start=1):
        away = (z - a) ** 2 + (y - b) ** 2 + (x - c) ** 2 + wave
        nearer = away < best
        best[nearer], found[nearer] = away[nearer], number
    found[z * z + y * y + x * x + wave > 0.7] = 0
    return found


def segments() -> tuple[Segment, ...]:
    return tuple(Segment(n, str(n)) for n in range(1, SEGMENTS + 1))


def path(who: str, number: int = 0) -> Path:
    return ROOT / f"{who}_{number}.stl"


def ours_gray() -> list[Path]:
    model = volume_model(Volume(gray(), grid(), unit="HU"), LEVEL, OPTIONS)
    write([model.mesh], path("ours"))
    return [path("ours")]


def ours_labels() -> list[Path]:
    made = label_models(LabelMap(labels()[None], grid(), segments()), options=OPTIONS)
    for number, model in enumerate(made):
        write([model.mesh], path("ours", number))
    return [path("ours", n) for n in range(SEGMENTS)]


def skimage_surface(values: np.ndarray, level: float, target: Path) -> Path:
    import trimesh
    from skimage.measure import marching_cubes

    vertices, faces, _, _ = marching_cubes(values, level, spacing=SPACING)
    mesh = trimesh.Trimesh(vertices[:, ::-1], faces[:, ::-1])
    trimesh.smoothing.filter_taubin(mesh, iterations=20)
    mesh.simplify_quadric_decimation(REDUCTION).export(target)
    return target


def vtk_image(values: np.ndarray) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData

    image = vtkImageData()
    image.SetDimensions(*values.shape[::-1])
    image.SetSpacing(*SPACING[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(values.ravel(), deep=False))
    return image


def vtk_written(source: Any, target: Path, smooth: bool = True) -> Path:
    from vtkmodules.vtkFiltersCore import vtkDecimatePro, vtkTriangleFilter, vtkWindowedSincPolyDataFilter
    from vtkmodules.vtkIOGeometry import vtkSTLWriter

    chain = [vtkTriangleFilter()] + ([vtkWindowedSincPolyDataFilter()] if smooth else []) + [vtkDecimatePro()]
    chain[-1].SetTargetReduction(REDUCTION)
    writer = vtkSTLWriter()
    writer.SetFileTypeToBinary()
    writer.SetFileName(str(target))
    for one in [*chain, writer]:
        one.SetInputConnection(source.GetOutputPort())
        source = one
    writer.Write()
    return target


def vtk_gray() -> list[Path]:
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    edges = vtkFlyingEdges3D()
    edges.SetInputData(vtk_image(gray()))
    edges.SetValue(0, LEVEL - 0.5)
    return [vtk_written(edges, path("vtk"))]


def vtk_labels() -> list[Path]:
    from vtkmodules.vtkFiltersCore import vtkSurfaceNets3D

    nets = vtkSurfaceNets3D()
    nets.SetInputData(vtk_image(labels()))
    nets.GenerateLabels(SEGMENTS, 1, SEGMENTS)
    nets.SetOutputStyleToSelected()
    nets.SetOutputMeshTypeToTriangles()
    nets.InitializeSelectedLabelsList()
    made = []
    for number in range(1, SEGMENTS + 1):
        nets.DeleteSelectedLabel(number - 1)
        nets.AddSelectedLabel(number)
        made.append(vtk_written(nets, path("vtk", number - 1), smooth=False))
    return made


def zmesh_labels() -> list[Path]:
    import trimesh
    import zmesh

    mesher = zmesh.Mesher(SPACING)
    mesher.mesh(labels(), close=False)
    made = []
    for number in range(1, SEGMENTS + 1):
        mesh = mesher.get(number, normals=False, reduction_factor=int(1 / (1 - REDUCTION)), max_error=2)
        trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(path("zmesh", number - 1))
        made.append(path("zmesh", number - 1))
        mesher.erase(number)
    return made


def skimage_gray() -> list[Path]:
    return [skimage_surface(gray(), LEVEL - 0.5, path("skimage"))]


def skimage_labels() -> list[Path]:
    return [
        skimage_surface((labels() == n).astype(np.float32), 0.5, path("skimage", n - 1))
        for n in range(1, SEGMENTS + 1)
    ]


def same_volumes(voxels: list[int]) -> Callable[[Mapping[str, list[Path]]], None]:
    """Check the volume of every file against the voxels."""

    def check(results: Mapping[str, list[Path]]) -> None:
        one = float(np.prod(SPACING))
        for who, files in results.items():
            for file, count in zip(files, voxels, strict=True):
                found = abs(read(file)[0].volume_ml) * 1000 / (one * count)
                assert abs(found - 1) < (0.01 if who == "ours" else 0.03), f"{who}, {file.name}: {found:.4f}"

    return check


def sphere_error(results: Mapping[str, Any]) -> list[Figure]:
    """Volume errors in percent of a sphere of radius 5 voxels: of labels, and of grey values."""
    k, j, i = np.indices((15, 15, 15)) - 7
    away = np.sqrt(k * k + j * j + i * i)
    small = Grid((15, 15, 15), np.diag([1.0, 1, 1, 1]))
    options = ModelOptions(reduction=0.5, measure_distance=False, keep="surface")
    ball = LabelMap((away <= 5).astype(np.uint8)[None], small, (Segment(1, "ball"),))
    label = label_models(ball, options=options)[0].report
    values = np.clip(5.5 - away, 0, 1).astype(np.float32)
    gray = volume_model(Volume(values, small), 0.5, options).report
    truth = 4 / 3 * np.pi * 125
    errors = {
        "radius-5 sphere of labels": abs(label.volume_error_percent),
        "radius-5 sphere of grey values": 100 * abs(gray.volume_mm3 / truth - 1),
    }
    return [Figure(name, error, "1 %", 1.0, 1.0, "%") for name, error in errors.items()]


def cases() -> list[Case]:
    """One isosurface; seven labels."""
    whole = [int((gray() >= LEVEL).sum())]
    parts = np.bincount(labels().ravel(), minlength=SEGMENTS + 1)[1:].tolist()
    peers = {"scikit-image + trimesh": skimage_labels, "vtk": vtk_labels}
    goals = {"scikit-image + trimesh": 3.0, "vtk": 1.2}
    if find_spec("zmesh"):
        peers["zmesh"], goals["zmesh"] = zmesh_labels, 1.2
    return [
        Case(
            name="surface isosurface 300 x 512 x 512",
            ours=ours_gray,
            peers={"scikit-image + trimesh": skimage_gray, "vtk": vtk_gray},
            goals={"scikit-image + trimesh": 3.0, "vtk": 1.2},
            check=same_volumes(whole),
            figures=sphere_error,
        ),
        Case(
            name="surface 7 labels 300 x 512 x 512",
            ours=ours_labels,
            peers=peers,
            goals=goals,
            check=same_volumes(parts),
        ),
    ]
