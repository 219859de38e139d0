"""Data sets for the tests of the archive, encoded as they come over a network."""

import numpy as np
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from medvox.testing.dicom_builder import instance

EXPLICIT = "1.2.840.10008.1.2.1"


def bare(data: Dataset, *, implicit: bool = False) -> bytes:
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = implicit, True
    write_dataset(out, data)
    return out.getvalue()


def sent(number: int = 1, *, series: str = "series", study: str = "study", size: int = 8, **more) -> Dataset:
    pixels = np.full((size, size), number % 30000, np.int16)
    return instance(pixels, InstanceNumber=number, series=series, study=study, **more)
