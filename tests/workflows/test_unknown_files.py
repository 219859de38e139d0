"""Files that no format knows, many of them, among files that belong to others."""

from time import perf_counter

import numpy as np

from medvox.core.grid import Grid
from medvox.core.volume import Volume
from medvox.workflows.open_folder import scan
from medvox.workflows.save import write


def test_a_file_that_belongs_to_another_is_not_told_as_unknown(tmp_path):
    write(Volume(np.zeros((2, 3, 4), np.int16), Grid.pixels((2, 3, 4))), tmp_path / "x.mhd")
    (tmp_path / "notes.txt").write_text("hello")
    data = [path for path in tmp_path.iterdir() if path.suffix not in (".mhd", ".txt")]
    assert len(data) == 1
    found = scan(tmp_path)
    assert [f.where for f in found.findings if f.code == "unknown-format"] == ["notes.txt"]
    assert len(list(found.images())) == 1


def test_time_grows_with_the_number_of_unknown_files_not_with_its_square(tmp_path):
    """Each finding was once compared with each file: 8,000 took 64 million comparisons."""
    seconds = []
    for count in (1000, 8000):
        folder = tmp_path / str(count)
        folder.mkdir()
        for n in range(count):
            (folder / f"{n}.txt").write_bytes(b"note")
        start = perf_counter()
        assert len(scan(folder).findings) == count
        seconds.append(perf_counter() - start)
    assert seconds[1] < 24 * max(seconds[0], 0.1)
