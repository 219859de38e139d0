"""Commands made of steps: help, options, files, reports."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import medvox as mv
from architecture.source import ROOT
from medvox.cli import steps
from medvox.cli.main import app
from medvox.core.errors import MissingError, UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.steps import Step, family, step
from medvox.core.volume import Volume
from medvox.workflows.labels import read_labels, write_labels

GRID = Grid((4, 5, 6), np.diag([3.0, 2.0, 1.0, 1.0])[[2, 1, 0, 3]])


@pytest.fixture
def ramp(tmp_path):
    path = tmp_path / "ramp.nii.gz"
    mv.write(Volume(np.arange(120, dtype=np.int16).reshape(4, 5, 6), GRID), path)
    return path


def run(*words):
    return CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)


def test_help_lists_every_method_and_names_options_units_and_limits():
    text = run("segment", "--help").output
    assert all(one.name in text for one in family("segment"))
    text = run("segment", "otsu", "--help").output
    assert "--classes" in text
    assert "2<=x<=5" in text


def test_a_step_writes_its_result_and_reports_voxels_and_volume(ramp, tmp_path):
    done = run("segment", "threshold", ramp, tmp_path / "x.nii.gz", "--lower", "100", "--json")
    report = json.loads(done.output)
    assert report["step"] == "segment threshold"
    assert report["results"]["result"][0] | {"name": ""} == {
        "number": 1, "name": "", "voxels": 20, "volume_ml": pytest.approx(0.12)
    }  # fmt: skip
    assert read_labels(tmp_path / "x.nii.gz").mask(1).sum() == 20


def test_a_mask_file_limits_the_step(ramp, tmp_path):
    data = np.zeros((1, 4, 5, 6), np.uint8)
    data[0, 3, 4] = 1
    write_labels(
        LabelMap(data, read_labels(ramp_labels(tmp_path)).grid, (Segment(1, "row"),)), tmp_path / "m.mha"
    )
    done = run(
        "segment",
        "threshold",
        ramp,
        tmp_path / "x.nrrd",
        "--lower",
        100,
        "--mask",
        tmp_path / "m.mha",
        "--json",
    )
    assert json.loads(done.output)["results"]["result"][0]["voxels"] == 6


def ramp_labels(folder):
    path = folder / "ramp_labels.nii.gz"
    mv.write(Volume(np.ones((4, 5, 6), np.uint8), GRID), path)
    return path


def test_the_command_line_that_a_step_says_is_one_that_runs(ramp, tmp_path):
    found = next(one for one in family("segment") if one.name == "hysteresis")
    line = found.command_line((str(ramp), str(tmp_path / "x.nii")), {"low": 3, "high": 7, "mode": "2D"})
    import shlex

    assert run(*shlex.split(line)[1:]).exit_code == 0
    assert (tmp_path / "x.nii").exists()


def test_values_that_do_not_fit_are_usage_errors(ramp, tmp_path):
    assert run("segment", "otsu", ramp, tmp_path / "x.nii", "--classes", 9).exit_code == 2
    with pytest.raises(UsageError, match="3D"):
        run("segment", "hysteresis", ramp, tmp_path / "x.nii", "--low", 1, "--high", 2, "--mode", "4D")
    with pytest.raises(MissingError):
        run("segment", "otsu", tmp_path / "none.nii", tmp_path / "x.nii")


def shift(
    volume: Volume,
    *,
    by: tuple[int, int, int] = (1, 2, 3),
    seeds: tuple[tuple[float, float, float], ...] = (),
) -> Volume:
    """Say what came in."""
    return Volume(np.full(volume.shape, sum(by) + sum(map(sum, seeds)), np.int16), volume.grid)


def mean(volume: Volume, *, strict: bool = False) -> float:
    """Mean value.

    Parameters
    ----------
    strict
        Or not.
    """
    return float(volume.values().mean())


def test_tuples_points_and_results_without_a_file(ramp, tmp_path):
    step("shift", family="trial-cli")(shift)
    step("mean", family="trial-cli")(mean)
    trial = typer.Typer()
    trial.add_typer(steps.words("trial-cli", "Trial."))
    trial.callback()(lambda: None)
    words = ["trial-cli", "shift", str(ramp), str(tmp_path / "x.nii")]
    assert CliRunner().invoke(trial, words, catch_exceptions=False).exit_code == 0
    assert mv.read(tmp_path / "x.nii").values().max() == 6
    more = [*words, "--by", "1,1,1", "--seeds", "1,2,3", "--seeds", "4,5,6"]
    assert CliRunner().invoke(trial, more, catch_exceptions=False).exit_code == 0
    assert mv.read(tmp_path / "x.nii").values().max() == 24
    done = CliRunner().invoke(trial, ["trial-cli", "mean", str(ramp), "--strict"], catch_exceptions=False)
    assert "result: 59.5" in done.output


def test_an_option_may_not_take_a_name_of_the_command_itself():
    def bad(volume: Volume, *, target: str = "") -> Volume:
        """Do nothing."""
        return volume

    with pytest.raises(UsageError, match="target"):
        steps.command(Step.of("bad", "trial", bad))


def test_the_steps_are_imported_only_when_their_word_is_used():
    ask = (
        "import sys; from medvox.cli.main import main\n"
        "sys.argv = ['medvox', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([n for n in sys.modules if n.startswith('medvox.segmentation')], 'numba' in sys.modules)"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.splitlines()[-1] == "[] False"


def test_files_that_hold_no_labels_are_refused(tmp_path):
    path = tmp_path / "x.nii.gz"
    mv.write(Volume(np.full((2, 3, 4), 0.5, np.float32), Grid((2, 3, 4), np.eye(4))), path)
    with pytest.raises(UsageError, match="fractions"):
        read_labels(path)
    mv.write(Volume(np.full((2, 3, 4), -1, np.int16), Grid((2, 3, 4), np.eye(4))), path)
    with pytest.raises(UsageError, match="negative"):
        read_labels(path)
    mv.write(Volume(np.arange(6000, dtype=np.int16).reshape(10, 20, 30), Grid((10, 20, 30), np.eye(4))), path)
    with pytest.raises(UsageError, match="too many"):
        read_labels(path)
