"""Every image of a folder to NIfTI, named by the series, with a sidecar that tells nobody's name."""

from sample_data import scans

import medvox as mv
from medvox.workflows.convert import ConvertOptions

report = mv.convert(scans(), "nifti", ConvertOptions(to="nifti", template="%s_%d"))
for one in report.converted:
    print(one.label, "->", ", ".join(path.name for path in one.files))
    for loss in one.losses:
        print("   ", loss)
for skipped in report.skipped:
    print("not converted:", skipped.label, skipped.reason)
