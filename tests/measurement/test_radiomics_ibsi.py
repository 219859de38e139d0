"""Radiomics against the consensus values of the IBSI 1 digital phantom and pyradiomics' baselines."""

import csv

import numpy as np
import pytest
from benchmarks.same_features.pyradiomics import SAME

import medvox as mv
from data import data_dir
from measurement import ibsi1_reference as ibsi
from medvox.core.errors import GeometryError, LimitError, MissingError, UsageError
from medvox.measurement.radiomics import FAMILIES, Aggregation, Discretization, RadiomicsSettings, radiomics

SPACING = (2.0, 2.0, 2.0)
EXACT = {  # family -> values without aggregation
    "peaks": ibsi.PEAKS,
    "statistics": ibsi.STATISTICS,
    "histogram": ibsi.HISTOGRAM,
    "volume_histogram": ibsi.VOLUME_HISTOGRAM,
}
TEXTURES = {
    "glcm": ibsi.GLCM,
    "glrlm": ibsi.GLRLM,
    "glszm": ibsi.GLSZM,
    "gldzm": ibsi.GLDZM,
    "ngtdm": ibsi.NGTDM,
    "ngldm": ibsi.NGLDM,
}


def phantom():
    values = np.array(ibsi.PHANTOM, np.int16)
    mask = np.ones(values.shape, bool)
    mask[tuple(np.transpose(ibsi.OUTSIDE))] = False
    return values, mask


@pytest.fixture(scope="module")
def features():
    values, mask = phantom()
    settings = RadiomicsSettings(Discretization(), tuple(Aggregation))
    found = radiomics(values, mask, SPACING, settings)
    return {(f.family, f.aggregation, f.name): f.value for f in found}


def to_three_digits(value):
    return float(f"{value:.3g}")


def test_the_typed_phantom_is_the_published_one():
    folder = data_dir("ibsi1_digital_phantom") / "nifti"
    image = mv.read(folder / "image" / "phantom.nii.gz")
    region = mv.read(folder / "mask" / "mask.nii.gz")
    values, mask = phantom()
    assert np.array_equal(image.values(), values)
    assert np.array_equal(region.values() > 0, mask)
    assert image.grid.spacing_mm == pytest.approx(SPACING)


@pytest.mark.parametrize("name", ibsi.MORPHOLOGY)
def test_morphology(features, name):
    value, tolerance = ibsi.MORPHOLOGY[name]
    assert features["morphology", "", name] == pytest.approx(value, abs=tolerance)


@pytest.mark.parametrize(("family", "name"), [(f, n) for f, table in EXACT.items() for n in table])
def test_intensities(features, family, name):
    assert to_three_digits(features[family, "", name]) == EXACT[family][name]


@pytest.mark.parametrize("family", TEXTURES)
def test_textures(features, family):
    table = TEXTURES[family]
    aggregations = ibsi.DIRECTED if family in ("glcm", "glrlm") else ibsi.UNDIRECTED
    for name, values in table.items():
        for aggregation, value in zip(aggregations, values, strict=True):
            found = to_three_digits(features[family, aggregation, name])
            assert found == value, f"{name}, {aggregation}"
    known = {n for f, _, n in features if f == family}
    assert known == set(table)


def test_all_that_is_computed_was_compared(features):
    compared = {("morphology", n) for n in ibsi.MORPHOLOGY}
    compared |= {(f, n) for f, table in (EXACT | TEXTURES).items() for n in table}
    assert {(f, n) for f, _, n in features} == compared
    assert len(compared) == 169


# -- pyradiomics ----------------------------------------------------------------------------------

LOOSE = {"MeshVolume": 0.015, "SurfaceArea": 0.01}
"""Triangles of marching cubes are cut otherwise."""
FAMILY = {"firstorder": "statistics", "gldm": "ngldm", "shape": "morphology"}


def baseline(folder, family, case):
    with (folder / "baseline" / f"baseline_{family}.csv").open() as file:
        rows = {row["featureName"]: row[case] for row in csv.DictReader(file) if case in row}
    return {
        name.rsplit("_", 1)[1]: float(value) for name, value in rows.items() if name.startswith("original_")
    }


@pytest.mark.parametrize("case", ["brain1", "breast1"])
@pytest.mark.parametrize("family", SAME)
def test_pyradiomics_baseline(case, family):
    folder = data_dir("pyradiomics_cases")
    image = mv.read(folder / f"{case}_image.nrrd")
    mask = mv.read(folder / f"{case}_label.nrrd").values() == 1
    aggregation = Aggregation.VOLUME_AVERAGE
    settings = RadiomicsSettings(
        Discretization(width=25), (aggregation,), (FAMILY.get(family, family),), spatial=False
    )
    found = {f.name: f.value for f in radiomics(image.values(), mask, image.grid.spacing_mm, settings)}
    expected = baseline(folder, family, case)
    compared = 0
    for name, ours in SAME[family].items():
        if name in expected:
            assert found[ours] == pytest.approx(expected[name], rel=LOOSE.get(name, 1e-6)), name
            compared += 1
    assert compared >= 3


# -- properties and refusals --------------------------------------------------------------------


def test_a_constant_region_has_defined_features():
    found = radiomics(np.full((5, 5, 5), 3.0), np.ones((5, 5, 5), bool), SPACING)
    values = {(f.family, f.name): f.value for f in found}
    assert values["glcm", "joint_entropy"] == 0
    assert values["statistics", "skewness"] == 0
    assert np.isnan(values["morphology", "morans_i"])


def test_one_voxel():
    mask = np.zeros((5, 5, 5), bool)
    mask[2, 2, 2] = True
    values = {(f.family, f.name): f.value for f in radiomics(np.ones((5, 5, 5)), mask, SPACING)}
    assert values["morphology", "volume_voxels_mm3"] == 8
    assert np.isnan(values["glcm", "contrast"])
    assert values["glszm", "zone_percentage"] == 1


def test_autocorrelation_is_that_of_all_pairs():
    from medvox.measurement.radiomics.morphology import autocorrelation

    rng = np.random.default_rng(4)
    values, mask = rng.normal(size=(4, 5, 6)), rng.random((4, 5, 6)) < 0.6
    spacing = (2.0, 1.0, 0.5)
    x, points = values[mask], np.argwhere(mask) * spacing
    far = np.linalg.norm(points[:, None] - points, axis=-1)
    np.fill_diagonal(far, np.inf)
    w, d, n = 1 / far, x - x.mean(), len(x)
    moran = n / w.sum() * (w * np.outer(d, d)).sum() / (d @ d)
    geary = (n - 1) / (2 * w.sum()) * (w * (x[:, None] - x) ** 2).sum() / (d @ d)
    assert autocorrelation(values, mask, spacing) == pytest.approx((moran, geary))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("empty", MissingError),
        ("nan", GeometryError),
        ("shape", GeometryError),
        ("levels", LimitError),
        ("family", UsageError),
    ],
)
def test_bad_input_is_refused(change, error):
    values, mask = np.random.default_rng(0).normal(0, 1e6, (6, 6, 6)), np.ones((6, 6, 6), bool)
    families, bins = FAMILIES, Discretization(count=8)
    if change == "empty":
        mask[:] = False
    elif change == "nan":
        values[1, 2, 3] = np.nan
    elif change == "shape":
        mask = mask[1:]
    elif change == "levels":
        bins = Discretization(width=0.01)
    else:
        families = ("nonsense",)
    with pytest.raises(error):
        radiomics(values, mask, SPACING, RadiomicsSettings(bins, families=families))
