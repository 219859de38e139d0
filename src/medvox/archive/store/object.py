"""Object store: instances and records as objects of S3 and the like, written by several processes.

An instance is one object, a DICOM file, under a key made of its content:
``instances/ab/abcd….dcm``. What the index needs is in ``records/ORDER-WRITER.seg``: a small segment as the
journal has them (see `medvox.archive.store.records`), whose instances say where their file is. Segments are
numbered in the order in which the index took them, so that reading them one after another makes the same
index again. Nothing is ever written over or taken away.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from medvox.archive.store import records
from medvox.archive.store.disk import Buffer
from medvox.archive.store.naming import content_name
from medvox.archive.store.records import Damage, Kind, Record
from medvox.core.errors import AccessError, DependencyError, MissingError, UsageError, WriteError

INSTANCES: Final = "instances"
RECORDS: Final = "records"
ABOUT: Final = "store.json"
SUFFIX: Final = ".seg"
_FORMAT: Final = 1
_AT_ONCE: Final = 16
"""Objects that are fetched at the same time."""


class ObjectStore:
    """Bytes of instances in an object store; safe to use from several threads and processes.

    Credentials and other settings are taken from the environment, as the store's own tools do
    (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT``, ``GOOGLE_SERVICE_ACCOUNT``, ``AZURE_STORAGE_ACCOUNT_KEY`` …).

    Parameters
    ----------
    url
        ``s3://bucket/prefix``, ``gs://…``, ``az://…``, or ``file:///folder`` and ``memory:///``.
    is_durable
        Whether what is written must survive a loss of power: ``file`` and ``memory`` do not promise it.
    timeout_s
        How long one request may take; it is tried again twice.

    Raises
    ------
    UsageError
        If there is no such kind of store, or it does not keep the promise.
    AccessError, WriteError
        If it cannot be reached or written.
    DependencyError
        If the package obstore is missing.
    """

    def __init__(self, url: str, *, is_durable: bool = True, timeout_s: float = 20.0) -> None:
        scheme = url.partition(":")[0]
        if is_durable and scheme in ("file", "memory"):
            raise UsageError(
                "this store does not survive a loss of power", got=scheme, advice="Use a folder, or s3://…"
            )
        self._url = f"{scheme}:"
        self._store = _opened(url, timeout_s)
        self._writer = secrets.token_hex(6)
        self._identity = self._begun()

    def identity(self) -> str:
        """What tells this store from others."""
        return self._identity

    def put(self, entry: Mapping[str, Any], data: Sequence[Buffer], name: str = "") -> str:
        """Keep the file of an instance; return its place. It is found by nobody before its record.

        Parameters
        ----------
        entry
            With the digest of its data set.
        data
            Buffers of the file: preamble and file meta information, data set.
        name
            Made of the content; empty to make it.

        Raises
        ------
        WriteError
            If the store refuses or does not answer.
        """
        name = name or content_name(entry["digest"], data[0])
        place = f"{INSTANCES}/{name[:2]}/{name}.dcm"
        self._put(place, b"".join(data) if len(data) != 1 else bytes(data[0]))
        return place

    def write(self, order: int, kept: Sequence[tuple[Kind, Mapping[str, Any]]]) -> list[Record]:
        """Keep records in one segment; return them as they lie there, see `segment`.

        Parameters
        ----------
        order
            Above that of every segment whose records came before these.
        kept
            Their kinds and entries.

        Raises
        ------
        WriteError
            If the store refuses or does not answer; it may hold them nevertheless.
        """
        header = records.segment_header(self._writer, 1)
        parts: list[Buffer] = [header]
        found: list[Record] = []
        end = len(header)
        for sequence, (kind, entry) in enumerate(kept, start=1):
            buffers = records.encode(kind, sequence, entry, (), header)
            length = sum(map(len, buffers))
            start = end + records.data_offset(buffers)
            found.append(Record(end, length, kind, sequence, entry, start, 0))
            parts += buffers
            end += length
        self._put(f"{RECORDS}/{self.segment(order)}", b"".join(parts))
        return found

    def segment(self, order: int) -> str:
        """Name of the segment that this writer gives an order."""
        return f"{order:020d}-{self._writer}{SUFFIX}"

    def read(self, place: str, offset: int, size: int) -> bytes:
        """Return bytes of the file of an instance.

        Raises
        ------
        MissingError, AccessError
            If they are not there, or the store does not answer.
        """
        if not size:
            return b""
        try:
            with self._asking(place):
                found = bytes(_obstore().get_range(self._store, place, start=offset, length=size))
        except AccessError:
            if self._size(place) > offset:
                raise
            found = b""
        if len(found) < size:
            raise MissingError("the bytes of an instance are cut off", where=place, got=len(found))
        return found

    def segments(self, after: int = -1) -> list[str]:
        """Names of all segments after an order, in their order."""
        with self._asking(RECORDS):
            begin = None if after < 0 else f"{RECORDS}/{after:020d}~"
            pages = _obstore().list(self._store, RECORDS, offset=begin)
            names = [one["path"].rpartition("/")[2] for page in pages for one in page]
        return sorted(name for name in names if name.endswith(SUFFIX))

    def walk(self, segment: str) -> Iterator[Record | Damage]:
        """Yield the records of a segment, and what is none."""
        yield from records.walk(memoryview(self._got(f"{RECORDS}/{segment}")), records.SEGMENT_HEADER)

    def walk_all(self, segments: Sequence[str]) -> Iterator[tuple[str, list[Record | Damage]]]:
        """Yield segments with what is in them, in the order given; many are fetched at once."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for at in range(0, len(segments), 8 * _AT_ONCE):
                some = segments[at : at + 8 * _AT_ONCE]
                yield from zip(some, pool.map(lambda name: list(self.walk(name)), some), strict=True)

    def close(self) -> None:
        """End using the store."""

    def _begun(self) -> str:
        """Read what the store says of itself; a store that is empty is begun."""
        from obstore.exceptions import AlreadyExistsError

        text = json.dumps({"format": _FORMAT, "identity": secrets.token_hex(16)}).encode()
        try:
            about = json.loads(self._got(ABOUT))
        except MissingError:
            try:
                with self._asking(ABOUT, is_writing=True, passed=AlreadyExistsError):
                    _obstore().put(self._store, ABOUT, text, mode="create")
            except AlreadyExistsError:
                pass  # another process was first
            about = json.loads(self._got(ABOUT))
        if about["format"] != _FORMAT:
            raise UsageError("this store was made by a newer medvox", got=about["format"], expected=_FORMAT)
        return str(about["identity"])

    def _got(self, key: str) -> bytes:
        with self._asking(key):
            return bytes(_obstore().get(self._store, key).bytes())

    def _put(self, key: str, content: bytes) -> None:
        with self._asking(key, is_writing=True):
            _obstore().put(self._store, key, content)

    def _size(self, place: str) -> int:
        with self._asking(place):
            return int(_obstore().head(self._store, place)["size"])

    @contextmanager
    def _asking(
        self, key: str, *, is_writing: bool = False, passed: type[Exception] | None = None
    ) -> Iterator[None]:
        """Tell the faults of the store in the words of this project."""
        from obstore.exceptions import BaseError, NotFoundError

        try:
            yield
        except (FileNotFoundError, NotFoundError) as error:
            if is_writing:
                raise WriteError("there is no such bucket or container", where=self._url) from error
            raise MissingError("there is no such object", where=key) from error
        except (BaseError, OSError) as error:
            if passed is not None and isinstance(error, passed):
                raise
            if is_writing:
                raise WriteError(
                    "the object store does not keep it", where=key, got=type(error).__name__
                ) from error
            raise AccessError("the object store refuses", where=key, got=type(error).__name__) from error


def _obstore() -> Any:
    try:
        import obstore
    except ImportError as error:
        raise DependencyError(
            "object stores need the package obstore", advice="pip install 'medvox[s3]'"
        ) from error
    return obstore


def _opened(url: str, timeout_s: float) -> Any:
    _obstore()
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    scheme = url.partition(":")[0]
    more: dict[str, Any] = {}
    if scheme == "file":
        more = {"mkdir": True}
    elif scheme != "memory":
        more = {
            "client_options": {
                "timeout": f"{timeout_s}s",
                "connect_timeout": f"{min(5.0, timeout_s)}s",
                "allow_http": os.environ.get("AWS_ALLOW_HTTP", "false"),
            },
            "retry_config": {
                "max_retries": 2,
                "retry_timeout": dt.timedelta(seconds=2 * timeout_s),
                "backoff": {
                    "init_backoff": dt.timedelta(seconds=0.1),
                    "max_backoff": dt.timedelta(seconds=2),
                    "base": 2,
                },
            },
        }
    try:
        return from_url(url, **more)
    except (BaseError, ValueError, TypeError) as error:
        raise UsageError(
            "this is no URL of an object store", expected="s3://bucket/prefix, gs://…, az://…"
        ) from error
