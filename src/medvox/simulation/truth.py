"""What is true of the demo patient, as one document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medvox.simulation.mr import UPTAKE, signal_curve
from medvox.simulation.pet import PetScanner
from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.phantom.catalog import label_map, volumes_ml
from medvox.simulation.phantom.lesions import LESIONS
from medvox.simulation.phantom.tissues import TISSUES


def segments_truth(canvas: Canvas, pet: PetScanner) -> list[dict[str, Any]]:
    """Name, code, volume and PET activity of every structure; mixed structures by their main tissue."""
    volumes = volumes_ml(canvas)
    found = []
    for segment in label_map(canvas).segments:
        tissues = [p.tissue for p in canvas.parts if p.structure == segment.name]
        entry: dict[str, Any] = {
            "number": segment.number,
            "name": segment.name,
            "volume_ml": round(volumes[segment.name], 4),
            "tissues": {
                t.name: {"suv": t.suv, "activity_bq_ml": round(t.suv * pet.bq_ml_per_suv, 3), "hu": t.hu}
                for t in tissues
            },
        }
        if segment.kind is not None:
            entry["code"] = {
                "value": segment.kind.value,
                "scheme": segment.kind.scheme,
                "meaning": segment.kind.meaning,
            }
        found.append(entry)
    return found


def lesions_truth(pet: PetScanner) -> list[dict[str, Any]]:
    """Exact centre, size, volume and uptake of the lesions."""
    return [
        {
            "name": lesion.name,
            "center_lps_mm": list(lesion.center_mm),
            "radii_mm": list(lesion.radii_mm),
            "volume_ml": lesion.volume_ml,
            "hu": TISSUES[lesion.tissue].hu + TISSUES[lesion.tissue].contrast_hu,
            "suv": TISSUES[lesion.tissue].suv,
            "activity_bq_ml": TISSUES[lesion.tissue].suv * pet.bq_ml_per_suv,
        }
        for lesion in LESIONS
    ]


def curves_truth(times_s: Sequence[float]) -> dict[str, Any]:
    """Noise-free signal (water fully relaxed = 1) of tissues in the dynamic MR."""
    curves = {name: signal_curve(name, times_s) for name in (*UPTAKE, "fat")}
    return {"times_s": list(times_s), "signal": curves}
