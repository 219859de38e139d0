"""The demo patient as a folder of DICOM files, made here, with the truth beside it on request."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medvox.core.errors import UsageError, WriteError
from medvox.core.labels import LabelMap
from medvox.core.progress import Progress, silent
from medvox.core.settings import current
from medvox.core.volume import Volume
from medvox.dicom.writing.series import write_series
from medvox.simulation.anatomy import paint_patient
from medvox.simulation.ct import simulate_ct
from medvox.simulation.mr import T1_WEIGHTED, T2_WEIGHTED, simulate_dynamic, simulate_mr
from medvox.simulation.pet import simulate_pet
from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.phantom.catalog import label_map
from medvox.simulation.sampling import moved, to_sagittal
from medvox.simulation.truth import curves_truth, lesions_truth, segments_truth
from medvox.simulation.ultrasound import simulate_ultrasound
from medvox.simulation.xray import simulate_xray
from medvox.workflows.demo import series
from medvox.workflows.demo.real import write_real
from medvox.workflows.demo.series import DemoPlan

DEMO_VERSION = "1"
"""Goes up when the demo's content changes, so that cached copies are made anew."""

README = """# Demo patient

Everything in `patient/` is SIMULATED by medvox: no person was ever scanned. One PET/CT, one MR examination
(head T1 and T2, dynamic liver), a chest radiograph and an ultrasound cine of the same made-up patient.
The MR examinations have frames of reference of their own: the patient lay differently there.
`real/` holds small real images that the Python package pydicom ships; see `real/SOURCES.md`.
Not for diagnosis.
"""


def write_demo(
    folder: Path, labelled: bool = False, progress: Progress = silent, plan: DemoPlan | None = None
) -> Path:
    """Write the demo patient.

    Parameters
    ----------
    folder
        Must not be there yet, or be empty.
    labelled
        Also write the truth: ``truth/*.nii.gz`` (segments) and ``truth/truth.json`` (names, codes,
        volumes, lesions, activities, curves, motions between examinations).
    plan
        Sizes; by default those of the demo.

    Returns
    -------
    Path
        The folder, complete.

    Raises
    ------
    UsageError
        If the folder holds something.
    WriteError
        If the system refuses; nothing half written is left.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("the folder is not empty", where=folder, advice="Name a new folder")
    made: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        _write(made, labelled, progress, plan or DemoPlan())
        made.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        made.rename(folder)
    except OSError as error:
        if isinstance(error, WriteError):
            raise
        raise WriteError("cannot write the demo", where=folder, got=error.strerror) from error
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)
    return folder


def demo_folder(progress: Progress = silent) -> Path:
    """Folder of the demo patient in the user's cache; made when it is not there yet."""
    from platformdirs import user_cache_path

    root = current().data_folder or user_cache_path("medvox", appauthor=False)
    folder = Path(root) / f"demo-{DEMO_VERSION}"
    if folder.is_dir() and any(folder.iterdir()):
        return folder
    try:
        return write_demo(folder, progress=progress)
    except (UsageError, WriteError):
        if folder.is_dir() and any(folder.iterdir()):  # another process was faster
            return folder
        raise


@dataclass(frozen=True, slots=True, eq=False)
class _Stage:
    """Where the parts of the demo go."""

    folder: Path
    truth: Path | None
    progress: Progress

    def label(self, labels: LabelMap, name: str) -> None:
        """Write segments beside the images, if asked for."""
        if self.truth is not None:
            from medvox.workflows.save import write

            self.truth.mkdir(exist_ok=True)
            write(labels, self.truth / f"{name}.nii.gz")


def _write(folder: Path, labelled: bool, progress: Progress, plan: DemoPlan) -> None:
    stage = _Stage(folder / "patient", folder / "truth" if labelled else None, progress)
    (folder / "README.md").write_text(README, encoding="utf-8")
    canvas = _body(stage, plan)
    _head(stage, plan)
    _liver(stage, plan)
    write_real(folder / "real")
    if stage.truth is not None:
        text = json.dumps(truth(canvas, plan), indent=1, allow_nan=False)
        (stage.truth / "truth.json").write_text(text + "\n", encoding="utf-8")


def _body(stage: _Stage, plan: DemoPlan) -> Canvas:
    """Paint the whole body once; CT, PET, radiograph and ultrasound are taken of it."""
    canvas = paint_patient(plan.ct_grid, progress=stage.progress)
    ct = simulate_ct(canvas)
    write_series(ct, stage.folder / "ct", series.ct_facts(), stage.progress)
    radiograph = simulate_xray(ct, plan.bench)
    write_series(radiograph, stage.folder / "dx", series.xray_facts(plan.bench), stage.progress)
    pet = simulate_pet(canvas, plan.pet_grid, plan.pet)
    write_series(pet, stage.folder / "pet", series.pet_facts(plan.pet), stage.progress)
    cine = simulate_ultrasound(canvas, plan.probe)
    write_series(cine, stage.folder / "us", series.ultrasound_facts(plan.probe), stage.progress)
    stage.label(label_map(canvas), "pet_ct_labels")
    return canvas


def _take(stage: _Stage, volume: Volume, examination: str, name: str) -> None:
    placed = moved(volume, series.motion(examination), series.FRAMES[examination])
    write_series(placed, stage.folder / f"mr_{name}", series.mr_facts(name, placed), stage.progress)


def _head(stage: _Stage, plan: DemoPlan) -> None:
    canvas = paint_patient(series.axial_grid(plan.head_mm, series.HEAD_BOX), progress=stage.progress)
    _take(stage, to_sagittal(simulate_mr(canvas, T1_WEIGHTED)), "MR head", "t1")
    thick = series.axial_grid((plan.thick_mm, *plan.head_mm[1:]), series.HEAD_BOX)
    _take(stage, simulate_mr(canvas, T2_WEIGHTED, thick), "MR head", "t2")
    stage.label(_moved_labels(canvas, "MR head"), "mr_head_labels")


def _liver(stage: _Stage, plan: DemoPlan) -> None:
    canvas = paint_patient(series.axial_grid(plan.liver_mm, series.LIVER_BOX), progress=stage.progress)
    _take(stage, simulate_dynamic(canvas, plan.times_s), "MR liver", "dynamic")
    stage.label(_moved_labels(canvas, "MR liver"), "mr_liver_labels")


def _moved_labels(canvas: Canvas, examination: str) -> LabelMap:
    labels = label_map(canvas)
    grid = replace(
        canvas.grid,
        affine=series.motion(examination) @ canvas.grid.affine,
        frame_of_reference=series.FRAMES[examination],
    )
    return LabelMap(labels.data, grid, labels.segments)


def truth(canvas: Canvas, plan: DemoPlan) -> dict[str, Any]:
    """Everything that is known of the demo patient, as plain data for JSON."""
    return {
        "note": "SIMULATED patient; positions in LPS mm of the PET/CT frame of reference",
        "frames_of_reference": series.FRAMES,
        "motions_from_pet_ct": {name: series.motion(name).tolist() for name in ("MR head", "MR liver")},
        "segments": segments_truth(canvas, plan.pet),
        "lesions": lesions_truth(plan.pet),
        "pet": {
            "injected_bq": plan.pet.injected_bq,
            "delay_s": plan.pet.delay_s,
            "half_life_s": plan.pet.half_life_s,
            "weight_kg": plan.pet.weight_kg,
            "bq_ml_per_suv": plan.pet.bq_ml_per_suv,
        },
        "mr_dynamic": curves_truth(plan.times_s),
    }
