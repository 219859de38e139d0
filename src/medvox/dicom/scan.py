"""Scan: reads the headers of files, never their pixel data.

`read_header` reads one; `scan_headers` reads many in threads, with the compiled walk of
`medvox.dicom.elements.walk_kernels` where there are enough of them to pay for loading it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from medvox.core.errors import MedvoxError, UnknownFormatError
from medvox.core.finding import Finding, Level
from medvox.core.progress import Progress, silent
from medvox.core.settings import current
from medvox.dicom.elements import walk
from medvox.dicom.elements.wanted import WANTED, ascending
from medvox.dicom.header import Header, Records, pack
from medvox.dicom.media import is_dicomdir, listed_files
from medvox.dicom.reader import WINDOW, Walker, first_element, is_dicom, make_header, read_file
from medvox.formats.inputs import InputFile
from medvox.formats.remote.mirror import fetched

__all__ = ["WANTED", "is_dicom", "prepare", "read_header", "scan_headers"]

_CHUNK = 128
"""Files that a thread takes at a time."""
_PAYS = 5000
"""Files from which on the compiled walk is loaded.

Loading takes 0.4 s, compiling for the first time 5 s; a file takes 0.3 ms less with it.
"""
_SLOW = 60e-6
"""Seconds a file from which on files are read in threads."""
_KERNELS = "medvox.dicom.elements.walk_kernels"
_FINISHED = (walk.END, walk.PIXELS, walk.TRUNCATED, walk.BROKEN)
_READ_ONLY = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_NOTHING = (0, 0, 0)

Outcome = Header | InputFile | Finding
"""What a file turns out to be: DICOM, something else, unreadable."""


def prepare() -> None:
    """Load the compiled walk now: 0.4 s, some 5 s the first time, when it is compiled.

    For programs that stay: a server, a notebook. `scan_headers` does it by itself for many files.
    """
    from medvox.dicom.elements import share_kernels, walk_kernels

    walk_kernels.warm_up()
    share_kernels.warm_up()


def read_header(file: InputFile, tags: Sequence[int] = WANTED) -> Header:
    """Read the header of one file.

    Parameters
    ----------
    file
        The file.
    tags
        Top-level tags that are wanted.

    Raises
    ------
    UnknownFormatError
        If it is not DICOM.
    FormatError
        If it is empty, or nothing of it can be read.
    AccessError
        If the system refuses.
    """
    header = read_file(file, Walker.plain(ascending(tags)))
    if header is None:
        raise UnknownFormatError("this is not DICOM", where=file.name)
    return header


def scan_headers(
    files: Sequence[InputFile], tags: Sequence[int] = WANTED, progress: Progress = silent
) -> tuple[list[Header], list[InputFile], list[Finding]]:
    """Read the headers of many files; one bad file never stops it.

    A DICOMDIR is no image and gives no header; files that it names and that are not among `files` are
    read too.

    Returns
    -------
    headers
        Of the files that are DICOM, in the order of `files`.
    others
        The files that are not DICOM.
    findings
        What could not be read and why; files that a DICOMDIR names and that are not there.

    Raises
    ------
    CancelledError
        If `progress` raises it.
    """
    headers: list[Header] = []
    others: list[InputFile] = []
    findings: list[Finding] = []
    directories: list[Header] = []
    for outcome in _outcomes(files, ascending(tags), progress):
        if isinstance(outcome, InputFile):
            others.append(outcome)
        elif isinstance(outcome, Finding):
            findings.append(outcome)
        elif is_dicomdir(outcome):
            directories.append(outcome)
        else:
            headers.append(outcome)
    if directories:
        more, stale = listed_files(directories, files)
        findings += stale
        added = scan_headers([file for file in more if file.path.name.upper() != "DICOMDIR"], tags, progress)
        headers, others, findings = headers + added[0], others + added[1], findings + added[2]
    return headers, others, findings


def _outcomes(files: Sequence[InputFile], tags: tuple[int, ...], progress: Progress) -> Iterator[Outcome]:
    """Yield what each file turns out to be, in order.

    Files that the system has in memory are read in this thread, which costs less than to share them out;
    from the first chunk on that takes longer, all are read in threads, which wait for disks side by side.
    """
    progress(0, len(files), "reading headers")
    read = _compiled_reader(tags) if _KERNELS in sys.modules or len(files) >= _PAYS else _plain_reader(tags)
    done = 0
    while done < len(files):
        chunk, started = files[done : done + _CHUNK], time.perf_counter()
        yield from read(chunk)
        done += len(chunk)
        progress(done, len(files), "reading headers")
        if time.perf_counter() - started > _SLOW * len(chunk):
            break
    chunks = [files[first : first + _CHUNK] for first in range(done, len(files), _CHUNK)]
    if not chunks:
        return
    with ThreadPoolExecutor(current().threads, "medvox-scan") as pool:
        futures = [pool.submit(read, chunk) for chunk in chunks]
        try:
            for future, chunk in zip(futures, chunks, strict=True):
                yield from future.result()
                done += len(chunk)
                progress(done, len(files), "reading headers")
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _outcome(file: InputFile, walker: Walker) -> Outcome:
    try:
        header = read_file(file, walker)
    except MedvoxError as error:
        return _unreadable(file, error)
    return file if header is None else header


def _unreadable(file: InputFile, error: MedvoxError) -> Finding:
    return Finding("unreadable-file", Level.ERROR, file.name, error.reason)


def _plain_reader(tags: tuple[int, ...]) -> Callable[[Sequence[InputFile]], list[Outcome]]:
    def read(files: Sequence[InputFile]) -> list[Outcome]:
        walker = Walker.plain(tags)
        return [_outcome(file, walker) for file in files]

    return read


def _compiled_reader(tags: tuple[int, ...]) -> Callable[[Sequence[InputFile]], list[Outcome]]:
    prepare()

    def read(files: Sequence[InputFile]) -> list[Outcome]:
        try:
            batch = _BATCHES.pop()
        except IndexError:
            batch = _Batch()
        outcomes = batch.read(files, tags)
        if len(_BATCHES) < _MOST_BATCHES:
            _BATCHES.append(batch)
        return outcomes

    return read


class _Batch:
    """A workspace: reads the first bytes of some files, then walks over all at once."""

    def __init__(self) -> None:
        buffer = bytearray(_CHUNK * WINDOW)
        self._rows = [memoryview(buffer)[row * WINDOW : (row + 1) * WINDOW] for row in range(_CHUNK)]
        self._windows = np.frombuffer(buffer, np.uint8).reshape(_CHUNK, WINDOW)
        self._states = np.zeros((_CHUNK, walk.STATE_SIZE), np.int64)
        self._outs = np.zeros((_CHUNK, 4 * walk.MAX_FOUND), np.uint32)
        self._results = np.zeros(_CHUNK, np.int64)
        self._arenas = np.zeros((_CHUNK, walk.ARENA), np.uint8)
        self._shared = np.zeros((_CHUNK, 3), np.int64)
        self._owns = np.zeros((_CHUNK, walk.MAX_FOUND), np.uint32)
        self._places = np.zeros((_CHUNK, 3 * walk.MAX_FOUND), np.uint32)
        # pieces of memory views cost a tenth of pieces of arrays
        self._arena_bytes = self._arenas.reshape(-1).data
        self._own_tags = self._owns.reshape(-1).data
        self._place_words = self._places.reshape(-1).data

    def read(self, files: Sequence[InputFile], tags: tuple[int, ...]) -> list[Outcome]:
        """Read headers; files that the first bytes do not settle are read one by one."""
        from medvox.dicom.elements.share_kernels import compare_all
        from medvox.dicom.elements.walk_kernels import walk_all

        walker = None
        places = [self._fill(row, file) for row, file in enumerate(files)]
        walk_all(
            self._windows,
            np.array(places, np.int64),
            np.array(tags, np.int64),
            self._states,
            self._outs,
            self._arenas,
            self._results,
        )
        compare_all(
            len(files), self._states, self._outs, self._arenas, self._shared, self._owns, self._places
        )
        results = self._results[: len(files)].tolist()
        states = self._states[: len(files)].tolist()
        shared = self._shared[: len(files)].tolist()
        records: list[Records] = []
        outcomes: list[Outcome] = []
        for row, file in enumerate(files):
            records.append(self._records(row, states[row], shared[row], records))
            if places[row] == _NOTHING or results[row] not in _FINISHED:
                walker = walker or Walker.compiled(tags)
                outcomes.append(_outcome(file, walker))
                continue
            model = outcomes[shared[row][0]] if shared[row][0] >= 0 else None
            outcomes.append(_header(file, results[row], states[row], records[row], model))
        return outcomes

    def _records(self, row: int, state: list[int], shared: list[int], known: Sequence[Records]) -> Records:
        """Records of a file: all of them, or those that its model does not have."""
        at = row * walk.ARENA
        values = bytes(self._arena_bytes[at : at + state[walk.USED]])
        model, count, gone = shared
        if model < 0:
            disorder = state[walk.DISORDER] == 1
            return pack(self._outs[row], state[walk.FOUND], values, disorder=disorder)
        at, end = row * walk.MAX_FOUND, (row + 1) * walk.MAX_FOUND
        own = self._own_tags[at : at + count]
        apart = frozenset(own.tolist() + self._own_tags[end - gone : end].tolist())
        places = bytes(self._place_words[3 * at : 3 * (at + count)])
        return Records(own.tobytes(), places, values, known[model], apart)

    def _fill(self, row: int, file: InputFile) -> tuple[int, int, int]:
        """Read the first bytes of a file; return how many, its size, and where its elements begin."""
        try:
            descriptor = os.open(file.place, _READ_ONLY)
        except OSError:
            return _NOTHING
        try:
            fetched(file.place, 0, WINDOW)
            first = os.read(descriptor, WINDOW)
        except OSError:
            return _NOTHING
        finally:
            os.close(descriptor)
        if not is_dicom(first):
            return _NOTHING
        count = len(first)
        self._rows[row][:count] = first
        return count, count if count < WINDOW else max(file.size, count), first_element(first)


_BATCHES: list[_Batch] = []
"""Workspaces to use again: making one costs more than reading some files."""
_MOST_BATCHES = 4


def _header(
    file: InputFile, result: int, state: list[int], records: Records, model: Outcome | None
) -> Outcome:
    like = model if isinstance(model, Header) and not model.findings else None
    try:
        return make_header(file, result, state, records, like=like)
    except MedvoxError as error:
        return _unreadable(file, error)
