"""What is fuzzed: every reader of the registry, the DICOM scanner, headers, archives; and files to break.

A format that can be written starts from small volumes that it writes itself; the others from files that
dependencies ship for their tests. So a new format is fuzzed as soon as it is registered.
"""

from __future__ import annotations

import gzip
import pickle
import shutil
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import imagecodecs
import numpy as np

from medvox.core.errors import MedvoxError
from medvox.core.settings import using
from medvox.dicom.header_lines import header_lines
from medvox.dicom.scan import read_header
from medvox.formats.base import Format
from medvox.formats.inputs import InputFile, find_inputs
from medvox.formats.registry import FORMATS, available, detect, read_head
from medvox.testing.volumes import ramp, sample_volumes
from medvox.workflows.open_folder import scan

LONGEST_SEED = 60_000
MOST_SEEDS = 40
LIMITS = {"max_image_bytes": 1 << 24, "max_expanded_bytes": 1 << 24, "max_files": 100, "threads": 1}
"""So low that nothing but a reader that forgets them takes long or much."""
GZIP_MAGIC = b"\x1f\x8b"
VOLUMES = (
    "axial-int16",
    "time",
    "rgb",
    "rescaled-by-slice",
    "sheared",
    "uneven",
    "axial-float32",
    "one-slice",
)
_TEST_FILES = ("nibabel/tests/data", "pydicom/data/test_files", "skimage/data", "nibabel/nicom/tests/data")


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads files.

    Parameters
    ----------
    seeds
        Makes the files to break.
    read
        Reads what lies at a path; may raise `MedvoxError` only.
    name
        Path of the file that is broken.
    opened
        Path of what is read, where that is another file (a header beside it) or a folder.
    beside
        Other files by their name, which stay whole.
    packed
        Whether the bytes are packed with gzip before they are read, unless they are already.
    """

    seeds: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    name: str = "broken"
    opened: str = ""
    beside: tuple[tuple[str, bytes], ...] = ()
    packed: bool = False

    def prepare(self, folder: Path) -> None:
        """Put the files that stay whole into a folder."""
        for name, content in self.beside:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (folder / self.name).parent.mkdir(parents=True, exist_ok=True)

    def feed(self, folder: Path, content: bytes) -> None:
        """Write one broken file and read it."""
        if self.packed and not content.startswith(GZIP_MAGIC):
            content = gzip.compress(content, 1, mtime=0)
        (folder / self.name).write_bytes(content)
        self.read(folder / (self.opened or self.name))


# -- readers that are no format ------------------------------------------------------------------


def read_every_value(path: Path) -> None:
    """Read a header with the scanner and ask for every value in every way."""
    with using(**LIMITS):
        header = read_header(InputFile(path, path.name, path.stat().st_size))
        for tag in header.tags():
            header.texts(tag)
            header.ints(tag)
            header.number(tag)
            header.vr(tag)
        header.dataset()


def read_header_lines(path: Path) -> None:
    """List every element of a header."""
    with using(**LIMITS):
        header_lines(str(path))


def read_scan(path: Path) -> None:
    """Do what `medvox open` does with a file: tell its format, sort it into series, read its headers."""
    with using(**LIMITS):
        try:
            found = scan(path)
        except MedvoxError as error:
            raise AssertionError("one broken file ends a scan") from error
        for series in found.series():
            for instance in series.instances[:1]:
                if series.header is not None:
                    series.header(instance)
        for image in found.images():
            image.open()


def read_archive(path: Path) -> None:
    """Unpack an archive."""
    with using(**LIMITS):
        files, _ = find_inputs([path])
    for file in files:
        if file.path != path:
            file.path.unlink()


def read_format(form: Format) -> Callable[[Path], None]:
    """Return a function that does all that can be done with a file."""

    def read(path: Path) -> None:
        with using(**LIMITS):
            form.sniff(read_head(path))
            form.companions(path)
            form.header(path)
            for image in form.images(path):
                image.open().load()

    return read


# -- seeds ---------------------------------------------------------------------------------------


@cache
def shipped() -> dict[str, tuple[Path, ...]]:
    """Files that dependencies ship for their tests, by the key of the format that recognises them."""
    keys = {id(form): key for key, form in available()}
    found: dict[str, list[Path]] = defaultdict(list)
    for place in _TEST_FILES:
        package, _, inner = place.partition("/")
        spec = find_spec(package)
        folder = Path(spec.origin).parent / inner if spec and spec.origin else Path()
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file() and 100 < path.stat().st_size < LONGEST_SEED:
                try:
                    found[keys[id(detect(path))]].append(path)
                except MedvoxError:
                    continue
    return {key: tuple(paths[:MOST_SEEDS]) for key, paths in found.items()}


def dicom_files() -> list[bytes]:
    """DICOM files that pydicom ships."""
    return [path.read_bytes() for path in shipped().get("dicom", ())]


def mixed() -> list[bytes]:
    """Some files of every format."""
    return [path.read_bytes() for paths in shipped().values() for path in paths[:5]]


def zipped() -> list[bytes]:
    """Zip files of a few of them."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(dicom_files()[:12]):
            path = Path(folder) / f"{number}.zip"
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("in/1.dcm", content[:5000])
                archive.writestr("in/2.dcm", content[:100])
            found.append(path.read_bytes())
    return found


def _pictures(key: str) -> list[bytes]:
    """Pictures made by imagecodecs, for formats that are only read."""
    values = [np.asarray(ramp((17, 16, 3), "uint8")), np.asarray(ramp((9, 8), "uint8"))]
    encode = getattr(imagecodecs, {"jpeg": "jpeg8", "pnm": ""}.get(key, key) + "_encode", None)
    try:
        return [encode(one) for one in values] if encode else []
    except (ValueError, RuntimeError):
        return []


# -- targets -------------------------------------------------------------------------------------


READERS: dict[str, Callable[[Path], None]] = {
    "archives": read_archive,
    "dicom-header": read_header_lines,
    "dicom-scan": read_every_value,
    "scan": read_scan,
}


def reader_of(name: str) -> Callable[[Path], None]:
    """Return the function of a target that reads; of a format's target, named after its key."""
    if name in READERS:
        return READERS[name]
    keys = [key for key in FORMATS.names() if name == key or name.startswith(f"{key}-")]
    return read_format(FORMATS.get(max(keys, key=len)))


def freeze(target: Target) -> bytes:
    """Everything of a target but what reads: making the seeds of all takes seconds."""
    return pickle.dumps((target.seeds(), target.name, target.opened, target.beside, target.packed))


def thaw(name: str, frozen: bytes) -> Target:
    """Return a target that was frozen."""
    seeds, *rest = pickle.loads(frozen)
    return Target(lambda: seeds, reader_of(name), *rest)


@cache
def targets() -> dict[str, Target]:
    """Everything that is fuzzed, by name; those of formats are named after key and suffix."""
    names = {"dicom-scan": dicom_files, "dicom-header": dicom_files, "dicom-pixels": dicom_files}
    names |= {"archives": zipped, "scan": mixed}
    found = {name: Target(seeds, reader_of(name)) for name, seeds in names.items()}
    for key, form in available():
        found |= _written(key, form) if form.writes and key != "dicom" else {}
        if not any(name == key or name.startswith(f"{key}-") for name in found):
            found |= _read_only(key, form)
    return dict(sorted(found.items()))


def _written(key: str, form: Format) -> dict[str, Target]:
    """Targets of a format that writes its own seeds: one for each suffix that makes other files."""
    found: dict[str, Target] = {}
    known: set[tuple[object, ...]] = set()
    for suffix in form.names_written:
        name = f"{key}-{suffix.strip('.').replace('.', '-')}"
        for inner, target in _of_suffix(form, suffix).items():
            shape = (target.packed, len(target.beside), inner, *target.seeds())
            if shape not in known:
                known.add(shape)
                found[name + (f"-{inner}" if inner else "")] = target
    return found


def _of_suffix(form: Format, suffix: str) -> dict[str, Target]:
    """Targets of one suffix: what is opened, and each file of JSON beside it or in its folder."""
    name = f"x{suffix}"
    trees = [tree for volume in VOLUMES if (tree := _tree(form, name, volume))]
    if not trees:
        return {}
    texts = sorted(n for n in trees[0] if n.endswith(".json") or Path(n).name.startswith(".z"))[:3]
    found = {n.removeprefix(name).strip("/.").replace("/", "-"): _target(form, trees, n, name) for n in texts}
    if any(n.startswith(f"{name}/") for n in trees[0]):
        return found
    if name not in trees[0]:  # a picture for each slice
        trees = [{name: min(tree.items())[1]} for tree in trees]
    return found | {"": _target(form, trees, name, name)}


def _tree(form: Format, name: str, volume: str) -> dict[str, bytes]:
    """Files that a format writes for a volume; none where it cannot, or they are large."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        try:
            form.write(sample_volumes()[volume], folder / name)
        except MedvoxError:
            return {}
        found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return found if sum(map(len, found.values())) < LONGEST_SEED else {}


def _target(form: Format, trees: list[dict[str, bytes]], name: str, opened: str) -> Target:
    packed = trees[0][name].startswith(GZIP_MAGIC)

    def seeds() -> list[bytes]:
        whole = [tree[name] for tree in trees if name in tree]
        return whole[:1] + [gzip.decompress(raw) for raw in whole] if packed else whole

    beside = tuple((other, raw) for other, raw in trees[0].items() if other != name)
    return Target(seeds, read_format(form), name, opened, beside, packed)


def _read_only(key: str, form: Format) -> dict[str, Target]:
    """Target of a format whose seeds others made."""
    paths = shipped().get(key, ())
    suffix = (paths[0].suffix if paths else form.suffixes[0]).lower()
    beside: list[tuple[str, bytes]] = []
    for path in paths:
        with suppress(MedvoxError):
            beside = [(f"broken{p.suffix}", p.read_bytes()) for p in form.companions(path) if p.is_file()]
        if beside:
            break
    raws = (*_pictures(key), *(path.read_bytes() for path in paths)) or (b"",)
    packed = raws[0].startswith(GZIP_MAGIC)
    return {key: Target(lambda: list(raws), read_format(form), f"broken{suffix}", "", tuple(beside), packed)}


def clear(folder: Path, target: Target) -> list[str]:
    """Remove what a reader left in a folder; return the names."""
    own = {target.name, *(name for name, _ in target.beside)}
    left = [p for p in folder.rglob("*") if p.is_file() and p.relative_to(folder).as_posix() not in own]
    for path in left:
        path.unlink(missing_ok=True)
    return [path.name for path in left]


def empty(folder: Path) -> list[str]:
    """Empty a folder of temporary files; return the names of the files that were left."""
    left = [path.name for path in folder.rglob("*") if path.is_file()]
    for path in folder.iterdir():
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    return left
