"""MetaImage against SimpleITK."""

from medvox.formats.metaimage import MetaImageFormat
from medvox.testing.format_contract import FormatContract


class TestContractPlain(FormatContract):
    form = MetaImageFormat()
    suffix = ".mha"
    lazy_slices = True


class TestContractPacked(FormatContract):
    form = MetaImageFormat(compress=True)
    suffix = ".mha"


class TestContractTwoFiles(FormatContract):
    form = MetaImageFormat()
    suffix = ".mhd"
    lazy_slices = True

    def values_file(self, path):
        return path.with_suffix(".raw")
