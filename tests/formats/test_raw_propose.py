"""Proposals for raw files, on volumes of known shape and type."""

import numpy as np
import pytest

from data import data_dir
from medvox.core.errors import FormatError
from medvox.formats.raw import RawDescription, RawFormat
from medvox.formats.raw.propose import propose


def phantom(slices, rows, columns, seed=3):
    """Ellipsoids of several values on air, blurred by their own edges, with noise; like a head in CT."""
    rng = np.random.default_rng(seed)
    k, j, i = np.ogrid[-1 : 1 : slices * 1j, -1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    values = np.full((slices, rows, columns), -1000.0)

    def inner(steepness, inside):
        return 1 / (1 + np.exp(np.clip(-steepness * inside, -50, 50)))

    for value, size in ((900, 0.85), (40, 0.78)):
        inside = 1 - (k / (size + 0.3)) ** 2 - (j / size) ** 2 - (i / (size * 0.8)) ** 2
        values += (value - (900 if value == 40 else -1000)) * inner(60, inside)
    for _ in range(25):
        at, size = rng.uniform(-0.5, 0.5, 3), rng.uniform(0.05, 0.3)
        inside = size**2 - (k - at[0]) ** 2 - (j - at[1]) ** 2 - (i - at[2]) ** 2
        values += rng.uniform(-60, 60) * inner(300, inside)
    return values + rng.normal(0, 12, values.shape)


CT = phantom(40, 112, 128)
UNIT = (CT - CT.min()) / (CT.max() - CT.min())
CASES = {
    "int16": CT.astype("<i2"),
    "int16 big": CT.astype(">i2"),
    "uint16": (UNIT * 60000).astype("<u2"),
    "uint16 big": (UNIT * 60000).astype(">u2"),
    "small int16": (UNIT * 250).astype("<i2"),
    "uint8": (UNIT * 255).astype("u1"),
    "float32": (CT * 0.37).astype("<f4"),
    "float32 big": (CT * 0.37).astype(">f4"),
    "int32": (CT * 1000).astype("<i4"),
    "float64": CT.astype("<f8"),
    "channels": np.stack([UNIT * 250, 255 - UNIT * 200, UNIT * 120], -1).astype("u1"),
    "one slice": (UNIT[20:21] * 255).astype("u1"),
    "few slices": CT[18:23].astype("<i2"),
    "other size": phantom(21, 97, 83).astype("<i2"),
}


def words(values, offset):
    order = f" order={'big' if values.dtype.byteorder == '>' else 'little'}" if values.itemsize > 1 else ""
    channels = " channels=3" if values.ndim == 4 else ""
    slices, rows, columns = values.shape[:3]
    kind = values.dtype.newbyteorder("=").name
    return f"columns={columns} rows={rows} slices={slices}{channels} type={kind}{order} offset={offset}"


MORE = [(name, offset) for name in ("int16", "uint8", "float32 big", "other size") for offset in (1000, 13)]


@pytest.mark.parametrize(("name", "offset"), [*((name, n % 2 * 348) for n, name in enumerate(CASES)), *MORE])
def test_the_first_proposal_is_right(tmp_path, name, offset):
    values = CASES[name]
    header = np.random.default_rng(offset).integers(0, 256, offset, np.uint8).tobytes()
    (tmp_path / "x.raw").write_bytes(header + values.tobytes())
    first = propose(tmp_path / "x.raw")[0]
    assert first.words == words(values, offset)
    (image,) = RawFormat(RawDescription.from_text(first.words)).images(tmp_path / "x.raw")
    found = np.asarray(image.open().data)
    assert np.array_equal(np.moveaxis(found, 0, -1) if found.ndim == 4 else found, values)
    assert 0 < first.roughness < 0.75


@pytest.mark.parametrize(
    ("name", "kind"), [("CT_pitch", "<i2"), ("MR_Gd", "<f4"), ("chris_MRA", ">i2"), ("MR_Gd", "u1")]
)
def test_the_first_proposal_for_a_scan_is_right(tmp_path, name, kind):
    import nibabel

    path = data_dir("niivue_images") / f"{name}.nii.gz"
    stored = np.clip(np.asarray(nibabel.load(path).dataobj).T, -32768, 32767)
    low, high = np.percentile(stored, (1, 99))
    values = (np.clip((stored - low) / (high - low), 0, 1) * 255 if kind == "u1" else stored).astype(kind)
    (tmp_path / "x.raw").write_bytes(bytes(352) + values.tobytes())
    assert propose(tmp_path / "x.raw")[0].words == words(values, 352)


def test_noise_is_no_image(tmp_path):
    raw = np.random.default_rng(5).integers(0, 256, 200_000, np.uint8)
    (tmp_path / "x.raw").write_bytes(raw.tobytes())
    assert propose(tmp_path / "x.raw") == ()


@pytest.mark.parametrize("count", [256, 300, 1000, 5000])
def test_constant_and_tiny_files(tmp_path, count):
    (tmp_path / "x.raw").write_bytes(bytes(count))
    assert propose(tmp_path / "x.raw") == ()
    (tmp_path / "x.raw").write_bytes(bytes(range(256)) * (count // 256))
    propose(tmp_path / "x.raw")


def test_too_small(tmp_path):
    (tmp_path / "x.raw").write_bytes(bytes(100))
    with pytest.raises(FormatError, match="too small"):
        propose(tmp_path / "x.raw")
