"""NRRD against SimpleITK."""

from medvox.formats.nrrd import NrrdFormat
from medvox.testing.format_contract import FormatContract


class TestContractPacked(FormatContract):
    form = NrrdFormat()
    suffix = ".nrrd"
    exact_mm = 1e-9


class TestContractPlain(FormatContract):
    form = NrrdFormat(encoding="raw")
    suffix = ".nrrd"
    lazy_slices = True
    exact_mm = 1e-9


class TestContractTwoFiles(FormatContract):
    form = NrrdFormat(encoding="raw")
    suffix = ".nhdr"
    lazy_slices = True

    def values_file(self, path):
        return path.with_suffix(".raw")
