"""What is in a folder: studies, series, images, and what is odd about them."""

from sample_data import scans

import medvox as mv

scan = mv.scan(scans())  # headers only
for study in scan.studies:
    print(f"{study.date} {study.description}")
    for series in study.series:
        for image in series.images:
            sizes = " × ".join(map(str, image.shape))
            print(f"  {series.modality:3} {image.label:40} {sizes:20} {image.kind}")
for finding in scan.all_findings():
    print(f"{finding.level}: {finding.where}: {finding.text}")

volume = scan.volume("CT")  # lazy: no value has been read yet
k, j, i = (n // 2 for n in volume.grid.shape)
x, y, z = volume.grid.to_patient((k, j, i))
value = volume.slice_values(k)[j, i]  # reads one slice
source = volume.source_of((k, j, i))
print(f"{value} {volume.unit} at L {x:.1f} P {y:.1f} S {z:.1f} mm, from {source.file}")
