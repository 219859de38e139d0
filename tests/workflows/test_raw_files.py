"""Raw files through the commands: proposals with a picture, descriptions, and --raw."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import medvox as mv
from medvox.cli.main import app
from medvox.core.errors import FormatError, UsageError
from medvox.workflows import raw_files

VALUES = (
    np.hypot(*np.ogrid[-1:1:64j, -1:1:80j])[None] * np.linspace(1000, 900, 12)[:, None, None]
    + np.random.default_rng(0).normal(0, 5, (12, 64, 80))
).astype("<i2")
WORDS = "columns=80 rows=64 slices=12 type=int16 order=little offset=100"


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "x.raw").write_bytes(bytes(100) + VALUES.tobytes())
    return tmp_path / "x.raw"


def run(*words, expect=0):
    done = CliRunner().invoke(app, [str(word) for word in words])
    if expect == 0 and done.exception:
        raise done.exception
    assert done.exit_code == expect
    return done.stdout


def test_propose_draws_each_proposal(raw, tmp_path):
    import imagecodecs

    (first, *_) = json.loads(run("raw", "propose", raw, "--json", "--sheet", tmp_path / "sheet.png"))
    assert first["raw"] == WORDS
    sheet = imagecodecs.png_decode((tmp_path / "sheet.png").read_bytes())
    tile = sheet[: raw_files.TILE, : raw_files.TILE]
    drawn = tile[tile.any(axis=1)]
    assert drawn.shape[0] == raw_files.TILE * 64 // 80  # as wide as the tile, right in proportion
    assert abs(int(drawn[len(drawn) // 2, 160]) - int(drawn[2, 2])) > 150  # dark middle, bright corner
    assert sheet[raw_files.TILE :].any()  # the words under it


def test_describe_makes_the_file_known(raw):
    run("raw", "describe", raw, *WORDS.split(), "spacing=0.5x0.75x3")
    volume = mv.read(raw)
    assert np.array_equal(volume.data, VALUES)
    assert volume.grid.spacing_mm == (3, 0.75, 0.5)
    (image,) = mv.scan(raw.parent).images()
    assert image.shape == VALUES.shape
    with pytest.raises(UsageError, match="there already"):
        raw_files.describe(raw, WORDS)
    raw_files.describe(raw, WORDS, overwrite=True)
    with pytest.raises(FormatError):
        raw_files.describe(raw, WORDS.replace("slices=12", "slices=13"), overwrite=True)
    assert mv.read(raw).shape == VALUES.shape


def test_every_command_takes_the_description(raw, tmp_path):
    import nibabel

    run("convert", raw, tmp_path / "x.nii.gz", "--raw", WORDS + " spacing=2")
    assert np.array_equal(np.asarray(nibabel.load(tmp_path / "x.nii.gz").dataobj).T.shape, VALUES.shape)
    assert sorted(mv.read(tmp_path / "x.nii.gz").values().ravel()) == sorted(VALUES.ravel())
    assert "k 12 × j 64 × i 80" in run("info", raw, "--raw", WORDS)
    run("render", raw, tmp_path / "x.png", "--raw", WORDS)
    assert (tmp_path / "x.png").stat().st_size > 0


def test_a_raw_file_without_a_description_is_not_guessed(raw):
    found = mv.scan(raw)
    (finding,) = found.all_findings()
    assert "medvox raw propose" in finding.text
    assert "--raw" in finding.text


def test_wrong_words_and_folders(raw):
    with pytest.raises(UsageError):
        mv.scan(raw, raw="columns=80")
    with pytest.raises(UsageError, match="folder"):
        mv.scan(raw.parent, raw=WORDS)
    with pytest.raises(FormatError):
        mv.scan(raw, raw=WORDS.replace("12", "99"))


def test_the_viewer_describes_only_what_was_named(raw, tmp_path):
    mv.write(mv.read(raw, raw=WORDS), tmp_path / "y.nii.gz")
    found = raw_files.scan_described([raw, tmp_path / "y.nii.gz"], WORDS, {raw})
    assert sorted(series.format for series in found.series()) == ["NIfTI", "RAW"]
    assert found.files == 2


def test_the_viewer_scans_the_named_file_under_any_spelling(raw, monkeypatch):
    from medvox.cli.viewer import _scanner
    from medvox.core.progress import silent

    monkeypatch.chdir(raw.parent)
    scanner = _scanner([Path("x.raw")], WORDS)
    assert [image.shape for image in scanner([raw], silent).images()] == [VALUES.shape]
    with pytest.raises(UsageError):
        _scanner([Path("x.raw")], "columns=80")
