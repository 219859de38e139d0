"""What every format must do, as a class of tests: a format's tests subclass it and say how to make one.

Modelled on zarr's store tests. A format of another package uses it in the same way::

    class TestMine(FormatContract):
        form = MineFormat()
        suffix = ".mine"
"""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from medvox.core import settings
from medvox.core.errors import CancelledError, FormatError, MedvoxError, UnsupportedError, WriteError
from medvox.core.grid import Grid
from medvox.core.lazy import DeferredArray
from medvox.core.study import Image
from medvox.core.volume import Volume
from medvox.formats.base import Format, Head, WriteReport
from medvox.formats.registry import read_head
from medvox.testing.volumes import axial_grid, ramp, sample_volumes

FOREIGN = {
    "empty": b"",
    "zeros": bytes(1024),
    "text": b"Dear colleague,\nthe scans are in the post.\n" * 8,
    "json": b'{"images": [1, 2, 3], "dim": 3}',
    "pdf": b"%PDF-1.7\n1 0 obj\n",
    "zip": b"PK\x03\x04" + bytes(60),
    "elf": b"\x7fELF\x02\x01\x01" + bytes(60),
    "gif": b"GIF89a\x10\x00\x10\x00" + bytes(60),
}
"""First bytes of files that belong to no image format of medvox."""

ASPECTS = {
    "values": r"value|precision|quantized",
    "type": r"written as|rescaled values|compressed",
    "geometry": r"position|orientation|affine|shear|origin|spacing|geometry|place",
    "axes": r"names of the axes|axis|axes",
    "unit": r"unit",
    "space": r"place in the patient|distances",
    "frame of reference": r"frame of reference",
    "modality": r"modality",
    "meaning": r"meaning",
    "times": r"positions along|times",
    "windows": r"asks to be shown",
}
"""Each thing that may get lost, and the words that a report of it must contain."""


class FormatContract:
    """Tests of one format.

    Attributes
    ----------
    form
        The format.
    suffix
        Suffix of the files made here.
    lazy_slices
        Whether a slice is read without the bytes behind it.
    refused
        Names of `sample_volumes` that the format refuses to write, with an `UnsupportedError`.
    exact_mm
        How far a voxel may lie from where it was.
    """

    form: ClassVar[Format]
    suffix: ClassVar[str]
    lazy_slices: ClassVar[bool] = False
    refused: ClassVar[frozenset[str]] = frozenset()
    exact_mm: ClassVar[float] = 1e-3

    def make(self, folder: Path) -> Path:
        """Write a file of the format; formats that cannot be written override it."""
        path = folder / f"sample{self.suffix}"
        self.form.write(self.sample(), path)
        return path

    def sample(self) -> Volume:
        """Return a volume that the format holds without a loss."""
        return Volume(ramp((5, 7, 6), "uint8"), axial_grid())

    # -- recognising ----------------------------------------------------------------------------

    def test_sniff_takes_any_bytes(self) -> None:
        """Sniffing gives 0 to 1 and raises nothing, whatever the bytes."""
        names = ["x", "x.nii", "x.img", "x.png", "x.tif", "x.gz", f"x{self.suffix}"]

        @hypothesis_settings(deadline=None)
        @given(raw=st.binary(max_size=1200), name=st.sampled_from(names))
        def check(raw: bytes, name: str) -> None:
            score = self.form.sniff(Head(Path("/nowhere") / name, raw, len(raw)))
            assert 0 <= score <= 1

        check()

    @pytest.mark.parametrize("name", FOREIGN)
    def test_sniff_refuses_other_files(self, name: str) -> None:
        """A suffix alone does not make a file the format's own."""
        raw = FOREIGN[name]
        assert self.form.sniff(Head(Path(f"/nowhere/file{self.suffix}"), raw, len(raw))) <= 0.3

    @pytest.mark.parametrize("name", ["no_suffix", "wrong.txt", "WRONG.DCM"])
    def test_found_by_content(self, tmp_path: Path, name: str) -> None:
        """A wrong or missing suffix does not matter."""
        made = self.make(tmp_path)
        renamed = tmp_path / name
        shutil.copytree(made, renamed) if made.is_dir() else shutil.copy(made, renamed)
        assert self.form.sniff(read_head(renamed)) >= 0.5

    # -- reading --------------------------------------------------------------------------------

    def test_header_tells_what_values_will_be(self, tmp_path: Path) -> None:
        """The header alone tells shape, axes, type and place; values come later."""
        for image in self.form.images(self.make(tmp_path)):
            volume = image.open()
            assert volume.is_lazy
            assert volume.shape == image.shape == np.asarray(volume.data).shape
            assert volume.axes == image.axes
            assert volume.dtype == np.asarray(volume.data).dtype
            assert volume.grid == image.grid
            assert volume.source_of((0, 0, 0)) is not None

    def test_header_lines_are_text(self, tmp_path: Path) -> None:
        """The header can be listed."""
        lines = self.form.header(self.make(tmp_path))
        assert all(line.tag == str(line.tag) and line.value == str(line.value) for line in lines)

    def test_parts_equal_the_whole(self, tmp_path: Path) -> None:
        """Reading a part gives what the whole has there."""
        volume = _open(self.form, self.make(tmp_path))
        whole = np.asarray(volume.data)
        k, j, i = (n // 2 for n in whole.shape[-3:])
        for key in [
            (..., k, slice(None), slice(None)),
            (..., slice(None), j, i),
            (..., slice(None, None, 2), slice(1, 4), slice(None)),
        ]:
            assert np.array_equal(volume.data[key], whole[key])

    def test_a_slice_needs_only_its_bytes(self, tmp_path: Path) -> None:
        """A slice is read although the file ends behind it."""
        path = self.make(tmp_path)
        volume = _open(self.form, path)
        whole = np.array(volume.data)
        if not self.lazy_slices:  # no claim: the first slice is right all the same
            assert np.array_equal(volume.data[..., 0, :, :], whole[..., 0, :, :])
            return
        values = self.values_file(path)
        with values.open("r+b") as file:
            file.truncate(values.stat().st_size - whole[-1].nbytes)
        assert np.array_equal(volume.data[..., 0, :, :], whole[..., 0, :, :])
        with pytest.raises(FormatError):
            volume.data[..., -1, :, :]

    def values_file(self, path: Path) -> Path:
        """File that holds the values, where they lie apart from the header."""
        return path

    def header_file(self, path: Path) -> Path:
        """File that is broken on purpose: for formats that are folders one of its files."""
        return path

    # -- bad input ------------------------------------------------------------------------------

    @pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9])
    def test_truncated_file_is_refused(self, tmp_path: Path, part: float) -> None:
        """Missing bytes are a FormatError that names the file."""
        path = self.make(tmp_path)
        header = self.header_file(path)
        raw = header.read_bytes()
        header.write_bytes(raw[: int(len(raw) * part)])
        with pytest.raises(FormatError) as caught:
            _open(self.form, path).load()
        assert str(path) in str(caught.value)

    def test_mutated_bytes_raise_only_our_errors(self, tmp_path: Path) -> None:
        """Changed bytes give a volume or one of our errors, never another."""
        path = self.make(tmp_path)
        header = self.header_file(path)
        raw = header.read_bytes()

        @hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
        @given(
            changes=st.lists(
                st.tuples(st.integers(0, min(len(raw), 1000) - 1), st.integers(0, 255)),
                min_size=1,
                max_size=6,
            )
        )
        def check(changes: list[tuple[int, int]]) -> None:
            mutated = bytearray(raw)
            for place, value in changes:
                mutated[place] = value
            exercise(self.form, path, bytes(mutated), header)

        check()

    # -- writing --------------------------------------------------------------------------------

    @pytest.mark.parametrize("name", sample_volumes())
    def test_round_trip_keeps_or_reports(self, tmp_path: Path, name: str) -> None:
        """What does not come back is reported as lost."""
        if self._is_refused_as_a_whole(tmp_path):
            return
        volume = sample_volumes()[name]
        path = tmp_path / f"out{self.suffix}"
        if name in self.refused:
            with pytest.raises(UnsupportedError):
                self.form.write(volume, path)
            assert not list(tmp_path.iterdir())
            return
        report = self.form.write(volume, path)
        again = self.reopen(path, report)
        for aspect in differences(volume, again, self.exact_mm):
            told = [text for text in report.losses if re.search(ASPECTS[aspect], text)]
            assert told, f"{name}: {aspect} changed and is not reported: {report.losses}"
        assert again.shape == volume.shape

    def reopen(self, path: Path, report: WriteReport) -> Volume:
        """Open what was written; formats that write a volume as several files override it."""
        return _open(self.form, path)

    def _is_refused_as_a_whole(self, folder: Path) -> bool:
        """Whether the format is not written at all: then it must say so, and leave nothing."""
        if self.form.writes:
            return False
        with pytest.raises(UnsupportedError):
            self.form.write(sample_volumes()["axial-uint8"], folder / f"out{self.suffix}")
        assert not list(folder.iterdir())
        return True

    def test_report_names_the_files(self, tmp_path: Path) -> None:
        """The report lists what lies on the disk, and no loss where there is none."""
        if self._is_refused_as_a_whole(tmp_path):
            return
        report = self.form.write(self.sample(), tmp_path / f"out{self.suffix}")
        assert isinstance(report, WriteReport)
        assert set(report.files) == set(tmp_path.iterdir())
        assert report.losses == ()

    def test_failed_write_leaves_what_was_there(self, tmp_path: Path) -> None:
        """A writer that is stopped changes nothing."""
        if self._is_refused_as_a_whole(tmp_path):
            return
        path = self.make(tmp_path)
        before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        with pytest.raises(CancelledError):
            self.form.write(_stops_when_read(self.sample()), path)
        assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before

    def test_missing_folder_is_a_write_error(self, tmp_path: Path) -> None:
        """A folder that is not there is a WriteError."""
        if self._is_refused_as_a_whole(tmp_path):
            return
        with pytest.raises(WriteError):
            self.form.write(self.sample(), tmp_path / "nowhere" / f"out{self.suffix}")


def exercise(form: Format, path: Path, raw: bytes, into: Path | None = None) -> None:
    """Do with some bytes all that can be done with a file; only errors of medvox are kept quiet.

    Parameters
    ----------
    into
        File that gets the bytes, where `path` is a folder.
    """
    (into or path).write_bytes(raw)
    try:
        head = read_head(path)
        form.sniff(head)
        with settings.using(max_image_bytes=1 << 24, threads=1):
            form.header(path)
            for image in form.images(path):
                image.open().load()
    except MedvoxError:
        return


def differences(first: Volume, second: Volume, exact_mm: float = 1e-3) -> list[str]:
    """Name the aspects (keys of `ASPECTS`) in which two volumes differ."""
    same: dict[str, bool] = {
        "axes": first.axes == second.axes,
        "type": first.dtype == second.dtype,
        "geometry": _same_place(first.grid, second.grid, exact_mm),
        "unit": first.unit == second.unit,
        "space": first.grid.space == second.grid.space,
        "frame of reference": first.grid.frame_of_reference == second.grid.frame_of_reference,
        "modality": first.modality == second.modality,
        "meaning": first.meaning == second.meaning,
        "times": _same_times(first, second),
        "windows": [w.range for w in first.display.windows] == [w.range for w in second.display.windows],
        "values": _same_values(first.values(), second.values()),
    }
    return [aspect for aspect, equal in same.items() if not equal]


def _same_values(first: Any, second: Any) -> bool:
    return first.shape == second.shape and bool(np.array_equal(first, second))


def _same_place(first: Grid, second: Grid, exact_mm: float) -> bool:
    return first.is_close(second, exact_mm)


def _same_times(first: Volume, second: Volume) -> bool:
    if set(first.coordinates) != set(second.coordinates):
        return False
    return all(np.allclose(first.coordinates[n], second.coordinates[n], atol=1e-5) for n in first.coordinates)


def _open(form: Format, path: Path) -> Volume:
    images: tuple[Image, ...] = form.images(path)
    assert len(images) == 1
    return images[0].open()


def _stops_when_read(volume: Volume) -> Volume:
    def stop() -> Any:
        raise CancelledError("stopped")

    return replace(volume, data=DeferredArray(volume.shape, volume.dtype, stop))
