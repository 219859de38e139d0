"""VTK images against VTK's own readers and writers, both ways."""

import numpy as np
import pytest
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from medvox.core.errors import FormatError, LimitError, TruncatedError, UnsupportedError
from medvox.core.grid import Grid, Space
from medvox.core.volume import Volume
from medvox.formats.registry import detect
from medvox.formats.vtk_image import VtiFormat, VtkFormat
from medvox.interop.vtk_data import from_vtk, to_vtk
from medvox.testing.format_contract import FormatContract
from medvox.testing.volumes import axial_grid, oblique_grid, ramp, sample_volumes

REFUSED = frozenset(
    name for name, volume in sample_volumes().items() if set(volume.axes) - {"channel", "k", "j", "i"}
)


class TestContractVti(FormatContract):
    form = VtiFormat()
    suffix = ".vti"
    lazy_slices = True
    refused = REFUSED
    exact_mm = 1e-9


class TestContractPacked(FormatContract):
    form = VtiFormat(compress=True)
    suffix = ".vti"
    refused = REFUSED


class TestContractLegacy(FormatContract):
    form = VtkFormat()
    suffix = ".vtk"
    lazy_slices = True
    refused = REFUSED

    def sample(self):
        return Volume(ramp((5, 7, 6), "uint8"), Grid((5, 7, 6), axial_grid().affine, space=Space.LOCAL))


class TestContractText(TestContractLegacy):
    form = VtkFormat(ascii=True)
    lazy_slices = False


def vtk_read(path):
    reader = vtk.vtkXMLImageDataReader() if path.suffix == ".vti" else vtk.vtkStructuredPointsReader()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


WHOLE = [name for name in sorted(sample_volumes()) if name not in REFUSED and name != "uneven"]


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", WHOLE)
def test_vtk_reads_the_vti(tmp_path, name, compress):
    volume = sample_volumes()[name]
    VtiFormat(compress=compress).write(volume, tmp_path / "x.vti")
    seen = from_vtk(vtk_read(tmp_path / "x.vti"))
    assert np.array_equal(seen.data, volume.values().astype(seen.dtype))
    assert np.allclose(seen.grid.affine, volume.grid.affine, atol=1e-9)


@pytest.mark.parametrize("ascii_", [False, True])
@pytest.mark.parametrize("name", WHOLE)
def test_vtk_reads_the_legacy_file(tmp_path, name, ascii_):
    volume = sample_volumes()[name]
    VtkFormat(ascii=ascii_).write(volume, tmp_path / "x.vtk")
    seen = from_vtk(vtk_read(tmp_path / "x.vtk"))
    assert np.array_equal(seen.data, volume.values().astype(seen.dtype))
    assert np.allclose(seen.grid.origin_mm, volume.grid.affine[:3, 3])
    assert np.allclose(seen.grid.spacing_mm, volume.grid.spacing_mm)


def vti_writers():
    for mode in ("Ascii", "Binary", "Appended", "AppendedRaw"):
        for packer in ("NONE", "ZLIB", "LZ4", "LZMA"):
            for width in (32, 64):
                for order in ("Little", "Big"):
                    if mode != "Ascii" or (packer, width, order) == ("NONE", 32, "Little"):
                        yield mode, packer, width, order


@pytest.mark.parametrize(("mode", "packer", "width", "order"), list(vti_writers()))
def test_what_vtk_writes_is_read(tmp_path, mode, packer, width, order):
    values = ramp((3, 40, 50), "int16")
    volume = Volume(values, oblique_grid((3, 40, 50)))
    writer = vtk.vtkXMLImageDataWriter()
    writer.SetInputData(to_vtk(volume))
    writer.SetFileName(str(tmp_path / "x.vti"))
    getattr(writer, f"SetDataModeTo{mode.removesuffix('Raw')}")()
    writer.SetEncodeAppendedData(mode != "AppendedRaw")
    writer.SetCompressorType({"NONE": 0, "ZLIB": 1, "LZ4": 2, "LZMA": 3}[packer])
    writer.SetBlockSize(4096)
    getattr(writer, f"SetHeaderTypeToUInt{width}")()
    getattr(writer, f"SetByteOrderTo{order}Endian")()
    assert writer.Write()
    (image,) = VtiFormat().images(tmp_path / "x.vti")
    found = image.open()
    assert np.array_equal(found.data, values)
    assert found.dtype == np.int16
    assert np.allclose(found.grid.affine, volume.grid.affine, atol=1e-6)
    assert found.grid.space is Space.PATIENT


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
)
@pytest.mark.parametrize("mode", ["Ascii", "Binary"])
def test_every_type_of_vtks(tmp_path, dtype, mode):
    values = ramp((2, 3, 4), "int32" if dtype.endswith("int64") else dtype).astype(dtype)
    image = to_vtk(Volume(values, axial_grid((2, 3, 4))))
    writer = vtk.vtkXMLImageDataWriter()
    legacy = vtk.vtkStructuredPointsWriter()
    for one, name in ((writer, "x.vti"), (legacy, "x.vtk")):
        one.SetInputData(image)
        one.SetFileName(str(tmp_path / name))
    getattr(writer, f"SetDataModeTo{mode}")()
    getattr(legacy, f"SetFileTypeToA{'SCII'}" if mode == "Ascii" else "SetFileTypeToBinary")()
    assert writer.Write()
    assert legacy.Write()
    for form, name in ((VtiFormat(), "x.vti"), (VtkFormat(), "x.vtk")):
        (found,) = form.images(tmp_path / name)
        assert np.allclose(found.open().data, values, rtol=1e-6), name


def test_legacy_with_many_arrays(tmp_path):
    image = to_vtk(Volume(ramp((2, 3, 4), "int16"), axial_grid((2, 3, 4))))
    for name, parts, kind in (("flow", 3, "f4"), ("tensor", 9, "f8"), ("five", 5, "i4")):
        array = numpy_to_vtk(ramp((24, parts), kind), deep=True)
        array.SetName(name)
        image.GetPointData().AddArray(array)
    image.GetPointData().SetActiveVectors("flow")
    cells = numpy_to_vtk(ramp((1 * 2 * 3,), "u1"), deep=True)
    cells.SetName("cell")
    image.GetCellData().SetScalars(cells)
    for binary in (False, True):
        writer = vtk.vtkStructuredPointsWriter()
        writer.SetInputData(image)
        writer.SetFileName(str(tmp_path / "x.vtk"))
        writer.SetFileType(vtk.VTK_BINARY if binary else vtk.VTK_ASCII)
        assert writer.Write()
        found = {dict(i.facts)["array"]: i.open() for i in VtkFormat().images(tmp_path / "x.vtk")}
        assert set(found) == {"values", "flow", "tensor", "five", "cell"}
        assert found["five"].axes == ("channel", "k", "j", "i")
        for name, kind in (("flow", "f4"), ("tensor", "f8"), ("five", "i4")):
            flat = np.moveaxis(found[name].load().data, 0, -1).reshape(24, -1)
            assert np.allclose(flat, ramp(flat.shape, kind), rtol=1e-5)
        assert found["cell"].shape == (1, 2, 3)
        assert np.array_equal(found["cell"].load().data.ravel(), ramp((6,), "u1"))
        corner = found["values"].grid.to_patient((0.5, 0.5, 0.5))
        assert found["cell"].grid.origin_mm == pytest.approx(corner)


def test_extent_that_does_not_begin_at_zero(tmp_path):
    image = vtk.vtkImageData()
    image.SetExtent(2, 5, -1, 1, 7, 8)
    image.SetOrigin(10, 20, 30)
    image.SetSpacing(0.5, 1, 2)
    image.SetDirectionMatrix(0, 1, 0, -1, 0, 0, 0, 0, 1)
    array = numpy_to_vtk(ramp((24,), "int16"), deep=True)
    array.SetName("v")
    image.GetPointData().SetScalars(array)
    writer = vtk.vtkXMLImageDataWriter()
    writer.SetInputData(image)
    writer.SetFileName(str(tmp_path / "x.vti"))
    writer.Write()
    (found,) = VtiFormat().images(tmp_path / "x.vti")
    corner = [0.0, 0.0, 0.0]
    image.TransformIndexToPhysicalPoint(2, -1, 7, corner)
    assert found.grid.origin_mm == pytest.approx(corner)
    assert np.allclose(found.grid.affine, from_vtk(image).grid.affine)


def vti(pieces, whole="0 2 0 1 0 1", start="", **root):
    keys = {"type": "ImageData", "byte_order": "LittleEndian"} | root
    text = " ".join(f'{k}="{v}"' for k, v in keys.items())
    return (
        f'{start}<VTKFile {text}><ImageData WholeExtent="{whole}" Origin="0 0 0" Spacing="1 1 1">{pieces}'
        "</ImageData></VTKFile>"
    )


def piece(extent, values, kind="Int16", **more):
    more = {"Name": "v", "format": "ascii"} | more
    text = " ".join(f'{k}="{v}"' for k, v in more.items())
    return (
        f'<Piece Extent="{extent}"><PointData Scalars="v">'
        f'<DataArray type="{kind}" {text}>{values}</DataArray></PointData></Piece>'
    )


def test_pieces_are_joined(tmp_path):
    text = vti(piece("0 0 0 1 0 1", "1 2 3 4") + piece("1 2 0 1 0 1", "5 6 7 8 9 10 11 12"))
    (tmp_path / "x.vti").write_text(text)
    (image,) = VtiFormat().images(tmp_path / "x.vti")
    assert image.open().load().data.tolist() == [[[1, 5, 6], [2, 7, 8]], [[3, 9, 10], [4, 11, 12]]]
    assert image.grid.space is Space.LOCAL


GOOD = piece("0 2 0 1 0 1", "1 2 3 4 5 6 7 8 9 10 11 12")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (vti(GOOD, start='<!DOCTYPE x [<!ENTITY a "b">]>'), FormatError),
        (vti(GOOD, type="PolyData"), UnsupportedError),
        (vti(GOOD, compressor="other"), UnsupportedError),
        (vti(GOOD, header_type="Float32"), FormatError),
        (vti(GOOD, whole="0 3 0 1 0 1"), FormatError),
        (vti(GOOD, whole="0 1 0 1 0 1"), FormatError),
        (vti(GOOD, whole="0 nan 0 1 0 1"), FormatError),
        (vti(piece("0 2 0 1 0 1", "1 2 3")), TruncatedError),
        (vti(piece("0 2 0 1 0 1", "1 " * 11 + "99999")), FormatError),
        (vti(piece("0 2 0 1 0 1", "1 " * 11 + "x")), FormatError),
        (vti(piece("0 2 0 1 0 1", "", format="appended", offset="0")), FormatError),
        (vti(piece("0 2 0 1 0 1", "", NumberOfComponents="0")), FormatError),
        (vti(piece("0 2 0 1 0 1", "!!!!", format="binary")), FormatError),
        (vti(piece("0 2 0 1 0 1", "AAAA", format="binary")), TruncatedError),
        (vti(""), FormatError),
        (
            vti(piece("0 99999 0 99999 0 99999", "", format="ascii"), whole="0 99999 0 99999 0 99999"),
            LimitError,
        ),
    ],
)
def test_bad_vti_is_refused(tmp_path, text, error):
    (tmp_path / "x.vti").write_text(text)
    with pytest.raises(error):
        VtiFormat().images(tmp_path / "x.vti")[0].open().load()


def test_packed_block_cannot_grow_beyond_its_size(tmp_path):
    path = tmp_path / "x.vti"
    VtiFormat(compress=True).write(Volume(np.zeros((4, 100, 100), "u1"), axial_grid((4, 100, 100))), path)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"_") + 1 if raw.count(b"_") == 1 else raw.rindex(b"   _") + 4
    assert np.frombuffer(raw[at : at + 24], "<u8").tolist() == [2, 1 << 15, 40_000 - (1 << 15)]
    raw[at + 16 : at + 24] = (100).to_bytes(8, "little")
    raw = raw.replace(b"0 99 0 99 0 3", b"0 98 0 98 0 3")
    path.write_bytes(raw)
    with pytest.raises(FormatError):
        VtiFormat().images(path)[0].open().load()


MESH = "# vtk DataFile Version 3.0\nmesh\nASCII\nDATASET POLYDATA\nPOINTS 1 float\n0 0 0\n"


def test_meshes_are_refused_by_name(tmp_path):
    (tmp_path / "x.vtk").write_text(MESH)
    form = detect(tmp_path / "x.vtk", ["vtk", "vti"])
    with pytest.raises(UnsupportedError, match="POLYDATA"):
        form.images(tmp_path / "x.vtk")
    (tmp_path / "x.vti").write_text(vti("", type="UnstructuredGrid"))
    with pytest.raises(UnsupportedError, match="UnstructuredGrid"):
        detect(tmp_path / "x.vti", ["vtk", "vti"]).images(tmp_path / "x.vti")


HEAD = "# vtk DataFile Version 2.0\nx\nASCII\nDATASET STRUCTURED_POINTS\nDIMENSIONS 2 1 1\n"


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        HEAD.replace("ASCII", "OTHER"),
        HEAD + "POINT_DATA 2\nSCALARS v int\nLOOKUP_TABLE default\n1",
        HEAD + "POINT_DATA 2\nSCALARS v strange\n1 2",
        HEAD + "POINT_DATA x\nSCALARS v int\n1 2",
        HEAD + "POINT_DATA 2\nNONSENSE v int\n1 2",
        HEAD + "POINT_DATA 2\n",
        HEAD.replace("2 1 1", "-2 1 1") + "POINT_DATA 2\nSCALARS v int\n1 2",
        HEAD.replace("DIMENSIONS 2 1 1\n", "") + "POINT_DATA 2\nSCALARS v int\n1 2",
        HEAD + "POINT_DATA 2\nSCALARS v int\n" + "x" * 9000,
    ],
)
def test_bad_legacy_files_are_refused(tmp_path, text):
    (tmp_path / "x.vtk").write_text(text)
    with pytest.raises(FormatError):
        VtkFormat().images(tmp_path / "x.vtk")[0].open().load()


def test_older_lines_are_read(tmp_path):
    lines = "ASPECT_RATIO 2 3 4\nORIGIN 1 1 1\nPOINT_DATA 2\nCOLOR_SCALARS c 3\n0 0.5 1\n1 0 0\n"
    (tmp_path / "x.vtk").write_text(HEAD + lines)
    (image,) = VtkFormat().images(tmp_path / "x.vtk")
    assert image.grid.spacing_mm == (4, 3, 2)
    assert image.open().load().data[:, 0, 0].tolist() == [[0, 255], [128, 0], [255, 0]]
    assert VtkFormat().header(tmp_path / "x.vtk")[1].tag == "title"
    seen = vtk_to_numpy(vtk_read(tmp_path / "x.vtk").GetPointData().GetScalars())
    assert np.array_equal(image.open().load().data.reshape(3, 2).T, seen)
