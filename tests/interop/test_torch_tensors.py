from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medvox.core.errors import DependencyError, GeometryError, UsageError
from medvox.core.volume import Volume
from medvox.interop import PlacedTensor, from_torch, to_nibabel, to_torch
from medvox.testing.strategies import volumes
from medvox.testing.volumes import sample_volumes, uneven_grid

SAMPLES = sample_volumes()
FITTING = sorted(set(SAMPLES) - {"uneven"})


@given(volumes(), st.data())
def test_a_voxel_has_the_same_point_and_value_in_torch(volume, data):
    kji = [data.draw(st.integers(0, n - 1)) for n in volume.grid.shape]
    tensor = to_torch(volume)
    point = (tensor.affine @ torch.tensor([*kji, 1.0], dtype=torch.float64))[:3]
    assert point.tolist() == pytest.approx(volume.grid.to_patient(kji).tolist(), abs=1e-8)
    found = tensor.values[(..., *kji)].numpy()
    assert np.array_equal(found, volume.values()[(..., *kji)])


@pytest.mark.parametrize("name", FITTING)
def test_every_kind_of_volume_comes_back(name):
    volume = SAMPLES[name]
    back = from_torch(to_torch(volume))
    assert back.axes == volume.axes
    assert back.unit == volume.unit
    assert np.array_equal(back.grid.affine, volume.grid.affine)
    assert np.array_equal(back.values(), volume.values())
    assert from_torch(to_torch(volume), like=volume).grid == volume.grid


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32", "float32", "float64"])
def test_memory_is_shared_both_ways(kind):
    volume = SAMPLES[f"axial-{kind}"]
    tensor = to_torch(volume)
    assert tensor.values.dtype == getattr(torch, kind)
    assert np.shares_memory(tensor.values.numpy(), volume.data)
    assert np.shares_memory(from_torch(tensor).data, volume.data)


@pytest.mark.parametrize("kind", ["uint16", "uint32", "uint64"])
def test_unsigned_values_become_signed_ones_that_hold_them(kind):
    data = np.full((1, 2, 3), np.iinfo(kind).max // 2, kind)
    grid = SAMPLES["axial-int16"].crop(np.s_[:1, :2, :3]).grid
    tensor = to_torch(Volume(data, grid))
    assert tensor.values.dtype in (torch.int32, torch.int64)
    assert (tensor.values == np.iinfo(kind).max // 2).all()


def test_values_that_may_not_be_written_to_are_copied():
    data = np.array(SAMPLES["axial-int16"].data)
    data.setflags(write=False)
    volume = Volume(data, SAMPLES["axial-int16"].grid)
    to_torch(volume).values.zero_()
    assert np.array_equal(volume.data, SAMPLES["axial-int16"].data)


def test_flipped_values_are_taken():
    volume = SAMPLES["axial-int16"].crop(np.s_[::-1, :, ::-1])
    assert np.array_equal(to_torch(volume).values.numpy(), volume.values())


def test_a_type_can_be_asked_for_and_what_has_gradients_comes_back():
    tensor = to_torch(SAMPLES["axial-int16"], torch.bfloat16)
    values = tensor.values.clone().requires_grad_()
    back = from_torch(PlacedTensor(values, tensor.affine))
    assert back.dtype == np.float32
    assert tensor.to(torch.float16).values.dtype == torch.float16


@pytest.mark.parametrize("name", ["oblique", "time", "rgb"])
def test_channel_first_ras_is_what_nibabel_says(name):
    volume = SAMPLES[name]
    values, affine = to_torch(volume).channel_first_ras()
    image = to_nibabel(volume)
    truth = np.asarray(image.dataobj).squeeze()
    assert np.array_equal(affine.numpy(), image.affine)
    assert np.array_equal(values.numpy(), np.moveaxis(truth, -1, 0) if truth.ndim == 4 else truth[None])
    assert np.shares_memory(values.numpy(), volume.data)
    back = PlacedTensor.from_channel_first_ras(values, affine, volume.axes)
    assert from_torch(back, like=volume).grid == volume.grid
    assert np.array_equal(from_torch(back).values(), volume.values())
    assert back.axes == volume.axes


def test_what_does_not_fit_is_refused():
    grid = uneven_grid()
    with pytest.raises(GeometryError, match=r"resample\.regular_copy"):
        to_torch(Volume(np.zeros(grid.shape, np.int16), grid))
    with pytest.raises(UsageError, match="more than one axis"):
        to_torch(SAMPLES["rgb-over-time"]).channel_first_ras()
    with pytest.raises(UsageError):
        from_torch(PlacedTensor(torch.zeros(2, 3, 4, 5), torch.eye(4)))


@pytest.mark.parametrize(
    ("library", "function"), [("torch", "to_torch"), ("highdicom", "to_highdicom"), ("xarray", "to_xarray")]
)
def test_a_library_that_is_missing_is_named_with_the_line_to_type(monkeypatch, library, function):
    from medvox import interop

    monkeypatch.setitem(__import__("sys").modules, library, None)
    with pytest.raises(DependencyError, match=rf"pip install .*{library}"):
        getattr(interop, function)(SAMPLES["axial-int16"])
