"""Picture lists: pictures written by tifffile and imagecodecs, lists written by hand."""

import imagecodecs
import numpy as np
import pytest
import tifffile

import medvox as mv
from medvox.core.errors import FormatError, MedvoxError, MissingError, UnsupportedError
from medvox.core.grid import Space
from medvox.formats.picture_list import PictureListFormat
from medvox.formats.registry import detect, read_head
from medvox.testing.format_contract import FormatContract
from medvox.testing.volumes import ramp, sample_volumes

VALUES = ramp((3, 4, 5), "uint16")


class TestContract(FormatContract):
    form = PictureListFormat()
    suffix = ".lst"
    exact_mm = 1e-9
    refused = frozenset(
        name for name, volume in sample_volumes().items() if set(volume.axes) - {"channel", "k", "j", "i"}
    )


def pictures(folder, suffix="tif"):
    for n, values in enumerate(VALUES):
        name = folder / f"slice {n}.{suffix}"
        if suffix == "tif":
            tifffile.imwrite(name, values)
        else:
            name.write_bytes(imagecodecs.png_encode(values))


def listed(folder, *lines, names=("slice 2.tif", "slice 0.tif", "slice 1.tif")):
    (folder / "x.lst").write_text("\n".join([*lines, *names, ""]))
    return folder / "x.lst"


def test_the_order_of_the_list_counts(tmp_path):
    pictures(tmp_path)
    (image,) = PictureListFormat().images(listed(tmp_path, "# a stack", "", "; of three", "3"))
    volume = image.open()
    assert np.array_equal(volume.data, VALUES[[2, 0, 1]])
    assert np.array_equal(volume.slice_values(1), VALUES[0])
    assert volume.grid.space is Space.PIXEL
    assert volume.source_of((2, 0, 0)).file.endswith("slice 1.tif")
    assert "no-spacing" in {f.code for f in volume.findings}


@pytest.mark.parametrize(
    "lines",
    [
        ["spacing = 0.5 0.75 3"],
        ["voxel size: 0.5 x 0.75 x 3 mm"],
        ["Pixel Size 0.5, 0.75", "Slice Thickness = 3 mm"],
        ["pixel size = 500 750 um", "slice distance = 0.3 cm", "size = 5 4", "slices = 3"],
    ],
)
def test_sizes(tmp_path, lines):
    pictures(tmp_path)
    (image,) = PictureListFormat().images(listed(tmp_path, *lines))
    assert image.grid.spacing_mm == pytest.approx((3, 0.75, 0.5))
    assert image.grid.space is Space.LOCAL


def test_quoted_names_other_pictures_and_folders_below(tmp_path):
    (tmp_path / "in").mkdir()
    pictures(tmp_path / "in", "png")
    names = ['"in/slice 0.png"', "'in\\slice 1.png'", "in/slice 2.png"]
    path = listed(tmp_path, names=names)
    assert isinstance(detect(path, ["list", "png", "nifti"]), PictureListFormat)
    assert np.array_equal(PictureListFormat().images(path)[0].open().data, VALUES)


def test_absolute_names_are_looked_for_beside_the_list(tmp_path):
    pictures(tmp_path)
    names = ["C:\\scans\\slice 0.tif", "/elsewhere/slice 1.tif", "slice 2.tif"]
    (image,) = PictureListFormat().images(listed(tmp_path, names=names))
    assert np.array_equal(image.open().data, VALUES)
    assert "vendor-quirk" in {f.code for f in image.findings}


def test_files_elsewhere_are_not_read(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    pictures(tmp_path)
    for name in (str(tmp_path / "slice 0.tif"), "../slice 0.tif", "..\\slice 0.tif", "\\\\host\\slice 0.tif"):
        with pytest.raises(FormatError, match="outside its folder"):
            PictureListFormat().images(listed(folder, names=[name]))
    (folder / "link.tif").symlink_to(tmp_path / "slice 0.tif")
    with pytest.raises(FormatError, match="outside its folder"):
        PictureListFormat().images(listed(folder, names=["link.tif"]))


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["4"], FormatError),
        (["size = 4 5"], FormatError),
        (["spacing = 1 2"], FormatError),
        (["spacing = 1 2 -3"], FormatError),
        (["spacing = 1 2 nan"], FormatError),
        (["affine lps = 1 2 3"], FormatError),
        (["something else"], FormatError),
        (["missing.tif"], MissingError),
        (["x.lst.tif"], MedvoxError),
    ],
)
def test_bad_lists(tmp_path, lines, error):
    pictures(tmp_path)
    with pytest.raises(error):
        PictureListFormat().images(listed(tmp_path, *lines))


def test_pictures_that_do_not_fit(tmp_path):
    pictures(tmp_path)
    tifffile.imwrite(tmp_path / "other.tif", VALUES[0, :2])
    with pytest.raises(FormatError, match="differ in size"):
        PictureListFormat().images(listed(tmp_path, "other.tif"))
    tifffile.imwrite(tmp_path / "other.tif", VALUES, photometric="minisblack")
    with pytest.raises(UnsupportedError, match="several pictures"):
        PictureListFormat().images(listed(tmp_path, "other.tif"))
    tifffile.imwrite(tmp_path / "other.tif", VALUES[0].astype("u1"))
    with pytest.raises(FormatError, match="type"):
        PictureListFormat().images(listed(tmp_path, "other.tif"))[0].open().load()


def test_written_slices_are_plain_tiffs(tmp_path):
    volume = sample_volumes()["axial-int16"]
    report = PictureListFormat().write(volume, tmp_path / "scan.lst")
    assert report.losses == ()
    assert np.array_equal(tifffile.imread(tmp_path / "scan_0003.tif"), volume.data[2])
    rgb = sample_volumes()["rgb"]
    PictureListFormat().write(rgb, tmp_path / "color.lst")
    assert np.array_equal(tifffile.imread(tmp_path / "color_0001.tif"), np.moveaxis(rgb.data[:, 0], 0, -1))


def test_a_folder_shows_the_list_once(tmp_path):
    pictures(tmp_path)
    listed(tmp_path, "spacing = 1 1 2")
    (image,) = mv.scan(tmp_path).images()
    assert image.shape == (3, 4, 5)
    assert PictureListFormat().sniff(read_head(tmp_path / "slice 0.tif")) == 0


def test_a_list_without_its_pictures_stops_no_scan(tmp_path):
    listed(tmp_path)
    found = mv.scan(tmp_path)
    assert not list(found.images())
    assert "unreadable-file" in {f.code for f in found.all_findings()}
