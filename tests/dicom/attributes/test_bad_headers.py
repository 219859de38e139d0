"""Headers with any bytes changed: the record is read, or one of our errors is raised; nothing else."""

import io
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom.attributes.test_pet import pet_slices
from dicom.attributes.test_timing import ge_series, siemens_slice
from medvox.core.errors import MedvoxError
from medvox.testing import dicom_builder as build
from medvox.workflows.open_folder import scan
from medvox.workflows.sidecar import bval_bvec, sidecar_fields
from workflows.diffusion_series import series


def enhanced():
    world = build.dataset(RealWorldValueSlope=2.0, RealWorldValueIntercept=1.0)
    frames = [
        {
            "MRDiffusionSequence": build.dataset(
                DiffusionBValue=1000.0, DiffusionDirectionality="DIRECTIONAL"
            ),
            "FrameContentSequence": build.dataset(FrameAcquisitionDateTime=f"2026010112000{n}"),
            "RealWorldValueMappingSequence": world,
        }
        for n in range(2)
    ]
    pixels = np.zeros((2, 3, 4), np.uint16)
    return build.enhanced(pixels, [(0, 0, 0), (0, 0, 3)], per_frame=frames, Manufacturer="SIEMENS")


SEEDS = {
    "siemens": siemens_slice,
    "ge": lambda: ge_series()[0],
    "pet": lambda: pet_slices({"RadiopharmaceuticalStartTime": "110000"})[0],
    "enhanced": enhanced,
    "canon": lambda: series("CANON_MEC", count=1)[3],
    "uih": lambda: series("UIH", count=1)[3],
}


def content(data):
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.mark.parametrize("name", SEEDS)
def test_any_bytes_give_a_record_or_our_error(name):
    whole = content(SEEDS[name]())

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(st.integers(140, len(whole) - 1), st.integers(0, 255)), max_size=12))
    def try_one(changes):
        broken = bytearray(whole)
        for place, value in changes:
            broken[place] = value
        with TemporaryDirectory() as folder:
            Path(folder, "a.dcm").write_bytes(broken)
            for one in scan(folder).series():
                for image in one.images:
                    use(one, image)

    try_one()


def use(one, image):
    try:
        image.acquisition()
        sidecar_fields(one, image)
        bval_bvec(one, image)
    except MedvoxError:
        pass
