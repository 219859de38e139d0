"""DICOM as a format that is written: the contract of formats, with a modality and without."""

import re
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from medvox.core.axes import CHANNEL, SPATIAL
from medvox.core.errors import FormatError
from medvox.core.grid import Grid
from medvox.core.progress import silent
from medvox.core.volume import Volume
from medvox.dicom.format import DicomFormat
from medvox.dicom.writing import Compression, DicomWriteOptions
from medvox.testing.format_contract import FormatContract
from medvox.testing.volumes import axial_grid, ramp

NO_PLACE = frozenset({"local", "local-plain", "pixels"})
NO_AXIS = frozenset({"vectors", "vectors-over-time", "echoes"})
NOT_A_CAPTURE = frozenset(
    [
        "axial-int8",
        "axial-int16",
        "axial-int32",
        "axial-uint32",
        "axial-float32",
        "axial-float64",
        "oblique",
        "left-handed",
        "sheared",
        "uneven",
        "time",
        "rescaled",
        "rescaled-decimal",
        "rescaled-by-slice",
        "float16",
        "int64",
    ]
)


class WithOptions(DicomFormat):
    """The format with options other than the default, as the contract has no way to give them."""

    def __init__(self, **options):
        self.options = DicomWriteOptions(**options)

    def write(self, volume, path, progress=silent, options=None):
        return super().write(volume, path, progress, options or self.options)


class DicomContract(FormatContract):
    suffix = ".dcm"

    @pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9])
    def test_truncated_file_is_refused(self, tmp_path: Path, part: float) -> None:
        """Missing bytes are a FormatError that names the file as people call it, without its folder."""
        path = self.make(tmp_path)
        raw = path.read_bytes()
        path.write_bytes(raw[: int(len(raw) * part)])
        with pytest.raises(FormatError, match=re.escape(path.name)):
            self.form.images(path)[0].open().load()

    @staticmethod
    def known_grid() -> Grid:
        return Grid(axial_grid().shape, axial_grid().affine, "1.2.3.4")


class TestEnhancedMr(DicomContract):
    form = WithOptions(modality="MR")
    refused: ClassVar = NO_PLACE | NO_AXIS

    def sample(self):
        values = ramp((5, 7, 6), "int16")
        return Volume(values, self.known_grid(), modality="MR", meaning="magnitude")


class TestEnhancedCtCompressed(DicomContract):
    form = WithOptions(modality="CT", compression=Compression.JPEG_LS)
    refused: ClassVar = NO_PLACE | NO_AXIS

    def sample(self):
        return Volume(ramp((5, 7, 6), "int16"), self.known_grid(), modality="CT", unit="HU")


class TestDeflatedMr(TestEnhancedMr):
    form = WithOptions(modality="MR", compression=Compression.DEFLATED)


class TestCaptures(DicomContract):
    """No modality: multi-frame secondary captures of modality OT, which hold 0 … 65535 and RGB."""

    form = DicomFormat()
    refused: ClassVar = NO_PLACE | NO_AXIS | NOT_A_CAPTURE

    def sample(self):
        return Volume(ramp((5, 7, 6), "uint8"), self.known_grid(), modality="OT")


@pytest.mark.parametrize("name", ["x.dcm", "X.DCM"])
def test_one_slice_is_a_classic_image(tmp_path, name):
    import pydicom

    volume = Volume(ramp((1, 7, 6), "int16"), axial_grid((1, 7, 6)), modality="CT", unit="HU")
    DicomFormat().write(volume, tmp_path / name)
    data = pydicom.dcmread(tmp_path / name)
    assert data.SOPClassUID.name == "CT Image Storage"
    np.testing.assert_array_equal(data.pixel_array, volume.data[0])


def test_any_other_name_is_a_folder_of_classic_images(tmp_path):
    volume = Volume(ramp((3, 4, 7, 6), "uint8"), axial_grid((4, 7, 6)), (CHANNEL, *SPATIAL), modality="OT")
    report = DicomFormat().write(volume, tmp_path / "series")
    assert [f.name for f in report.files] == [f"OT{n:05d}.dcm" for n in range(1, 5)]
