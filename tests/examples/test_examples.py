"""Every example runs, says something, and leaves the files that it is there to make."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples"
MAKES = {
    "convert_a_folder": ("nifti/*.nii.gz", "nifti/*.json"),
    "pet_mip": ("mip-coronal.png", "mip-sagittal.png"),
    "sample_data": ("demo-patient/patient/ct/*.dcm",),
    "simpleitk_filter": ("smooth.nrrd",),
    "skull_model": ("skull.stl", "skull.json", "skull.png", "skull.gif"),
    "volume_rendering": ("bone-front.png", "bone-oblique.png", "bone-back.png"),
    "window_and_save_a_slice": ("slice.png",),
}


SLOW = pytest.mark.slow


@pytest.fixture(scope="module")
def working_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("examples")


@pytest.fixture
def run(working_folder, monkeypatch, capsys):
    """Runs an example as a script, in a folder that all of them share, and returns what it prints."""
    monkeypatch.chdir(working_folder)
    monkeypatch.syspath_prepend(str(FOLDER))

    def run_example(name: str) -> str:
        monkeypatch.setattr(sys, "argv", [name])
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run_example


def test_every_example_is_listed():
    assert {path.stem for path in FOLDER.glob("*.py")} == {*MAKES, *TELLS}


TELLS = ("measure_segments", "open_a_folder", "straighten_a_tilted_stack", "suv_in_a_label")


@SLOW
@pytest.mark.parametrize("name", sorted(MAKES))
def test_an_example_leaves_its_files(name, run, working_folder):
    assert run(name).strip()
    for pattern in MAKES[name]:
        made = list(working_folder.glob(pattern))
        assert made
        assert all(path.stat().st_size > 100 for path in made)


@SLOW
def test_the_folder_is_told_with_its_modalities_and_a_source(run):
    text = run("open_a_folder")
    assert {"CT", "PT", "MR", "US", "DX"} <= set(text.split())
    assert "HU at L" in text
    assert "ct/CT" in text


@SLOW
def test_segments_have_the_volumes_of_the_phantom(run, working_folder):
    text = run("measure_segments")
    segments = json.loads((working_folder / "demo-patient/truth/truth.json").read_text())["segments"]
    (muscle,) = [segment for segment in segments if segment["name"] == "skeletal muscle"]
    (row,) = [line for line in text.splitlines() if line.startswith(f"Segment {muscle['number']} ")]
    assert float(row.split()[2]) == pytest.approx(muscle["volume_ml"], rel=0.05)
    assert "Dice" in text


@SLOW
def test_the_suv_of_the_liver_is_that_of_the_phantom(run, working_folder):
    (row,) = [line for line in run("suv_in_a_label").splitlines() if line.startswith("liver")]
    segments = json.loads((working_folder / "demo-patient/truth/truth.json").read_text())["segments"]
    (liver,) = [segment for segment in segments if segment["name"] == "liver"]
    assert float(row.split()[1]) == pytest.approx(liver["volume_ml"], rel=0.1)
    assert float(row.split()[2]) == pytest.approx(liver["tissues"]["liver"]["suv"], rel=0.1)


@SLOW
def test_the_copy_of_a_tilted_stack_holds_the_same_at_the_same_place(run, working_folder):
    (row,) = [line for line in run("straighten_a_tilted_stack").splitlines() if line.startswith("stored")]
    stored, copied = (float(word) for word in (row.split()[1], row.split()[4]))
    assert copied == pytest.approx(stored, abs=60)  # HU; the nearest voxel lies up to half a voxel off
    assert (working_folder / "straightened.png").stat().st_size > 100
