"""Files under folders and in archives."""

import gzip
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvox.core.errors import CancelledError, MissingError
from medvox.core.settings import using
from medvox.formats.inputs import find_inputs, natural_key


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def names_of(*roots: Path) -> list[str]:
    files, findings = find_inputs(roots)
    assert findings == []
    assert [file.size for file in files] == [file.path.stat().st_size for file in files]
    return [file.name for file in files]


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, mode: str, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def test_natural_order_at_any_depth(tmp_path: Path) -> None:
    write(tmp_path, "im10", "im2", "IM1", "b/9.dcm", "b/10.dcm", "a/c/d/e/1", "a/z")
    assert names_of(tmp_path) == ["a/c/d/e/1", "a/z", "b/9.dcm", "b/10.dcm", "IM1", "im2", "im10"]


def test_very_deep_folders(tmp_path: Path) -> None:
    here, place = os.getcwd(), tmp_path  # noqa: PTH109
    try:
        for _ in range(300):
            os.mkdir("d" if place != tmp_path else tmp_path / "d")  # noqa: PTH102
            place /= "d"
            os.chdir("d" if place.parent != tmp_path else place)
        Path("x").write_bytes(b"x")
    finally:
        os.chdir(here)
    assert names_of(tmp_path) == ["d/" * 300 + "x"]


def test_what_systems_leave_behind_is_skipped(tmp_path: Path) -> None:
    write(tmp_path, "x", ".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX/._x", ".git/config")
    assert names_of(tmp_path) == ["x"]
    assert names_of(tmp_path / ".DS_Store") == [".DS_Store"]


def test_names_of_several_roots(tmp_path: Path) -> None:
    write(tmp_path, "a/1", "b/1", "c")
    assert names_of(tmp_path / "a", tmp_path / "b", tmp_path / "c") == ["a/1", "b/1", "c"]
    assert names_of(tmp_path / "c") == ["c"]
    assert names_of(tmp_path, tmp_path / "c") == [f"{tmp_path.name}/a/1", f"{tmp_path.name}/b/1", "c"]
    with pytest.raises(MissingError):
        find_inputs([tmp_path / "nothing"])


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links(tmp_path: Path) -> None:
    write(tmp_path, "a/1", "2")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "file").symlink_to(tmp_path / "2")
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    files, findings = find_inputs([tmp_path])
    assert [file.name for file in files] == ["2", "a/1", "file"]
    assert [(finding.code, finding.where) for finding in findings] == [
        ("symlink-cycle", "a/up"),
        ("unreadable-file", "gone"),
        ("unreadable-file", "pipe"),
    ]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give up the right to read everything, for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are other on Windows")
def test_no_permission() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, "closed/1", "secret", "x")
        (folder / "closed").chmod(0)
        (folder / "secret").chmod(0)
        folder.chmod(0o755)
        with as_nobody():
            files, findings = find_inputs([folder])
        (folder / "closed").chmod(0o700)
    assert [file.name for file in files] == ["x"]
    assert [(finding.code, finding.where) for finding in findings] == [
        ("unreadable-file", "closed"),
        ("unreadable-file", "secret"),
    ]


def test_limit_on_files_and_stopping(tmp_path: Path) -> None:
    write(tmp_path, *(f"{n}" for n in range(600)))
    with using(max_files=10):
        files, findings = find_inputs([tmp_path])
    assert (len(files), [finding.code for finding in findings]) == (10, ["limit-reached"])

    def stop(done: int, total: int | None, text: str) -> None:
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        find_inputs([tmp_path], stop)


def test_many_files(tmp_path: Path) -> None:
    for folder in range(20):
        write(tmp_path, *(f"{folder}/{n}.txt" for n in range(1000)))
    began = time.perf_counter()
    assert len(names_of(tmp_path)) == 20_000
    assert time.perf_counter() - began < 60  # a guard against something quadratic


MEMBERS = {"in/im10": b"ten", "in/im2": b"two", "in/.hidden": b"", "__MACOSX/in/._im2": b""}


@pytest.mark.parametrize("mode", ["zip", "w", "w:gz", "w:bz2", "w:xz"])
def test_archives_are_known_by_content(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "no-suffix"
    if mode == "zip":
        zipped(path, MEMBERS)
    else:
        tarred(path, mode, MEMBERS)
    files, findings = find_inputs([tmp_path])
    assert findings == []
    assert [(file.name, file.path.read_bytes()) for file in files] == [
        ("no-suffix!/in/im2", b"two"),
        ("no-suffix!/in/im10", b"ten"),
    ]


def test_compressed_files_and_documents_are_no_archives(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "v.nii.gz", "wb") as file:
        file.write(bytes(2000))
    zipped(tmp_path / "letter", {"[Content_Types].xml": b"", "word/document.xml": b""})
    zipped(tmp_path / "arrays", {"a.npy": b"", "b.npy": b""})
    assert names_of(tmp_path) == ["arrays", "letter", "v.nii.gz"]


def test_members_stay_inside(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip", {"../evil": b"x", "/abs/ok": b"y", "..\\evil2": b"x", "a/../../evil3": b"z"}
    )
    files, findings = find_inputs([path])
    assert [file.name for file in files] == ["a.zip!/abs/ok"]
    assert [finding.code for finding in findings] == ["unreadable-file"] * 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip"]


def test_links_and_devices_in_tar_files_are_not_followed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind in (("link", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("device", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/hostname"
            archive.addfile(info)
        info = tarfile.TarInfo("x")
        archive.addfile(info, io.BytesIO())
    files, findings = find_inputs([tmp_path])
    assert [file.name for file in files] == ["a.tar!/x"]
    assert [finding.where for finding in findings] == ["a.tar!/link", "a.tar!/hard", "a.tar!/device"]


def test_nested_archives_are_not_opened(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"x": b"x"}).read_bytes()
    (tmp_path / "inner.zip").unlink()
    zipped(tmp_path / "outer.zip", {"inner.dat": inner, "y": b"y"})
    files, findings = find_inputs([tmp_path])
    assert [file.name for file in files] == ["outer.zip!/y"]
    assert [(finding.code, finding.where) for finding in findings] == [
        ("nested-archive", "outer.zip!/inner.dat")
    ]


@pytest.mark.parametrize("mode", ["zip", "w:gz", "w:xz"])
def test_bombs_are_refused(mode: str, tmp_path: Path) -> None:
    members = {"small": b"x", "zeros": bytes(8 << 20), "later": b"x"}
    path = tmp_path / "bomb"
    if mode == "zip":
        zipped(path, members)
    else:
        tarred(path, mode, members)
    with using(max_expanded_bytes=1 << 20):
        files, findings = find_inputs([path])
    assert [file.name for file in files] == ([] if mode == "zip" else ["bomb!/small"])
    assert [finding.code for finding in findings] == ["limit-reached"]
    assert "MEDVOX_MAX_EXPANDED_BYTES" in findings[0].text


def test_too_many_members(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", {f"{n}": b"x" for n in range(50)})
    with using(max_files=10):
        files, findings = find_inputs([tmp_path])
    assert (len(files), [finding.code for finding in findings]) == (10, ["limit-reached"])


def test_long_extension_headers_in_tar_files_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("x")
        info.pax_headers = {"comment": "a" * (4 << 20)}
        archive.addfile(info, io.BytesIO())
    files, findings = find_inputs([tmp_path])
    assert (files, [finding.code for finding in findings]) == ([], ["unreadable-file"])


def test_members_with_one_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x", "first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("x", "second")
    files, findings = find_inputs([tmp_path])
    assert [file.path.read_bytes() for file in files] == [b"first"]
    assert [finding.code for finding in findings] == ["unreadable-file"]


@pytest.mark.parametrize("mode", ["zip", "w", "w:gz"])
def test_broken_archives(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "broken"
    members = {str(n): os.urandom(3000) for n in range(5)}
    content = bytearray(
        (zipped(path, members) if mode == "zip" else tarred(path, mode, members)).read_bytes()
    )
    path.write_bytes(content[: len(content) // 2])
    files, findings = find_inputs([path])
    assert len(files) < 5
    assert {finding.code for finding in findings} == {"unreadable-file"}


@given(content=st.binary(max_size=300), place=st.integers(0, 2000))
def test_mutated_archives(content: bytes, place: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("mutated")
    for name, mode in (("a.zip", "zip"), ("b.tar", "w"), ("c.tgz", "w:gz")):
        path = folder / name
        data = bytearray(
            (zipped(path, MEMBERS) if mode == "zip" else tarred(path, mode, MEMBERS)).read_bytes()
        )
        data[place % len(data) : place % len(data) + len(content)] = content
        path.write_bytes(data)
    files, findings = find_inputs([folder])
    assert all(file.path.is_file() for file in files)
    assert {finding.code for finding in findings} <= {"unreadable-file", "nested-archive", "limit-reached"}


def test_encrypted_members(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"x": b"x"})
    data = bytearray(path.read_bytes())
    for at in (6, data.index(b"PK\x01\x02") + 8):  # the flags in both headers
        data[at] |= 1
    path.write_bytes(data)
    files, findings = find_inputs([tmp_path])
    assert files == []
    assert [(finding.code, finding.text) for finding in findings] == [("unreadable-file", "It is encrypted.")]


def test_temporary_folder_goes_with_the_process(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", {"x": b"x"})
    program = "from pathlib import Path; from medvox.formats.inputs import find_inputs; "
    program += (
        f"file = find_inputs([Path({str(tmp_path)!r})])[0][0]; assert file.path.exists(); print(file.path)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("x")
    assert not Path(done.stdout.strip()).exists()
    assert not Path(done.stdout.strip()).parent.parent.exists()


@given(st.lists(st.text(max_size=12)))
def test_natural_order_is_an_order(names: list[str]) -> None:
    ordered = sorted(names, key=natural_key)
    assert [natural_key(name) for name in ordered] == sorted(natural_key(name) for name in names)
    assert natural_key("im2") < natural_key("im10") < natural_key("im0011")


def test_a_zarr_folder_is_one_image(tmp_path):
    for name, mark in [("a.zarr", "zarr.json"), ("b", ".zattrs")]:
        (tmp_path / name / "0").mkdir(parents=True)
        (tmp_path / name / mark).write_text("{}")
        (tmp_path / name / "0" / "chunk").write_bytes(b"x")
    (tmp_path / "c.txt").write_bytes(b"x")
    files, findings = find_inputs([tmp_path])
    assert [(file.name, file.folder) for file in files] == [("a.zarr", True), ("b", True), ("c.txt", False)]
    assert not findings
    (alone,), _ = find_inputs([tmp_path / "a.zarr"])
    assert (alone.name, alone.folder) == ("a.zarr", True)
