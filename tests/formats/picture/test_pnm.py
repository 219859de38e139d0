"""Cases of PNM that fuzzing found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medvox.core.errors import TruncatedError
from medvox.formats.picture import PnmFormat


def test_many_blanks_without_a_number_are_refused(tmp_path: Path):
    """They were tried in every grouping, which took for ever."""
    path = tmp_path / "x.pgm"
    path.write_bytes(b"P5\n" + b" " * 2000 + b"# no number")
    with pytest.raises(TruncatedError):
        PnmFormat().images(path)


def test_many_blanks_and_comments_before_numbers_are_passed_over(tmp_path: Path):
    path = tmp_path / "x.pgm"
    path.write_bytes(b"P5\n" + b" \t" * 200 + b"# one\n#two\r\n 2" + b"\n" * 50 + b"#three\n1 255\n\x07\x09")
    (image,) = PnmFormat().images(path)
    assert np.asarray(image.open().data).ravel().tolist() == [7, 9]
