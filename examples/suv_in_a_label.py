"""Standardized uptake values inside segments: activity over the injected dose per gram of body.

SUVbw = activity concentration · weight / dose left at the start of the scan (Decay Correction START,
PS3.3 C.8.9.1.1.7). The segments lie on the grid of the CT and are brought onto that of the PET.
"""

import json
from datetime import datetime

import pydicom
from sample_data import demo_patient

import medvox as mv
from medvox.processing.resample import resample


def moment(text: str) -> datetime:
    return datetime.strptime(text[:14] + "Z", "%Y%m%d%H%M%S%z")


folder = demo_patient()
image = mv.scan(folder / "patient").image("PET")
pet = image.volume()

header = pydicom.dcmread(image.instances[0].file, stop_before_pixels=True)
assert (header.Units, header.DecayCorrection) == ("BQML", "START")
drug = header.RadiopharmaceuticalInformationSequence[0]
injected = moment(drug.RadiopharmaceuticalStartDateTime)
started = moment(header.SeriesDate + header.SeriesTime)
left = drug.RadionuclideTotalDose * 0.5 ** ((started - injected).total_seconds() / drug.RadionuclideHalfLife)
suv = pet.values() * float(header.PatientWeight) * 1000 / left

labels = resample(mv.read(folder / "truth" / "pet_ct_labels.nii.gz"), pet.grid, "nearest").values()
segments = json.loads((folder / "truth" / "truth.json").read_text())["segments"]
numbers = {segment["name"]: segment["number"] for segment in segments}
print(f"{'segment':22}{'ml':>8}{'mean':>8}{'max':>8}")
for name in ("liver", "cerebral cortex", "heart muscle", "lung nodule"):
    inside = labels == numbers[name]
    ml = inside.sum(axis=(1, 2)) @ pet.grid.voxel_volumes_mm3 / 1000
    print(f"{name:22}{ml:8.0f}{suv[inside].mean():8.2f}{suv[inside].max():8.2f}")
