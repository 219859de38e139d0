"""`medvox surface` and `medvox render` of models, on files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

import medvox as mv
from data import data_dir
from medvox.core.grid import Grid
from medvox.core.volume import Volume


def run(*words: object) -> subprocess.CompletedProcess[str]:
    code = "from medvox.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def label_file(tmp_path: Path) -> Path:
    k, j, i = np.indices((24, 24, 24))
    data = np.where((k - 12) ** 2 + (j - 12) ** 2 + (i - 12) ** 2 <= 81, 1 + (i > 12), 0).astype(np.uint8)
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1]
    mv.write(Volume(data, Grid(data.shape, matrix)), tmp_path / "labels.nii.gz")
    return tmp_path / "labels.nii.gz"


def test_labels_become_models_with_a_report(label_file: Path):
    target, report = label_file.with_name("model.3mf"), label_file.with_name("r.json")
    found = run("surface", label_file, target, "--labels", "all", "--report", report)
    assert found.returncode == 0, found.stderr
    told = json.loads(report.read_text())["models"]
    data = np.asarray(mv.read(label_file).data)
    assert [m["voxels"] for m in told] == [int((data == n).sum()) for n in (1, 2)]
    assert all(abs(m["volume_error_percent"]) < 1 and m["is_closed"] for m in told)
    assert len(trimesh.load_scene(target).geometry) == 2
    each = run("surface", label_file, label_file.with_name("{name}.stl"), "--labels", "1,2")
    assert each.returncode == 0, each.stderr
    assert label_file.with_name("label_2.stl").is_file()


def test_models_and_turntables_are_rendered(label_file: Path):
    model, movie = label_file.with_name("m.ply"), label_file.with_name("m.gif")
    assert run("surface", label_file, model, "--labels", "all").returncode == 0
    picture = label_file.with_name("m.png")
    found = run("render", model, picture, "--size", "80", "60", "--clip", "1,0,0,5")
    assert found.returncode == 0, found.stderr
    assert picture.stat().st_size > 500
    found = run("render", model, movie, "--size", "40", "40", "--frames", "3")
    assert found.returncode == 0, found.stderr
    assert "3 frames" in found.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("x.stl",), ("x.docx", "--level", "1"), ("x.stl", "--level", "1", "--labels", "all"),
        ("x.stl", "--level", "99"), ("x.stl", "--level", "1", "--keep", "all"), ("x.stl", "--labels", "7"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(label_file: Path, words: tuple[str, ...]):
    found = run("surface", label_file, label_file.with_name(words[0]), *words[1:])
    assert found.returncode in (1, 2)
    assert "error" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.slow
def test_the_skull_of_a_tilted_uneven_stack(tmp_path: Path):
    source = data_dir("ct_head_ge_tilt") / "In"
    target, report = tmp_path / "skull.stl", tmp_path / "r.json"
    found = run("surface", source, target, "--level", "300", "--smallest", "30", "--report", report)
    assert found.returncode == 0, found.stderr
    model = json.loads(report.read_text())["models"][0]
    mesh = trimesh.load(target)
    assert mesh.is_watertight
    volume = max(mv.scan(source).images(), key=lambda i: i.grid.shape[0]).volume()
    truth = float((volume.values() >= 300).sum(axis=(1, 2)) @ volume.grid.voxel_volumes_mm3)
    assert mesh.volume == pytest.approx(truth, rel=0.01)
    assert model["voxel_volume_mm3"] == pytest.approx(truth)
    assert "tilted" in model["truth"]
    assert "uneven" in model["truth"]
