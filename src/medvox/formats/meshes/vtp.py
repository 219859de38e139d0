"""VTK XML PolyData: own writer (binary inline) and reader of inline arrays (VTK file formats, XML)."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, UnsupportedError
from medvox.core.mesh import Mesh
from medvox.formats.meshes.single import colors_of, together
from medvox.formats.safe_xml import Element, parse_xml

AnyArray = NDArray[Any]
TYPES = {
    "Float32": "f4", "Float64": "f8", "Int32": "i4", "Int64": "i8", "UInt8": "u1", "UInt32": "u4",
    "UInt64": "u8", "Int8": "i1", "Int16": "i2", "UInt16": "u2",
}  # fmt: skip


def encode(meshes: Sequence[Mesh]) -> bytes:
    """Write all meshes as one piece, with colors of points and the number of the mesh at each face."""
    points, faces = together(meshes)
    colors = np.concatenate([colors_of(m) for m in meshes])
    number = np.repeat(np.arange(len(meshes), dtype=np.int32), [len(m.faces) for m in meshes])
    ends = np.arange(3, faces.size + 1, 3, dtype=np.int64)
    return (
        '<?xml version="1.0"?>\n<VTKFile type="PolyData" version="1.0" byte_order="LittleEndian" '
        'header_type="UInt64">\n<!-- medvox UNIT=mm SPACE=LPS -->\n'
        f'<PolyData><Piece NumberOfPoints="{len(points)}" '
        f'NumberOfVerts="0" NumberOfLines="0" NumberOfStrips="0" NumberOfPolys="{len(faces)}">\n'
        f"<Points>{_array('Points', points, 3)}</Points>\n"
        f"<Polys>{_array('connectivity', faces.ravel())}{_array('offsets', ends)}</Polys>\n"
        f'<PointData Scalars="colors">{_array("colors", colors, 3)}</PointData>\n'
        f"<CellData>{_array('mesh', number)}</CellData>\n</Piece></PolyData></VTKFile>\n"
    ).encode("ascii")


def _array(name: str, values: AnyArray, width: int = 1) -> str:
    kind = next(k for k, v in TYPES.items() if np.dtype(v) == values.dtype)
    raw = np.ascontiguousarray(values).tobytes()
    text = base64.b64encode(np.uint64(len(raw)).tobytes() + raw).decode("ascii")
    head = f'<DataArray type="{kind}" Name="{name}" NumberOfComponents="{width}" format="binary">'
    return f"{head}{text}</DataArray>"


def read(path: Path) -> tuple[Mesh, ...]:
    """Read the polygons of all pieces, cut into triangles; arrays inline: text, base64, zlib."""
    root = parse_xml(path.read_bytes(), path)
    facts = root.attributes
    data = root.find("PolyData")
    if facts.get("type") != "PolyData" or data is None:
        raise FormatError("this is not a PolyData file", where=path, got=facts.get("type"))
    order = "<" if facts.get("byte_order", "LittleEndian") == "LittleEndian" else ">"
    header = TYPES.get(facts.get("header_type", "UInt32"), "u4")
    found = []
    packing = _Packing(order, header, facts.get("compressor"), path)
    for piece in data.all("Piece"):
        points = packing.values(
            _arrays(piece, "Points").get("Points") or next(iter(_arrays(piece, "Points").values()), None)
        )
        if points is None:
            continue
        arrays = _arrays(piece, "Polys")
        index = packing.values(arrays.get("connectivity"))
        ends = packing.values(arrays.get("offsets"))
        faces = np.zeros((0, 3), np.int64)
        if index is not None and ends is not None and len(ends):
            sizes = np.diff(ends.astype(np.int64), prepend=0)
            if (sizes == 3).all():
                faces = index.astype(np.int64).reshape(-1, 3)
            else:
                from medvox.formats.meshes.vrml import fans

                faces = fans(np.split(index.astype(np.int64), ends[:-1].astype(np.int64)))
        found.append(Mesh(points.reshape(-1, 3), faces, name=path.stem))
    return tuple(found)


def _arrays(piece: Element, name: str) -> dict[str, Element]:
    part = piece.find(name)
    return {} if part is None else {a.attributes.get("Name", ""): a for a in part.all("DataArray")}


@dataclass(frozen=True, slots=True)
class _Packing:
    """How the arrays of a file are packed."""

    order: str
    header: str
    compressor: str | None
    path: Path

    def values(self, array: Element | None) -> AnyArray | None:
        """Values of an array, or None of none."""
        if array is None:
            return None
        kind = np.dtype(self.order + TYPES[array.attributes["type"]])
        form = array.attributes.get("format", "ascii")
        if form == "ascii":
            return np.array(array.text.split(), dtype=kind)
        if form != "binary":
            raise UnsupportedError(
                "VTP with appended arrays is not read",
                where=self.path,
                advice="Save it with inline (binary) arrays",
            )
        return np.frombuffer(self._bytes(array.text.strip()), kind)

    def _bytes(self, text: str) -> bytes:
        head = np.dtype(self.order + self.header)
        if self.compressor is None:
            return base64.b64decode(text)[head.itemsize :]
        if self.compressor != "vtkZLibDataCompressor":
            raise UnsupportedError("VTP compressed so is not read", where=self.path, got=self.compressor)
        first = base64.b64decode(text[: 4 * -(-head.itemsize // 3)])
        blocks = int(np.frombuffer(first, head, 1)[0])
        size = 4 * -(-(3 + blocks) * head.itemsize // 3)
        sizes = np.frombuffer(base64.b64decode(text[:size]), head, 3 + blocks)[3:]
        raw, out, at = base64.b64decode(text[size:]), [], 0
        for length in sizes.tolist():
            out.append(zlib.decompress(raw[at : at + length]))
            at += length
        return b"".join(out)
