"""Movie files beside other readers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medvox.core.errors import UsageError
from medvox.rendering.picture import Picture
from medvox.workflows.movies import write_movie


def frames(count: int = 6) -> list[Picture]:
    made = []
    for n in range(count):
        pixels = np.zeros((48, 65, 3), np.uint8)
        pixels[:, 10 * n : 10 * n + 10, n % 3] = 255
        made.append(Picture(pixels))
    return made


def test_a_gif_has_its_frames(tmp_path: Path):
    from PIL import Image

    assert write_movie(frames(), tmp_path / "x.gif", 10) == 6
    with Image.open(tmp_path / "x.gif") as found:
        assert found.n_frames == 6
        assert found.info["duration"] == 100
        found.seek(4)
        assert found.convert("RGB").getpixel((45, 20)) == (0, 255, 0)


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_video_plays(tmp_path: Path, ending: str):
    av = pytest.importorskip("av")
    assert write_movie(frames(), tmp_path / f"x{ending}", 10) == 6
    with av.open(str(tmp_path / f"x{ending}")) as found:
        pictures = [f.to_ndarray(format="rgb24") for f in found.decode(video=0)]
        assert float(found.streams.video[0].average_rate) == pytest.approx(10)
    assert len(pictures) == 6
    assert pictures[0].shape == (48, 64, 3)
    assert pictures[3][20, 35].argmax() == 0
    assert [p.name for p in tmp_path.iterdir()] == [f"x{ending}"]


def test_what_is_no_movie_is_refused(tmp_path: Path):
    with pytest.raises(UsageError):
        write_movie(frames(), tmp_path / "x.avi")
    with pytest.raises(UsageError):
        write_movie([], tmp_path / "x.gif")
