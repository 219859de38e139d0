"""OME-Zarr beside the zarr library, and beside what the specification's own tools write."""

import json
from dataclasses import replace

import numpy as np
import pytest
import zarr

from medvox.core import affine as aff
from medvox.core import settings
from medvox.core.axes import SPATIAL, TIME
from medvox.core.errors import FormatError, LimitError, UnsupportedError, WriteError
from medvox.core.grid import Grid, Space
from medvox.core.volume import Volume
from medvox.formats.ome import OmeZarrFormat
from medvox.formats.ome.array import open_array
from medvox.formats.registry import detect
from medvox.testing.format_contract import FormatContract
from medvox.testing.volumes import axial_grid, ramp


class TestVersion5(FormatContract):
    form = OmeZarrFormat()
    suffix = ".ome.zarr"
    header = "zarr.json"

    def sample(self):
        matrix = aff.compose((3.0, 0.75, 0.5), np.eye(3)[:, ::-1], (1.5, -2.25, 100.0))
        return Volume(ramp((5, 7, 6), "uint8"), Grid((5, 7, 6), matrix, space=Space.LOCAL))

    def header_file(self, path):
        return path / self.header


class TestVersion4(TestVersion5):
    form = OmeZarrFormat(version="0.4")
    header = ".zattrs"


class TestArray5(TestVersion5):
    header = "0/zarr.json"

    def test_found_by_content(self):
        """The attributes of the group are looked at, not the array."""


class TestArray4(TestArray5):
    form = OmeZarrFormat(version="0.4")
    header = "0/.zarray"


def large():
    """Three levels; the slices are further apart than rows and columns."""
    shape = (20, 600, 520)
    return Volume(ramp(shape, "uint16"), axial_grid(shape))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_zarr_reads_every_level(tmp_path, version):
    volume = large()
    OmeZarrFormat(version).write(volume, tmp_path / "x.ome.zarr")
    group = zarr.open_group(tmp_path / "x.ome.zarr", mode="r")
    said = dict(group.attrs) if version == "0.4" else group.attrs["ome"]
    (image,) = said["multiscales"]
    assert [axis["name"] for axis in image["axes"]] == ["z", "y", "x"]
    assert {axis["unit"] for axis in image["axes"]} == {"millimeter"}
    if version == "0.5":
        assert group["0"].metadata.dimension_names == ("z", "y", "x")  # NGFF 0.5, section 4
    shapes = [group[level["path"]].shape for level in image["datasets"]]
    assert shapes == [(20, 600, 520), (20, 300, 260), (20, 150, 130)]
    assert np.array_equal(group["0"][:], volume.data)
    blocks = volume.data.astype(np.uint32).reshape(20, 300, 2, 260, 2).mean(axis=(2, 4))
    assert np.abs(group["1"][:] - blocks).max() <= 1
    scale, shift = image["datasets"][1]["coordinateTransformations"]
    assert scale["scale"] == [3.0, 1.5, 1.0]
    assert shift["translation"] == pytest.approx([-500.0, 30.25 + 0.375, -12.5 + 0.25])


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("dtype", ["uint8", "int16", ">u2", "float32", "int32"])
def test_arrays_of_zarr(tmp_path, version, dtype):
    dtype = np.dtype(dtype) if version == 2 else np.dtype(dtype).newbyteorder("=")
    values = ramp((13, 17, 19), dtype.newbyteorder("="))
    array = zarr.create_array(
        tmp_path / "a", shape=values.shape, dtype=dtype, chunks=(5, 6, 7), zarr_format=version, fill_value=3
    )
    array[:7] = values[:7]
    found = open_array(tmp_path / "a")
    expected = np.where(np.arange(13)[:, None, None] < 7, values, 3)
    assert np.array_equal(found.read([slice(0, 13), slice(0, 17), slice(0, 19)]), expected)
    assert np.array_equal(found.read([slice(4, 8), slice(5, 6), slice(0, 19)]), expected[4:8, 5:6])


@pytest.mark.parametrize(
    "codec", ["blosc-lz4", "blosc-zstd", "zstd", "gzip", "lz4", "bz2", "none", "zlib", "lzma"]
)
def test_compressors_of_version_2(tmp_path, codec):
    import numcodecs

    found = {
        "blosc-lz4": numcodecs.Blosc("lz4", 5, numcodecs.Blosc.BITSHUFFLE),
        "blosc-zstd": numcodecs.Blosc("zstd"),
        "zstd": numcodecs.Zstd(), "gzip": numcodecs.GZip(), "lz4": numcodecs.LZ4(), "bz2": numcodecs.BZ2(),
        "zlib": numcodecs.Zlib(), "lzma": numcodecs.LZMA(), "none": None,
    }[codec]  # fmt: skip
    values = ramp((9, 17, 19), "int32")
    array = zarr.create_array(
        tmp_path / "a",
        shape=values.shape,
        dtype="int32",
        chunks=(5, 6, 7),
        zarr_format=2,
        compressors=found,
        order="F",
    )
    array[:] = values
    assert np.array_equal(open_array(tmp_path / "a").read([slice(0, n) for n in values.shape]), values)


@pytest.mark.parametrize("codec", ["blosc", "zstd", "gzip", "none"])
@pytest.mark.parametrize("shards", [None, (10, 12, 14)])
def test_codecs_of_version_3(tmp_path, codec, shards):
    from zarr.codecs import BloscCodec, GzipCodec, TransposeCodec, ZstdCodec

    found = {"blosc": BloscCodec(), "zstd": ZstdCodec(checksum=True), "gzip": GzipCodec(), "none": None}[
        codec
    ]
    values = ramp((13, 17, 19), "uint16")
    array = zarr.create_array(
        tmp_path / "a", shape=values.shape, dtype="uint16", chunks=(5, 6, 7), shards=shards,
        compressors=found, filters=[TransposeCodec(order=(2, 0, 1))], fill_value=9,
    )  # fmt: skip
    array[3:, 2:] = values[3:, 2:]
    expected = np.full_like(values, 9)
    expected[3:, 2:] = values[3:, 2:]
    assert np.array_equal(open_array(tmp_path / "a").read([slice(0, n) for n in values.shape]), expected)


def image(folder, values, axes, version="0.4", scale=None, **more):
    """An image as other programs write it, by the zarr library."""
    third = version == "0.5"
    group = zarr.open_group(folder, mode="w", zarr_format=3 if third else 2)
    array = group.create_array(
        "s0", shape=values.shape, dtype=values.dtype, chunks=tuple(min(n, 4) for n in values.shape)
    )
    array[:] = values
    steps = [{"type": "scale", "scale": scale or [1.0] * values.ndim}]
    one = {"axes": axes, "datasets": [{"path": "s0", "coordinateTransformations": steps}], **more}
    said = {"multiscales": [one if third else {"version": version, **one}]}
    group.attrs.update({"ome": {"version": version, **said}} if third else said)
    return folder


def axis(name, unit=None):
    kind = {"t": "time", "c": "channel"}.get(name, "space")
    return {"name": name, "type": kind} | ({"unit": unit} if unit else {})


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_axes_units_and_transformations(tmp_path, version):
    values = ramp((2, 3, 4, 7, 6), "uint16")
    axes = [
        axis("t", "millisecond"),
        axis("c"),
        axis("z", "micrometer"),
        axis("y", "nanometer"),
        axis("x", "millimeter"),
    ]
    path = image(
        tmp_path / "x.zarr", values, axes, version, [250.0, 1, 2.0, 500.0, 0.25],
        coordinateTransformations=[{"type": "scale", "scale": [2.0, 1, 1, 1, 1]},
                                   {"type": "translation", "translation": [100.0, 0, 8.0, 0, 0]}],
    )  # fmt: skip
    assert isinstance(detect(path), OmeZarrFormat)
    (found,) = OmeZarrFormat().images(path)
    volume = found.open()
    assert volume.axes == (TIME, "channel", *SPATIAL)
    assert np.array_equal(np.asarray(volume.data), values)
    assert np.array_equal(volume.data[1, 2, ::-2, 3], values[1, 2, ::-2, 3])
    assert found.grid.spacing_mm == pytest.approx((0.002, 0.0005, 0.25))
    assert found.grid.origin_mm == pytest.approx((0, 0, 0.008))
    assert found.grid.space is Space.LOCAL
    assert volume.coordinates[TIME] == pytest.approx((0.1, 0.6))


def test_axes_in_another_order(tmp_path):
    values = ramp((6, 7, 4), "uint16")
    path = image(tmp_path / "x.zarr", values, [axis(n, "millimeter") for n in "xyz"], scale=[1.0, 2.0, 3.0])
    volume = OmeZarrFormat().images(path)[0].open()
    assert np.array_equal(np.asarray(volume.data), values.transpose(2, 1, 0))
    assert np.array_equal(volume.data[3, 2:5, ::2], values.transpose(2, 1, 0)[3, 2:5, ::2])
    assert volume.grid.spacing_mm == pytest.approx((3, 2, 1))


def test_two_axes_make_one_slice_and_no_unit_makes_pixels(tmp_path):
    path = image(tmp_path / "x.zarr", ramp((7, 6), "uint8"), [axis("y"), axis("x")], scale=[0.5, 0.5])
    (found,) = OmeZarrFormat().images(path)
    assert found.shape == (1, 7, 6)
    assert found.grid.space is Space.PIXEL
    assert "no-spacing" in [note.code for note in found.findings]


def test_labels_and_several_images(tmp_path):
    root = tmp_path / "x.zarr"
    group = zarr.open_group(root, mode="w", zarr_format=2)
    group.attrs["bioformats2raw.layout"] = 3
    axes = [axis(n, "micrometer") for n in "zyx"]
    for n in range(2):
        image(root / str(n), ramp((3, 7, 6), "uint8") + n, axes)
    labels = zarr.open_group(root / "1" / "labels", mode="w", zarr_format=2)
    labels.attrs["labels"] = ["cells"]
    image(root / "1" / "labels" / "cells", ramp((3, 7, 6), "uint16"), axes)
    found = OmeZarrFormat().images(root)
    assert [one.label for one in found] == ["x.zarr 0", "x.zarr 1", "x.zarr 1/labels/cells"]
    assert found[2].open().dtype == np.uint16


def test_a_slice_reads_its_chunks_alone(tmp_path):
    volume = large()
    OmeZarrFormat().write(volume, tmp_path / "x.zarr")
    for path in (tmp_path / "x.zarr" / "0" / "c" / "1").rglob("*"):
        if path.is_file():
            path.write_bytes(b"damaged")
    shown = OmeZarrFormat().images(tmp_path / "x.zarr")[0].open()
    assert np.array_equal(shown.data[3], volume.data[3])
    with pytest.raises(FormatError, match="chunk"):
        shown.data[17]


@pytest.mark.parametrize("kind", ["plate", "well"])
def test_plates_say_where_images_are(tmp_path, kind):
    group = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=2)
    group.attrs[kind] = {}
    with pytest.raises(UnsupportedError, match="A/1/0"):
        OmeZarrFormat().images(tmp_path / "x.zarr")


@pytest.mark.parametrize("name", ["../secret", "/etc", "s0/../../secret", "."])
def test_levels_outside_the_folder_are_refused(tmp_path, name):
    path = image(tmp_path / "x.zarr", ramp((3, 7, 6), "uint8"), [axis(n) for n in "zyx"])
    image(tmp_path / "secret", ramp((3, 7, 6), "uint8"), [axis(n) for n in "zyx"])
    said = json.loads((path / ".zattrs").read_text())
    said["multiscales"][0]["datasets"][0]["path"] = name
    (path / ".zattrs").write_text(json.dumps(said))
    with pytest.raises(FormatError, match="no folder within"):
        OmeZarrFormat().images(path)


@pytest.mark.parametrize("field", ["shape", "chunks"])
def test_absurd_claims_are_refused(tmp_path, field):
    path = image(tmp_path / "x.zarr", ramp((3, 7, 6), "uint8"), [axis(n) for n in "zyx"])
    said = json.loads((path / "s0" / ".zarray").read_text())
    said[field] = [1 << 20, 1 << 20, 1 << 20]
    (path / "s0" / ".zarray").write_text(json.dumps(said))
    with pytest.raises(LimitError), settings.using(max_image_bytes=1 << 30):
        OmeZarrFormat().images(path)[0].open().load()


def test_a_chunk_that_unpacks_to_more_is_damaged(tmp_path):
    import imagecodecs

    path = image(tmp_path / "x.zarr", ramp((3, 7, 6), "uint8"), [axis(n) for n in "zyx"])
    for chunk in (path / "s0").glob("[0-9]*"):
        chunk.write_bytes(imagecodecs.zstd_encode(bytes(1 << 20)))
    with pytest.raises(FormatError, match="damaged"):
        OmeZarrFormat().images(path)[0].open().load()


def test_a_folder_is_replaced_as_a_whole_and_a_file_is_not(tmp_path):
    small = Volume(ramp((5, 7, 6), "uint8"), axial_grid())
    OmeZarrFormat("0.4").write(large(), tmp_path / "x.zarr")
    OmeZarrFormat("0.5").write(small, tmp_path / "x.zarr")
    assert sorted(p.name for p in (tmp_path / "x.zarr").iterdir()) == ["0", "zarr.json"]
    assert np.array_equal(np.asarray(OmeZarrFormat().images(tmp_path / "x.zarr")[0].open().data), small.data)
    (tmp_path / "y.zarr").write_bytes(b"a file")
    with pytest.raises(WriteError):
        OmeZarrFormat().write(small, tmp_path / "y.zarr")
    assert (tmp_path / "y.zarr").read_bytes() == b"a file"


def test_too_many_axes_are_refused(tmp_path):
    volume = Volume(ramp((2, 3, 5, 7, 6), "uint8"), axial_grid(), ("echo", "channel", *SPATIAL))
    with pytest.raises(UnsupportedError, match="one more axis"):
        OmeZarrFormat().write(volume, tmp_path / "x.zarr")
    assert not list(tmp_path.iterdir())


def test_orientation_is_reported_lost_and_a_plain_position_is_kept(tmp_path):
    volume = Volume(ramp((5, 7, 6), "uint8"), axial_grid())
    report = OmeZarrFormat().write(volume, tmp_path / "x.zarr")
    (found,) = OmeZarrFormat().images(tmp_path / "x.zarr")
    assert any("place in the patient" in text for text in report.losses)
    assert np.allclose(found.grid.affine, volume.grid.affine)
    named = replace(volume, grid=replace(volume.grid, space=Space.LOCAL))
    assert OmeZarrFormat().write(named, tmp_path / "y.zarr").losses == ()
