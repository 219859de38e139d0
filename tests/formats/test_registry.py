"""Which format it is, by content; which one to write, by name."""

import gzip
from pathlib import Path

import imagecodecs
import pytest

from medvox.core.errors import (
    AmbiguityError,
    MissingError,
    UnknownFormatError,
    UnsupportedError,
    UsageError,
)
from medvox.formats import registry
from medvox.formats.base import Format
from medvox.formats.registry import FORMATS, detect, format_for_name, name_without_suffix, read_head
from medvox.testing.volumes import ramp, sample_volumes


class Toy(Format):
    """A format that says what it is told to say."""

    name = "Toy"
    suffixes = (".toy", ".nii")
    writes = True

    def __init__(self, score=0.0):
        self.score = score

    def sniff(self, head):
        return self.score

    def images(self, path):
        return ()


@pytest.fixture
def toy():
    """Registers toys for one test."""
    names = []

    def add(name, form):
        FORMATS.add(name, form)
        names.append(name)
        return form

    yield add
    for name in names:
        FORMATS._made.pop(name)


@pytest.mark.parametrize("key", ["nifti", "metaimage", "nrrd"])
@pytest.mark.parametrize("name", ["x", "x.png", "x.dcm"])
def test_content_beats_the_suffix(tmp_path, key, name):
    form = FORMATS.get(key)
    written = tmp_path / f"made{form.names_written[0]}"
    form.write(sample_volumes()["oblique"], written)
    written.rename(tmp_path / name)
    assert detect(tmp_path / name) is form


def test_picture_with_a_wrong_suffix(tmp_path):
    (tmp_path / "x.nii").write_bytes(imagecodecs.png_encode(ramp((4, 5), "uint8")))
    assert detect(tmp_path / "x.nii").name == "PNG"


def test_unknown_content_lists_what_was_tried(tmp_path):
    (tmp_path / "x.nii").write_bytes(b"nothing that anybody knows")
    with pytest.raises(UnknownFormatError, match=r"x\.nii.*NIfTI"):
        detect(tmp_path / "x.nii")
    with pytest.raises(UnknownFormatError) as caught:
        detect(tmp_path / "x.nii", only=["png"])
    assert "NIfTI" not in str(caught.value)


def test_empty_file_is_named_as_such(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(UnknownFormatError, match="an empty file"):
        detect(tmp_path / "x")


def test_missing_file(tmp_path):
    with pytest.raises(MissingError):
        detect(tmp_path / "x")


def test_suffix_settles_a_tie(tmp_path, toy):
    first, second = toy("toy-a", Toy(0.7)), toy("toy-b", Toy(0.7))
    second.suffixes = (".other",)
    (tmp_path / "x.other").write_bytes(b"?")
    (tmp_path / "x.toy").write_bytes(b"?")
    assert detect(tmp_path / "x.other") is second
    assert detect(tmp_path / "x.toy") is first
    (tmp_path / "x").write_bytes(b"?")
    with pytest.raises(AmbiguityError) as caught:
        detect(tmp_path / "x")
    assert set(caught.value.choices) == {"toy-a", "toy-b"}


def test_head_of_gzip_is_that_of_its_content(tmp_path):
    (tmp_path / "x").write_bytes(gzip.compress(b"inside" * 1000))
    head = read_head(tmp_path / "x")
    assert head.gzipped
    assert head.first == (b"inside" * 1000)[:1024]
    (tmp_path / "x").write_bytes(b"\x1f\x8b\x08broken")
    assert read_head(tmp_path / "x").first == b""


def test_a_folder_has_a_head_too(tmp_path):
    assert read_head(tmp_path).folder


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("nifti", "NIfTI"),
        ("a.b/x.nii", "NIfTI"),
        ("X.NII.GZ", "NIfTI"),
        ("x.mha", "MetaImage"),
        ("x.nhdr", "NRRD"),
        (Path("x.seg.nrrd"), "NRRD"),
    ],
)
def test_format_to_write(name, form):
    assert format_for_name(name).name == form


@pytest.mark.parametrize("name", ["x.par", "ecat", "x.xml"])
def test_formats_that_are_read_only_say_what_can_be_written(name):
    with pytest.raises(UnsupportedError, match=r"\.nii\.gz"):
        format_for_name(name)


@pytest.mark.parametrize("name", ["x.docx", "folder/x", "nift"])
def test_unknown_names_list_the_suffixes(name):
    with pytest.raises(UsageError, match=r"\.nii\.gz"):
        format_for_name(name)


def test_suffix_of_two_writers_is_ambiguous(toy):
    toy("toy", Toy())
    with pytest.raises(AmbiguityError) as caught:
        format_for_name("x.nii")
    assert set(caught.value.choices) == {"nifti", "toy"}
    assert format_for_name("x.nii.gz").name == "NIfTI"


def test_key_of_a_format():
    assert registry.get("nrrd").name == "NRRD"
    with pytest.raises(UsageError, match="nrrd"):
        registry.get("docx")


def test_names_without_suffix():
    assert name_without_suffix(Path("a/scan.nii.gz")) == "scan"
    assert name_without_suffix(Path("scan.seg.nrrd")) == "scan"
    assert name_without_suffix(Path("scan.v2.xyz")) == "scan.v2"
