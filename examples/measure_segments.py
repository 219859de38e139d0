"""Sizes of segments with what sampling on voxels makes uncertain, and how two segmentations agree."""

from sample_data import demo_patient

from medvox.core.labels import LabelMap
from medvox.measurement.overlap import compare
from medvox.measurement.size.mask import measure_mask
from medvox.workflows.labels import read_labels

labels: LabelMap = read_labels(demo_patient() / "truth" / "pet_ct_labels.nii.gz")
print(f"{'segment':14}{'volume':>22}{'longest diameter':>24}{'surface area':>24}")
for segment in labels.segments[:8]:
    size = measure_mask(labels.mask(segment.name), labels.grid, segment.name)
    columns = (size["volume"], size["longest_diameter"], size["surface_area"])
    print(f"{segment.name:14}{columns[0]!s:>22}{columns[1]!s:>24}{columns[2]!s:>24}")
    assert all(column.discretization_95 > 0 for column in columns)

first = labels.mask(labels.segments[0].name)
moved = first.copy()
moved[:, 1:] = first[:, :-1]
agreement = compare(first, moved, labels.grid, tolerance_mm=1.0)
print(f"one row off: Dice {agreement.dice:.3f}, HD95 {agreement.hd95_mm:.2f} mm, NSD {agreement.nsd:.3f}")
assert 0.5 < agreement.dice < 1
