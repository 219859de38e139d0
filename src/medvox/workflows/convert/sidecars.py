"""Files beside an image: NAME.json for analysis, NAME.slices.csv with the source of each slice."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medvox.core.study import Image, Series
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_file
from medvox.workflows import names
from medvox.workflows.convert.options import ConvertOptions
from medvox.workflows.convert.target import Task
from medvox.workflows.sidecar import bval_bvec, sidecar_fields

_OF_SLICES = ("SliceTiming", "SliceEncodingDirection")
"""Keys that say nothing once slices are interpolated."""
_FREE_TEXTS = frozenset({"SeriesDescription", "ProtocolName", "ContrastBolusAgent", "TracerName"})


def write_sidecars(
    task: Task, volume: Volume, losses: Sequence[str], options: ConvertOptions, base: Path
) -> list[Path]:
    """Write what belongs beside an image.

    Parameters
    ----------
    volume
        As it was written, in its order of voxels.
    losses
        What the format could not hold.
    base
        Path of the files without suffix.

    Returns
    -------
    list of Path
        The JSON file first.
    """
    facts = sidecar(task.series, task.image, volume, losses, options.keep_identity) | dict(task.extra)
    if not options.keep_identity:
        for key in _FREE_TEXTS & facts.keys():
            facts[key] = names.without_patient(str(facts[key]), task.study.patient)
    written = [_write_text(base, ".json", json.dumps(facts, indent=2, ensure_ascii=False) + "\n")]
    table = source_table(volume, options.keep_identity) if options.sources else ""
    if table:
        written.append(_write_text(base, ".slices.csv", table))
    return written


def write_gradients(task: Task, volume: Volume, base: Path) -> list[Path]:
    """Write NAME.bval and NAME.bvec of a diffusion image, as FSL reads them; none for others."""
    texts = bval_bvec(task.series, task.image, volume.grid)
    if texts is None:
        return []
    return [_write_text(base, suffix, text) for suffix, text in zip((".bval", ".bvec"), texts, strict=True)]


def _write_text(base: Path, suffix: str, text: str) -> Path:
    path = base.with_name(base.name + suffix)
    with atomic_file(path) as file:
        file.write(text.encode())
    return path


def sidecar(
    series: Series, image: Image, volume: Volume, losses: Sequence[str], keep_identity: bool
) -> dict[str, Any]:
    """Return what analysis needs of the header, with dcm2niix's keys and units, and how it was converted."""
    import medvox

    found = sidecar_fields(series, image, volume.grid, keep_identity=keep_identity)
    if "resample" in volume.known_provenance.history:
        for key in _OF_SLICES:
            found.pop(key, None)
    found["ConversionSoftware"] = "medvox"
    found["ConversionSoftwareVersion"] = medvox.__version__
    grid = volume.grid
    found["medvox"] = {
        "axes": list(volume.axes),
        "shape": list(volume.shape),
        "coordinates": {name: list(values) for name, values in volume.coordinates.items()},
        "unit": volume.unit,
        "meaning": volume.meaning,
        "affine_kji_to_lps_mm": grid.affine.tolist(),
        "slice_origins_mm": None if grid.slice_origins_mm is None else grid.slice_origins_mm.tolist(),
        "space": str(grid.space),
        "history": list(volume.known_provenance.history),
        "findings": [
            {"code": f.code, "level": str(f.level), "text": f.text, "reference": f.reference}
            for f in image.findings
        ],
        "lost_in_this_format": list(losses),
    }
    return found


def source_table(volume: Volume, keep_identity: bool) -> str:
    """Slice-to-source table as CSV; empty where sources are not known. Slices count as stored.

    Without identity the SOP Instance UID is given as a SHA-256 digest: whoever has the originals can
    look it up, nobody else can.
    """
    lineage = (volume.known_provenance, *volume.known_provenance.ancestors())
    known = next((p for p in lineage if p.sources), None)
    if known is None:
        return ""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    identity = ("sop_instance_uid", "file") if keep_identity else ("sop_instance_uid_sha256",)
    writer.writerow(("volume", "slice", *identity, "frame", "tile", "slope", "intercept", "time_s"))
    slices = known.grid.shape[0]
    for number, source in enumerate(known.sources):
        uid = source.sop_instance_uid or ""
        who = (
            (uid, source.file)
            if keep_identity
            else (hashlib.sha256(uid.encode()).hexdigest() if uid else "",)
        )
        tile = "" if source.tile is None else f"{source.tile[0]},{source.tile[1]}"
        time = "" if source.time_s is None else f"{source.time_s:g}"
        writer.writerow(
            (*divmod(number, slices), *who, source.frame, tile, source.slope, source.intercept, time)
        )
    return out.getvalue()
