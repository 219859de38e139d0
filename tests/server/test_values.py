"""Chunks and slices against the arrays they were made of, decoded independently of the server's encoder."""

from __future__ import annotations

import gzip
import threading
from typing import Any

import httpx
import numpy as np
import pytest
import zstandard

from server.conftest import Live
from server.synthetic_scan import (
    ct_tilted,
    ct_unsigned,
    echoes,
    everything,
    floats,
    huge,
    image,
    pet,
    scanner_of,
)

pytestmark = pytest.mark.net


def decode(answer: httpx.Response, raw: bytes, dtype: str) -> np.ndarray:
    """What the client's worker does: decompress, then unshuffle item by item."""
    coding = answer.headers.get("content-encoding")
    plain = {
        "zstd": lambda b: zstandard.ZstdDecompressor().decompress(b),
        "gzip": gzip.decompress,
        None: bytes,
    }
    data = plain[coding](raw)
    size = np.dtype(dtype).itemsize
    assert answer.headers.get("x-medvox-shuffle") == (str(size) if size > 1 else None)
    planes = [data[n * len(data) // size : (n + 1) * len(data) // size] for n in range(size)]
    items = bytearray(len(data))
    for n, plane in enumerate(planes):
        items[n::size] = plane
    return np.frombuffer(bytes(items), np.dtype(dtype).newbyteorder("<"))


def fetch(live: Live, url: str, dtype: str, accept: str = "zstd") -> np.ndarray:
    with live.client.stream("GET", url, headers={"Accept-Encoding": accept}) as answer:
        raw = b"".join(answer.iter_raw())
        assert answer.status_code == 200, raw
    return decode(answer, raw, dtype)


def fetch_all(live: Live, info: Any, grid: str = "stored", t: int = 0, accept: str = "zstd") -> np.ndarray:
    one = info["grids"][grid]
    urls = [one["chunk_url"].format(t=t, c=c) for c in range(one["chunk_count"])]
    parts = [fetch(live, url, info["value"]["dtype"], accept) for url in urls]
    channels = (3,) if one["channels"] == 3 else ()
    return np.concatenate(parts).reshape(*one["shape"], *channels)


@pytest.mark.parametrize("accept", ["zstd", "gzip", "identity", "br;q=1, gzip;q=0.5, zstd;q=0"])
def test_lazy_ct_travels_as_int16_hounsfield_units(live: Live, accept: str) -> None:
    info = live.info("Head tilted")
    assert info["value"]["dtype"] == "int16"
    volume, _ = ct_tilted()
    np.testing.assert_array_equal(fetch_all(live, info, accept=accept), volume.values())


def test_unsigned_ct_travels_as_int16_because_its_values_fit(live: Live) -> None:
    info = live.info("Unsigned")
    assert info["value"]["dtype"] == "int16"
    assert (info["value"]["min"], info["value"]["max"]) == (-1024, 3071)
    np.testing.assert_array_equal(fetch_all(live, info), ct_unsigned().values().astype(np.int16))


def test_slope_of_each_slice_is_applied(live: Live) -> None:
    info = live.info("FDG")
    assert info["value"]["dtype"] == "float32"
    slopes = np.linspace(0.1, 0.9, 17)[:, None, None]
    np.testing.assert_allclose(fetch_all(live, info), pet().data * slopes, rtol=1e-6)


def test_floats_travel_unchanged_not_a_number_too(live: Live) -> None:
    info = live.info("Floats")
    np.testing.assert_array_equal(fetch_all(live, info), floats().data)
    finite = floats().data[np.isfinite(floats().data)]
    assert (info["value"]["min"], info["value"]["max"]) == pytest.approx((finite.min(), finite.max()))


def test_time_points_count_through_leading_axes_in_c_order(live: Live) -> None:
    info = live.info("Echoes over time")
    assert info["time_points"] == 6
    stored = np.asarray(echoes().data)
    for t, (time, echo) in enumerate(np.ndindex(3, 2)):
        np.testing.assert_array_equal(fetch_all(live, info, t=t), stored[time, echo])


def test_colour_frames_put_channels_last(live: Live) -> None:
    info = live.info("Echo")
    frames = np.random.default_rng(4).integers(0, 256, (6, 12, 10, 3), np.uint8)
    assert (info["value"]["photometric"], info["grids"]["stored"]["channels"]) == ("RGB", 3)
    for t in range(6):
        np.testing.assert_array_equal(fetch_all(live, info, t=t)[0], frames[t])


def test_single_slice_equals_the_slice_of_its_chunk(live: Live) -> None:
    info = live.info("Head tilted")
    url = info["grids"]["stored"]["slice_url"].format(t=0, k=37)
    np.testing.assert_array_equal(fetch(live, url, "int16").reshape(24, 20), ct_tilted()[0].slice_values(37))


def test_regular_copy_interpolates_between_the_neighbouring_slices(live: Live) -> None:
    info = live.info("Head tilted")
    copy = fetch_all(live, info, "regular")
    grid, volume = info["grids"]["regular"], ct_tilted()[0]
    affine = np.array(grid["affine"])
    index = np.stack(np.meshgrid(*map(np.arange, grid["shape"]), indexing="ij"), axis=-1)
    points = index @ affine[:3, :3].T + affine[:3, 3]
    k, j, _ = np.moveaxis(volume.grid.to_voxel(points), -1, 0)
    inside = (k > 0) & (k < 39) & (j > 0) & (j < 23)
    assert inside.sum() > 1000
    # stored values are linear in k and j but for the odd columns' 1
    np.testing.assert_allclose(copy[inside], (k * 50 + j * 2 - 1024 + index[..., 2] % 2)[inside], atol=0.51)


def test_only_the_frames_of_a_chunk_are_read(serve: Any, tmp_path: Any) -> None:
    from dataclasses import replace

    from medvox.server.session import ViewerSession
    from server.synthetic_scan import series

    volume, reader = huge()
    scan = everything()
    study = replace(scan.studies[0], series=(series(1, image(volume)),))
    session = ViewerSession(scanner_of(replace(scan, studies=(study,))), [tmp_path])
    assert session.wait(60)
    live = serve(session)
    info = live.info("Huge")
    grid = info["grids"]["stored"]
    reader.asked.clear()
    last = fetch(live, grid["chunk_url"].format(t=0, c=grid["chunk_count"] - 1), "int16")
    assert reader.asked == list(range(2048 - grid["chunk_slices"], 2048))
    assert last.reshape(grid["chunk_slices"], -1)[:, 0].tolist() == reader.asked
    assert session.store.cache.nbytes < 1 << 20


def test_large_slices_make_small_chunks(live: Live) -> None:
    from medvox.server.image.wire import CHUNK_BYTES, chunk_slices

    assert chunk_slices(512 * 512 * 2) == 16
    assert chunk_slices(4096 * 4096 * 4) == 1
    assert chunk_slices(2048 * 2048 * 2) * 2048 * 2048 * 2 <= CHUNK_BYTES


def test_known_values_are_not_sent_again(live: Live) -> None:
    url = live.info("Head tilted")["grids"]["stored"]["chunk_url"].format(t=0, c=1)
    first = live.client.get(url)
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = live.client.get(url, headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    other = live.client.get(url, headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


def test_head_tells_the_headers_without_the_values(live: Live) -> None:
    url = live.info("Head tilted")["grids"]["stored"]["slice_url"].format(t=0, k=0)
    answer = live.client.head(url)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["x-medvox-shuffle"] == "2"


@pytest.mark.parametrize(
    "change",
    [
        ("/chunks/0/0", "/chunks/0/99"),
        ("/chunks/0/0", "/chunks/1/0"),
        ("/chunks/0/0", "/chunks/-1/0"),
        ("/chunks/0/0", "/chunks/0/9999999999999"),
        ("/chunks/0/0", "/chunks/x/0"),
        ("/chunks/0/0", "/slices/0/40"),
        ("stored", "regullar"),
        ("/chunks", "x/chunks"),
    ],
)
def test_places_that_are_not_there_are_404_with_a_reason(live: Live, change: tuple[str, str]) -> None:
    url = live.info("Head tilted")["grids"]["stored"]["chunk_url"].format(t=0, c=0)
    assert live.client.get(url).status_code == 200
    answer = live.client.get(url.replace(*change))
    assert answer.status_code == 404
    assert answer.json()["error"]["what"]


def test_a_regular_grid_has_no_copy(live: Live) -> None:
    info = live.info("Unsigned")
    assert info["grids"]["regular"] is None
    url = info["grids"]["stored"]["chunk_url"].format(t=0, c=0).replace("stored", "regular")
    assert live.client.get(url).status_code == 404


def test_many_threads_get_the_same_right_values(live: Live) -> None:
    info = live.info("Head tilted")
    expected = fetch_all(live, info, "regular")
    live.session.store.cache.clear()
    wrong: list[str] = []

    def fetch_in_turn(grid: str, truth: np.ndarray) -> None:
        same = [np.array_equal(fetch_all(live, info, grid), truth) for _ in range(3)]
        wrong.extend(grid for right in same if not right)

    truths = {"regular": expected, "stored": ct_tilted()[0].values()}
    threads = [threading.Thread(target=fetch_in_turn, args=item) for item in list(truths.items()) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
