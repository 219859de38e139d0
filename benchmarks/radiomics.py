"""Radiomics of one 60^3 region, the features that are defined alike, beside pyradiomics."""

from __future__ import annotations

import logging
from functools import partial

import numpy as np

from benchmarks.harness import Case, Results
from benchmarks.same_features.pyradiomics import SAME
from medvox.measurement.radiomics import Aggregation, Discretization, RadiomicsSettings, radiomics

SIDE = 60
MARGIN = 4
SPACING = (1.5, 0.9, 0.9)
WIDTH = 25.0
FAMILY = {"firstorder": "statistics", "gldm": "ngldm"}
CLASSES = ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")


def _region() -> tuple[np.ndarray, np.ndarray]:
    """A textured lump of 60^3 voxels in a larger image."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(1)
    shape = (SIDE + 2 * MARGIN,) * 3
    values = 400 * gaussian_filter(rng.normal(size=shape), 2) / 0.05 + rng.normal(0, 40, shape)
    mask = np.zeros(shape, bool)
    mask[(slice(MARGIN, -MARGIN),) * 3] = True
    return np.round(values / 8), mask


def _ours(values: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    settings = RadiomicsSettings(
        Discretization(width=WIDTH),
        (Aggregation.VOLUME_AVERAGE,),
        tuple(FAMILY.get(c, c) for c in CLASSES),
    )
    found = radiomics(values, mask, SPACING, settings)
    return {f"{f.family}_{f.name}": f.value for f in found}


def _pyradiomics(values: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    import SimpleITK
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    logging.getLogger("radiomics").setLevel(logging.ERROR)
    image, region = (SimpleITK.GetImageFromArray(a) for a in (values, mask.astype(np.uint8)))
    for made in (image, region):
        made.SetSpacing(SPACING[::-1])
    extractor = RadiomicsFeatureExtractor(binWidth=WIDTH, additionalInfo=False)
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(**{c: list(SAME[c]) for c in CLASSES})
    found = extractor.execute(image, region)
    return {
        f"{FAMILY.get(c, c)}_{SAME[c][name]}": float(found[f"original_{c}_{name}"])
        for c in CLASSES
        for name in SAME[c]
    }


def _equal(results: Results) -> None:
    ours, theirs = results["ours"], results["pyradiomics"]
    assert len(theirs) > 80
    for name, value in theirs.items():
        close = abs(ours[name] - value) <= 1e-6 * max(abs(value), 1e-3)
        assert close, f"{name}: ours {ours[name]}, pyradiomics {value}"


def cases() -> list[Case]:
    """All features that both define alike."""
    import radiomics as pyradiomics

    assert pyradiomics  # imports are not timed
    values, mask = _region()
    return [
        Case(
            f"radiomics {SIDE}^3, {sum(len(SAME[c]) for c in CLASSES)} features",
            partial(_ours, values, mask),
            {"pyradiomics": partial(_pyradiomics, values, mask)},
            {"pyradiomics": 3.0},
            _equal,
        )
    ]
