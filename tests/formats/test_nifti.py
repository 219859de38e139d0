"""NIfTI against nibabel and SimpleITK."""

from medvox.formats.nifti import NiftiFormat
from medvox.testing.format_contract import FormatContract


class TestContractPlain(FormatContract):
    form = NiftiFormat()
    suffix = ".nii"
    lazy_slices = True


class TestContractGzip(FormatContract):
    form = NiftiFormat()
    suffix = ".nii.gz"
