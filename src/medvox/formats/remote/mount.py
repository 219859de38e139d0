"""Mount a URL: a folder of mirrors of all files below it, in the temporary folder of this process."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medvox.core.errors import AccessError, DependencyError, LimitError, MedvoxError, MissingError
from medvox.core.progress import Progress, silent
from medvox.core.settings import current
from medvox.formats.archives import temporary_folder
from medvox.formats.remote.mirror import BLOCK, Mirror

_URL = re.compile(r"(s3|gs|gcs|az|abfs|https?|memory):/{1,2}(?!/)", re.IGNORECASE)
_AT_ONCE = 16
"""Requests under way together for the first bytes of many files."""
_STORES = frozenset({"s3", "gs", "gcs", "az", "abfs"})
_mounted: dict[str, Path] = {}


def url_of(path: str | os.PathLike[str]) -> str | None:
    """Return the URL that a text or path is, or None; paths have lost one of the two slashes.

    >>> url_of(Path("s3://bucket/scans")), url_of("scans/s3")
    ('s3://bucket/scans', None)
    """
    text = os.fspath(path)
    found = _URL.match(text)
    return f"{found[1].lower()}://{text[found.end() :]}" if found else None


def local(path: str | os.PathLike[str], progress: Progress = silent) -> Path:
    """Return a path that can be opened: that of the mirrors for a URL, else the path itself.

    Raises
    ------
    MissingError, AccessError
        If there is nothing under the URL, or it cannot be reached.
    DependencyError
        If a package for this kind of URL is missing.
    """
    url = url_of(path)
    return Path(path) if url is None else mount(url, progress=progress)


def mount(url: str, options: Mapping[str, Any] | None = None, progress: Progress = silent) -> Path:
    """Mirror a remote file or folder; only names, sizes and the first bytes are fetched.

    Credentials are found as the provider's own tools find them (``AWS_ACCESS_KEY_ID`` …). A folder at an
    https:// address needs a server that lists it. Each URL is mounted once in a process.

    Parameters
    ----------
    options
        For the file system, as fsspec takes them (``endpoint``, ``anon`` …).

    Raises
    ------
    MissingError, AccessError, DependencyError
        As `local`.
    """
    if url in _mounted:
        return _mounted[url]
    with _told(url):
        system, root = _system(url, dict(options or {}))
        files = _files(system, root)
        if not files:
            raise MissingError("there is nothing", where=public(url))
        if len(files) > current().max_files:
            raise LimitError(f"more than {current().max_files} files", where=public(url))
        folder = temporary_folder() / f"remote-{len(_mounted)}"
        name = _safe(root.rstrip("/").rsplit("/", 1)[-1]) or "remote"
        single = set(files) == {root}
        mirrors = [
            _mirror(system, remote, size, folder / name / below, url)
            for remote, size in files.items()
            if (below := Path() if single else _below(remote, root)) is not None
        ]
        _first_bytes(mirrors, progress)
    _mounted[url] = folder / name
    return folder / name


def public(url: str) -> str:
    """Return a URL without what may be secret: user, password, query."""
    return re.sub(r"//[^/@]*@", "//", url.partition("?")[0])


def _system(url: str, options: dict[str, Any]) -> tuple[Any, str]:
    try:
        import fsspec

        if url.partition(":")[0] in _STORES:
            from obstore.fsspec import register

            register(url.partition(":")[0])
    except ImportError as error:
        raise DependencyError(
            "a package for remote files is missing", where=error.name, advice="pip install medvox[remote]"
        ) from error
    system, root = fsspec.core.url_to_fs(url, **options)
    return system, str(root)


def _files(system: Any, root: str) -> dict[str, int]:
    """Names and sizes of the file, or of all files below the folder."""
    try:
        info = system.info(root)
    except FileNotFoundError:
        info = {"type": "directory"}
    listing = str(info.get("mimetype", "")).startswith("text/html")  # what a web server shows of a folder
    if info["type"] == "file" and not root.endswith("/") and not listing and info.get("size") is not None:
        return {root: int(info["size"])}
    found = system.find(root.rstrip("/") + "/" if listing else root, detail=True)
    sizes = {name: entry.get("size") for name, entry in found.items() if entry.get("type") == "file"}
    unknown = [name for name, size in sizes.items() if size is None]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        sizes |= dict(zip(unknown, pool.map(system.size, unknown), strict=True))
    return {name: int(size) for name, size in sorted(sizes.items()) if size is not None}


def _below(remote: str, root: str) -> Path | None:
    """Path of a file below the root, names made safe; None for what is not below it."""
    base = root.rstrip("/") + "/"
    if not remote.startswith(base):
        return None
    parts = [_safe(part) for part in remote[len(base) :].split("/")]
    return Path(*parts) if all(parts) else None


def _safe(name: str) -> str:
    name = re.sub(r"[\0\\:*?\"<>|]", "_", name.partition("?")[0])
    return "" if name in (".", "..") else name


def _mirror(system: Any, remote: str, size: int, place: Path, url: str) -> Mirror:
    def fetch(start: int, end: int) -> bytes:
        with _told(url):
            content = bytes(system.cat_file(remote, start=start, end=end))
            if len(content) == size != end - start:  # a server that does not know ranges sends it all
                content = content[start:end]
            if len(content) != end - start:
                raise AccessError("the remote file changed or ended early", where=public(remote))
            return content

    place.parent.mkdir(parents=True, exist_ok=True)
    return Mirror(place, size, fetch)


def _first_bytes(mirrors: list[Mirror], progress: Progress) -> None:
    """Fetch the first block of every file, many at once: each is looked at."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for number, _ in enumerate(pool.map(lambda mirror: mirror.ensure(0, BLOCK), mirrors), start=1):
            progress(number, len(mirrors), "Fetching first bytes")


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Turn what file systems raise into errors of ours, without secrets of the URL."""
    where = public(url)
    try:
        yield
    except MedvoxError:
        raise
    except FileNotFoundError as error:
        raise MissingError("there is no such remote file or folder", where=where) from error
    except PermissionError as error:
        raise AccessError("the server refuses", where=where) from error
    except ImportError as error:
        raise DependencyError(
            "a package for this kind of URL is missing", where=where, advice="pip install medvox[remote]"
        ) from error
    except Exception as error:
        reason = type(error).__name__
        raise AccessError("it cannot be reached", where=where, got=reason) from error
