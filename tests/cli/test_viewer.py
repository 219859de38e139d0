"""What `medvox open` makes of its options."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medvox.cli import viewer
from medvox.core.errors import UsageError
from medvox.core.progress import silent


def test_a_stack_of_pictures_gets_its_spacing(tmp_path):
    for number in range(3):
        Image.fromarray(np.full((8, 9), number * 40, np.uint8)).save(tmp_path / f"slice{number:02d}.png")
    scanner = viewer._scanner_of([tmp_path], (2.5, 0.5, 0.25), None)
    (image,) = scanner([Path(tmp_path)], silent).images()
    np.testing.assert_allclose(image.grid.spacing_mm, (2.5, 0.5, 0.25))


def test_raw_values_say_their_spacing_themselves(tmp_path):
    with pytest.raises(UsageError, match="spacing"):
        viewer._scanner_of([tmp_path], (1, 1, 1), "columns=1 rows=1 slices=1 type=uint8")


def test_the_usual_scan_without_options(tmp_path):
    assert viewer._scanner_of([tmp_path], None, None) is None
