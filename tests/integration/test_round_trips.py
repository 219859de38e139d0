"""`medvox convert A B` and back for every writable format there is: nothing is lost that is not told.

The formats are those registered when the test runs, so that a new one is covered without a line here.
"""

import numpy as np
import pytest

from medvox.testing.round_trips import (
    compare,
    travel,
    travelers,
    with_spacing_dropped,
    writable_keys,
)

LOSSY = {"jpeg": 0.1}
"""Greatest part of the range by which values may differ, where a format is lossy by its nature."""
VOLUMES = travelers()


@pytest.mark.parametrize("key", writable_keys())
@pytest.mark.parametrize("name", VOLUMES)
def test_what_changes_is_told(key, name, tmp_path):
    trip = travel(key, VOLUMES[name], tmp_path)
    if trip.refused:
        assert len(trip.refused) > 20  # says why
        return
    assert trip.untold == (), f"changed without a word; reported: {trip.reported}"
    assert trip.error <= LOSSY.get(key, 1e-4)


@pytest.mark.parametrize("key", writable_keys())
def test_every_format_takes_plain_bytes(key, tmp_path):
    """A format that refuses everything would pass the test above."""
    trip = travel(key, VOLUMES["sheared-uint8"], tmp_path)
    if trip.refused:
        trip = travel(key, VOLUMES["rgb"], _new(tmp_path))
    assert not trip.refused
    assert trip.error <= LOSSY.get(key, 1e-4)


def _new(folder):
    (folder / "again").mkdir()
    return folder / "again"


def test_nifti_keeps_all_of_it(tmp_path):
    for name, volume in VOLUMES.items():
        (tmp_path / name).mkdir()
        assert travel("nifti", volume, tmp_path / name).changed == (), name


def test_a_change_without_a_sentence_is_found():
    volume = VOLUMES["anisotropic"]
    careless = with_spacing_dropped(volume)
    assert compare(volume, careless, ["The file does not hold the unit HU."]).untold == ("geometry",)
    assert compare(volume, careless, ["The file does not hold the spacing of the voxels."]).untold == ()


@pytest.mark.parametrize("off", [1, 1000])
def test_one_wrong_value_is_found(off):
    volume = VOLUMES["sheared-int16"]
    wrong = np.array(volume.data)
    wrong[2, 3, 4] += off
    trip = compare(volume, type(volume)(wrong, volume.grid), [])
    assert trip.untold == ("values",)
    assert trip.error == pytest.approx(off / np.ptp(volume.data.astype(float)))


def test_swapped_axes_are_found():
    volume = VOLUMES["anisotropic"]
    mirrored = type(volume)(np.ascontiguousarray(volume.data[:, ::-1]), volume.grid)
    assert compare(volume, mirrored, []).untold == ("values",)
