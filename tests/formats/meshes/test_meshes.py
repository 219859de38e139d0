"""Mesh files beside trimesh, ezdxf, meshio, VTK and assimp."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import trimesh

from medvox.core.errors import FormatError, MissingError, TruncatedError, UnsupportedError, UsageError
from medvox.core.mesh import Mesh
from medvox.formats.meshes import ENDINGS, READABLE
from medvox.formats.meshes.single import repeated, single
from medvox.workflows.meshes import read_mesh, read_meshes, write_mesh, write_meshes


def ball(radius=10.0, at=(3.0, -40.0, 900.0), name="ball") -> Mesh:
    made = trimesh.creation.icosphere(subdivisions=3, radius=radius)
    shade = np.clip((made.vertices + 10) * 12, 0, 255).astype(np.uint8)
    return Mesh(made.vertices + at, made.faces, name=name, color=(200, 30, 40), vertex_colors=shade)


def two() -> list[Mesh]:
    return [ball(), ball(5, (30, 0, 0), "Node 2, left")]


VOLUME = ball().volume_ml * 1000
SOLID = [e for e in ENDINGS if e != ".xyz"]


@pytest.mark.parametrize("ending", SOLID)
def test_what_is_written_is_read_back(tmp_path: Path, ending: str):
    path = tmp_path / f"x{ending}"
    write_mesh(ball(), path)
    found = read_mesh(path)
    assert found.is_closed
    assert found.volume_ml * 1000 == pytest.approx(VOLUME, rel=1e-4)
    assert found.vertices_mm.mean(axis=0) == pytest.approx([3, -40, 900], abs=1e-3)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", [".stl", ".ply", ".obj", ".glb", ".3mf"])
def test_trimesh_reads_our_files(tmp_path: Path, ending: str):
    path = tmp_path / f"x{ending}"
    write_meshes(two(), path)
    words = {"split_objects": True, "group_material": False} if ending == ".obj" else {}
    scene = trimesh.load_scene(path, **words)
    scale = 1000.0 if ending == ".glb" else 1.0  # glTF is in meters
    total = sum(abs(g.volume) for g in scene.dump()) * scale**3
    assert total == pytest.approx(VOLUME * (1 + 1 / 8), rel=1e-3)
    assert all(g.is_watertight for g in scene.dump())
    if ending in (".obj", ".glb", ".3mf"):
        assert len(scene.geometry) == 2
        assert "ball" in scene.geometry
    if ending == ".3mf":
        assert scene.units == "millimeter"


def test_ezdxf_reads_our_dxf(tmp_path: Path):
    import ezdxf
    from ezdxf.render import MeshBuilder

    path = tmp_path / "x.dxf"
    write_meshes(two(), path)
    document = ezdxf.readfile(path)
    assert not document.audit().errors
    assert document.units == 4  # millimeters
    found = list(document.modelspace().query("MESH"))
    assert [m.dxf.layer for m in found] == ["ball", "Node 2_ left"]
    builder = MeshBuilder.from_mesh(found[0])
    made = trimesh.Trimesh([tuple(v) for v in builder.vertices], builder.faces)
    assert made.is_watertight
    assert made.volume == pytest.approx(VOLUME, rel=1e-6)


def test_vtk_reads_our_vtp_and_vrml_and_we_read_theirs(tmp_path: Path):
    from vtkmodules.vtkFiltersCore import vtkMassProperties
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader, vtkXMLPolyDataWriter

    write_mesh(ball(), tmp_path / "x.vtp")
    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(tmp_path / "x.vtp"))
    mass = vtkMassProperties()
    mass.SetInputConnection(reader.GetOutputPort())
    mass.Update()
    assert mass.GetVolume() == pytest.approx(VOLUME, rel=1e-6)
    writer = vtkXMLPolyDataWriter()
    writer.SetInputConnection(reader.GetOutputPort())
    for mode, compressed in (("ascii", False), ("binary", True), ("binary", False)):
        writer.SetFileName(str(tmp_path / "y.vtp"))
        writer.SetDataModeToAscii() if mode == "ascii" else writer.SetDataModeToBinary()
        if not compressed:
            writer.SetCompressorTypeToNone()
        writer.Write()
        assert read_mesh(tmp_path / "y.vtp").volume_ml * 1000 == pytest.approx(VOLUME, rel=1e-5)


def test_vtk_imports_our_vrml(tmp_path: Path):
    from vtkmodules.vtkIOImport import vtkVRMLImporter
    from vtkmodules.vtkRenderingCore import vtkActor  # noqa: F401

    write_meshes(two(), tmp_path / "x.wrl")
    importer = vtkVRMLImporter()
    importer.SetFileName(str(tmp_path / "x.wrl"))
    importer.Update()
    actors = importer.GetRenderer().GetActors()
    assert actors.GetNumberOfItems() == 2
    bounds = actors.GetItemAsObject(0).GetBounds()
    assert bounds[4:] == pytest.approx((890, 910), abs=0.1)


@pytest.mark.parametrize("ending", [".obj", ".3mf", ".stl", ".ply", ".glb"])
def test_assimp_reads_our_files(tmp_path: Path, ending: str):
    if not shutil.which("assimp"):
        pytest.skip("assimp (Debian: assimp-utils) is not installed")
    write_mesh(ball(), tmp_path / f"x{ending}")
    found = subprocess.run(
        ["assimp", "info", str(tmp_path / f"x{ending}")], capture_output=True, text=True, check=False
    )
    assert "Faces:" in found.stdout, found.stdout
    faces = next(int(line.split()[-1]) for line in found.stdout.splitlines() if line.startswith("Faces:"))
    assert faces == len(ball().faces)


def test_meshio_reads_our_vtu(tmp_path: Path):
    import meshio

    write_mesh(ball(), tmp_path / "x.vtu")
    found = meshio.read(tmp_path / "x.vtu")
    assert len(found.cells_dict["triangle"]) == len(ball().faces)


def test_colors_and_names_come_back(tmp_path: Path):
    for ending in (".ply", ".obj", ".glb"):
        write_mesh(ball(), tmp_path / f"x{ending}")
        found = read_mesh(tmp_path / f"x{ending}")
        assert found.vertex_colors is not None, ending
        expected = ball().vertex_colors
        assert expected is not None
        assert np.abs(np.sort(found.vertex_colors, axis=0).astype(int) - np.sort(expected, axis=0)).max() <= 1
    write_meshes(two(), tmp_path / "y.3mf")
    assert [m.name for m in read_meshes(tmp_path / "y.3mf")] == ["ball", "Node 2, left"]


def test_clouds(tmp_path: Path):
    write_mesh(ball(), tmp_path / "x.xyz")
    found = read_mesh(tmp_path / "x.xyz")
    assert len(found.faces) == 0
    assert np.allclose(found.vertices_mm, ball().vertices_mm)
    (tmp_path / "y.xyz").write_text("// scanner\n1;2;3;10;20;30\n4 5 6 255 0 0\n")
    found = read_mesh(tmp_path / "y.xyz")
    assert found.vertices_mm.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert found.vertex_colors is not None
    assert found.vertex_colors.tolist() == [[10, 20, 30], [255, 0, 0]]


def test_vertices_that_single_precision_joins_stay_apart():
    points = np.array([[1000.0, 0, 0], [1000.0 + 1e-7, 0, 0], [1000.0, 1e-50, 0], [0, 0, -0.0], [0, 0, 0]])
    assert len(repeated(single(points))) == 0
    assert np.abs(single(points) - points).max() < 1e-3


def test_bad_files_end_in_our_errors(tmp_path: Path):
    with pytest.raises(MissingError):
        read_mesh(tmp_path / "no.stl")
    with pytest.raises(UsageError):
        write_mesh(ball(), tmp_path / "x.docx")
    with pytest.raises(UsageError):
        write_mesh(Mesh(np.zeros((0, 3)), np.zeros((0, 3))), tmp_path / "x.stl")
    (tmp_path / "x.step").write_text("ISO")
    with pytest.raises(UnsupportedError):
        read_mesh(tmp_path / "x.step")
    write_mesh(ball(), tmp_path / "x.stl")
    (tmp_path / "cut.stl").write_bytes((tmp_path / "x.stl").read_bytes()[:-30])
    with pytest.raises(TruncatedError):
        read_mesh(tmp_path / "cut.stl")
    nan = bytearray((tmp_path / "x.stl").read_bytes())
    nan[96:100] = np.float32(np.nan).tobytes()
    (tmp_path / "nan.stl").write_bytes(nan)
    with pytest.raises(FormatError, match="finite"):
        read_mesh(tmp_path / "nan.stl")


@pytest.mark.parametrize("ending", READABLE)
@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02nonsense" * 20, b"solid\nfacet vertex 1 2"])
def test_any_bytes_end_in_our_errors(tmp_path: Path, ending: str, content: bytes):
    path = tmp_path / f"x{ending}"
    path.write_bytes(content)
    with pytest.raises(FormatError):
        read_mesh(path)
