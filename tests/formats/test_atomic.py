"""Files appear complete or not at all."""

import os
import stat

import pytest

from medvox.core.errors import UsageError, WriteError
from medvox.formats.atomic import atomic_file


def half_write(path, error):
    with atomic_file(path) as file:
        file.write(b"half")
        raise error


@pytest.mark.parametrize("durable", [False, True])
def test_file_takes_its_name_at_the_end(tmp_path, durable):
    path = tmp_path / "x.nii"
    with atomic_file(path, durable) as file:
        file.write(b"all of it")
        assert not path.exists()
    assert path.read_bytes() == b"all of it"
    assert [p.name for p in tmp_path.iterdir()] == ["x.nii"]


@pytest.mark.parametrize("error", [UsageError("no"), ValueError("no"), KeyboardInterrupt()])
def test_failure_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "x.nii"
    path.write_bytes(b"old")
    with pytest.raises(type(error)):
        half_write(path, error)
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_the_system_says_is_a_write_error(tmp_path):
    with pytest.raises(WriteError, match="No space left"):
        half_write(tmp_path / "x", OSError(28, "No space left on device"))
    assert not list(tmp_path.iterdir())


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(WriteError, match="Make the folder"), atomic_file(tmp_path / "no" / "x"):
        pass


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(WriteError), atomic_file(tmp_path / "x"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_permissions_are_the_usual_ones(tmp_path):
    mask = os.umask(0o027)
    try:
        with atomic_file(tmp_path / "x") as file:
            file.write(b"1")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640
