"""Which module reads and writes which ending."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from medvox.core.errors import FormatError, MedvoxError, MissingError, UnsupportedError, UsageError
from medvox.core.mesh import Mesh
from medvox.formats.atomic import atomic_file
from medvox.formats.meshes import drawing, library, obj, ply, points, stl, vrml, vtp

Reader = Callable[[Path], tuple[Mesh, ...]]
Writer = Callable[[Sequence[Mesh]], bytes]

WRITERS: Mapping[str, Writer] = MappingProxyType(
    {
        ".stl": stl.encode,
        ".stla": stl.encode_text,
        ".ply": ply.encode,
        ".obj": obj.encode,
        ".glb": library.encode_glb,
        ".3mf": library.encode_3mf,
        ".vtp": vtp.encode,
        ".wrl": vrml.encode,
        ".dxf": drawing.encode,
        ".xyz": points.encode,
        ".vtu": library.encode_vtu,
    }
)
READERS: Mapping[str, Reader] = MappingProxyType(
    {
        ".stl": stl.read,
        ".stla": stl.read,
        ".ply": library.read_trimesh,
        ".obj": library.read_trimesh,
        ".off": library.read_trimesh,
        ".glb": library.read_glb,
        ".3mf": library.read_trimesh,
        ".vtp": vtp.read,
        ".wrl": vrml.read,
        ".dxf": drawing.read,
        ".xyz": points.read,
        ".vtu": library.read_vtu,
    }
)
ENDINGS: tuple[str, ...] = tuple(WRITERS)
READABLE: tuple[str, ...] = tuple(READERS)


def read(path: Path) -> tuple[Mesh, ...]:
    """Read all meshes of a file; a cloud of points is a mesh without faces.

    Raises
    ------
    MissingError
        If there is no such file.
    UnsupportedError
        If no reader knows the ending.
    FormatError
        If the file is not what its ending says.
    """
    if not path.is_file():
        raise MissingError("no such mesh file", where=path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UnsupportedError("no such kind of mesh file", where=path, expected=READABLE)
    try:
        found = reader(path)
    except MedvoxError:
        raise
    except Exception as error:
        raise FormatError(
            "the mesh file cannot be read", where=path, got=type(error).__name__, expected=path.suffix.lower()
        ) from error
    if not found:
        raise FormatError("the mesh file holds no mesh", where=path)
    return found


def write(meshes: Sequence[Mesh], path: Path) -> None:
    """Write meshes into one file.

    Raises
    ------
    UsageError
        If there is no mesh, or the ending is not known.
    WriteError
        If it fails; nothing half written is left.
    """
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise UsageError("no such kind of mesh file", where=path, got=path.suffix, expected=ENDINGS)
    if not meshes or all(len(m.vertices_mm) == 0 for m in meshes):
        raise UsageError("there is no mesh to write", where=path)
    content = writer(meshes)
    with atomic_file(path) as file:
        file.write(content)
