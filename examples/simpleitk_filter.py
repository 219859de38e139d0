"""Through a SimpleITK filter and back: the result lies where the scan lies, and knows its source slices."""

import SimpleITK as sitk
from sample_data import scans

import medvox as mv
from medvox.interop import from_simpleitk, labels_from_simpleitk, to_simpleitk

volume = mv.scan(scans()).volume("CT")
image = sitk.Median(to_simpleitk(volume), [1, 1, 1])
smooth = from_simpleitk(image, like=volume)
assert smooth.grid == volume.grid
mv.write(smooth, "smooth.nrrd")
print(smooth, smooth.known_provenance.history)

parts = sitk.RelabelComponent(sitk.ConnectedComponent(image > 250), minimumObjectSize=30)
bones = labels_from_simpleitk(parts)
for segment in bones.segments[:5]:
    print(f"{segment.name}: {bones.volume_ml(segment.number):.1f} ml")
where = smooth.source_of((10, 20, 30))
print("voxel (10, 20, 30) comes from", where.file)
