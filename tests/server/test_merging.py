"""Which part of a long scan is shown first, and which roots hold others."""

from __future__ import annotations

from pathlib import Path

from medvox.server.merging import first_folder, outermost


def test_paths_within_others_and_repeats_are_dropped() -> None:
    paths = [Path(p) for p in ("/a/b", "/a", "/ab", "/a/b/c", "/ab")]
    assert outermost(paths) == [Path("/a"), Path("/ab")]


def test_the_first_folder_with_files_is_found(tmp_path: Path) -> None:
    for name in ("b/IM1", "a/deep/IM1", "a/deep/more/IM2", "readme"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert first_folder([tmp_path]) == tmp_path / "a" / "deep"
    assert first_folder([tmp_path / "b"]) is None
    assert first_folder([tmp_path / "b" / "IM1"]) is None
    assert first_folder([tmp_path / "b" / "IM1", tmp_path]) == tmp_path / "b" / "IM1"
    assert first_folder([]) is None


def test_a_large_folder_is_not_scanned_twice(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for n in range(2001):
        (tmp_path / "many" / str(n)).touch()
    assert first_folder([tmp_path]) is None
