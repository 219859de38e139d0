from __future__ import annotations

import numpy as np
import pytest
import xarray

from medvox.core.errors import GeometryError
from medvox.interop import from_xarray, to_xarray
from medvox.testing.volumes import sample_volumes

SAMPLES = sample_volumes()


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_every_kind_of_volume_comes_back(name):
    volume = SAMPLES[name]
    back = from_xarray(to_xarray(volume))
    assert back.axes == volume.axes
    assert back.coordinates == volume.coordinates
    assert back.unit == volume.unit
    assert back.grid.is_close(volume.grid, 0.0)
    assert back.grid.space == volume.grid.space
    assert np.array_equal(back.values(), volume.values())


def test_axes_are_named_and_memory_is_shared():
    volume = SAMPLES["time"]
    array = to_xarray(volume)
    assert array.dims == ("time", "k", "j", "i")
    assert np.array_equal(array.sel(time=3.5), volume.at(time=1).values())
    assert np.shares_memory(array.values, volume.data)
    assert np.shares_memory(from_xarray(array).data, volume.data)


def test_results_without_a_place_take_that_of_the_volume_or_are_refused():
    volume = SAMPLES["time"]
    mean = xarray.DataArray(to_xarray(volume).mean("time").values, dims=("k", "j", "i"))
    assert from_xarray(mean, like=volume).grid == volume.grid
    with pytest.raises(GeometryError, match="affine_kji_to_lps_mm"):
        from_xarray(mean)
