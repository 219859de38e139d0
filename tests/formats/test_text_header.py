"""Headers that name their data file: cases that fuzzing found."""

from __future__ import annotations

from pathlib import Path

import pytest

from medvox.core.errors import FormatError
from medvox.formats.metaimage import MetaImageFormat
from medvox.formats.nrrd import NrrdFormat
from medvox.formats.text_header import file_beside

META = "NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = {}\n"
NRRD = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: {}\n"
NAMES = {"too long": "x" * 300, "deep": "d/" * 3000 + "x", "zero byte": "a\0b"}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_that_no_file_can_have_is_an_error_of_ours(name: str, tmp_path: Path):
    with pytest.raises(FormatError, match="no usable data file"):
        file_beside(tmp_path / "a.mhd", name)
    for form, suffix, text in ((MetaImageFormat(), ".mhd", META), (NrrdFormat(), ".nhdr", NRRD)):
        path = tmp_path / f"a{suffix}"
        path.write_text(text.format(name))
        with pytest.raises(FormatError):
            form.images(path)
