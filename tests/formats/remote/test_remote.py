"""Remote inputs over a loopback server and a fake S3: scans and values as from the disk, few bytes."""

import contextlib
import functools
import http.server
import re
import threading
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import medvox as mv
from medvox.core import settings
from medvox.core.errors import AccessError, LimitError, MissingError
from medvox.core.volume import Volume
from medvox.formats.remote import mirror as mirrors
from medvox.formats.remote.mount import local, mount, public, url_of
from medvox.testing import dicom_builder as build
from medvox.testing.volumes import axial_grid, ramp, sheared_grid
from medvox.workflows.convert import ConvertOptions, convert

pytestmark = pytest.mark.net
SHAPE = (12, 256, 256)


class Ranges(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, its lists and byte ranges, and counts what it sent."""

    sent: Counter
    knows_ranges = True

    def send_head(self):
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if not asked or not self.knows_ranges or self.command == "HEAD" or path.is_dir():
            return super().send_head()
        content = path.read_bytes()
        first, last = int(asked[1]), min(int(asked[2]), len(content) - 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        self.wfile.write(content[first : last + 1])
        self.sent[self.path] += last - first + 1
        return None

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def serving(folder, **changes):
    """Serve a folder on the loopback address; yields the URL and the bytes sent in ranges."""
    handler = type("Handler", (Ranges,), {"sent": Counter(), **changes})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler.sent
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A DICOM series, a plain and a packed NIfTI file, a zip."""
    folder = tmp_path_factory.mktemp("remote")
    build.save(build.stack(ramp(SHAPE, "int16"), SeriesNumber=3), folder / "in" / "ct")
    volume = Volume(ramp(SHAPE, "int16"), axial_grid(SHAPE))
    mv.write(volume, folder / "in" / "plain.nii")
    mv.write(Volume(ramp((5, 7, 6), "uint8"), sheared_grid()), folder / "in" / "small.nii.gz")
    with zipfile.ZipFile(folder / "in" / "more.zip", "w") as archive:
        for path in sorted((folder / "in" / "ct").iterdir())[:3]:
            archive.write(path, f"inner/{path.name}")
    return folder / "in"


def test_a_folder_gives_what_the_disk_gives(scans):
    here = mv.scan(scans)
    with serving(scans) as (url, _):
        there = mv.scan(url + "/")
        assert [(i.label, i.shape, i.axes) for i in there.images()] == [
            (i.label, i.shape, i.axes) for i in here.images()
        ]
        for ours, theirs in zip(here.images(), there.images(), strict=True):
            assert ours.grid.is_close(theirs.grid)
            assert np.array_equal(ours.volume().values(), theirs.volume().values())
        assert [f.code for f in there.all_findings()] == [f.code for f in here.all_findings()]


def test_a_scan_fetches_headers_only_and_a_slice_its_own_bytes(scans):
    size = sum(path.stat().st_size for path in (scans / "ct").iterdir())
    with serving(scans) as (url, sent):
        image = mv.scan(f"{url}/ct/").image()
        assert sum(sent.values()) <= size * 0.55  # one block of 64 KiB of files of 132 KiB
        before = sum(sent.values())
        volume = image.volume()
        assert np.array_equal(volume.slice_values(5), ramp(SHAPE, "int16")[5])
        assert 0 < sum(sent.values()) - before <= 2 * 256 * 256


def test_one_slice_of_a_plain_nifti_fetches_one_part(scans):
    with serving(scans) as (url, sent):
        volume = mv.read(f"{url}/plain.nii")
        assert sum(sent.values()) <= mirrors.BLOCK
        assert np.array_equal(volume.slice_values(6), ramp(SHAPE, "int16")[6])
        assert sum(sent.values()) <= 5 * mirrors.BLOCK  # of 25
        assert np.array_equal(volume.values(), ramp(SHAPE, "int16"))


def test_a_server_without_ranges_works_too(scans):
    with serving(scans, knows_ranges=False) as (url, _):
        assert np.array_equal(mv.read(f"{url}/small.nii.gz").values(), ramp((5, 7, 6), "uint8"))


def test_convert_takes_a_url_even_as_a_path(scans, tmp_path):
    with serving(scans) as (url, _):
        report = convert(Path(f"{url}/ct/"), tmp_path, ConvertOptions(template="%f_%s"))
    assert [done.files[0].name for done in report.converted] == ["ct_3.nii.gz"]
    assert not report.skipped


def test_nothing_there_and_nobody_there(tmp_path):
    with serving(tmp_path) as (url, _):
        with pytest.raises(MissingError, match=r"nothing|no such"):
            mv.scan(f"{url}/none.nii?secret=1")
        dead = url
    with pytest.raises((AccessError, MissingError)) as caught:
        mv.scan(f"{dead}/gone.nii?token=hush")
    assert "hush" not in str(caught.value)


def test_what_is_fetched_is_limited(scans):
    with serving(scans) as (url, _):
        path = mount(f"{url}/plain.nii?copy=1")
        with settings.using(max_expanded_bytes=1), pytest.raises(LimitError, match="MAX_EXPANDED"):
            mirrors.fetched(path)


def test_s3(scans, monkeypatch):
    """Through moto's S3, in the process."""
    moto = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    for name, value in {
        "ACCESS_KEY_ID": "x",
        "SECRET_ACCESS_KEY": "y",
        "DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        client = boto3.client("s3", endpoint_url=endpoint)
        client.create_bucket(Bucket="scans")
        for path in [*(scans / "ct").iterdir(), scans / "plain.nii"]:
            client.upload_file(str(path), "scans", path.relative_to(scans).as_posix())
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        there = mv.scan("s3://scans/ct")
        assert np.array_equal(there.volume().values(), mv.read(scans / "ct").values())
        volume = mv.read("s3://scans/plain.nii")
        assert np.array_equal(volume.slice_values(3), ramp(SHAPE, "int16")[3])
        found = mirrors.mirror_of(local("s3://scans/plain.nii"))
        assert found is not None
        assert found.fetched_bytes <= 5 * mirrors.BLOCK
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://a.org/x", "https://a.org/x"),
        ("https:/a.org/x", "https://a.org/x"),
        ("S3://bucket/y", "s3://bucket/y"),
        ("scans/https", None),
        ("/https:/x", None),
        ("C:/scans", None),
    ],
)
def test_urls_are_known(text, url):
    assert url_of(text) == url


def test_secrets_stay_out_of_texts():
    assert public("https://me:pass@a.org/x?X-Amz-Signature=abc") == "https://a.org/x"


def test_any_range_of_a_mirror_is_the_remote_one(tmp_path):
    rng = np.random.default_rng(3)
    content = rng.integers(0, 256, 5 * mirrors.BLOCK + 77, dtype=np.uint8).tobytes()
    asked = []

    def fetch(start, end):
        asked.append((start, end))
        return content[start:end]

    mirror = mirrors.Mirror(tmp_path / "m", len(content), fetch)
    for _ in range(30):
        start, count = int(rng.integers(len(content))), int(rng.integers(1, 2 * mirrors.BLOCK))
        with mirrors.opened(mirror.path) as file:
            file.seek(start)
            assert file.read(count) == content[start : start + count]
    assert sum(end - start for start, end in asked) <= len(content)  # nothing twice
    with mirrors.opened(mirror.path, buffering=0) as file:
        assert file.read() == content


def test_a_folder_that_is_one_image_is_fetched_whole(tmp_path):
    values = ramp((5, 7, 6), "uint8")
    (tmp_path / "in").mkdir()
    mv.write(Volume(values, axial_grid()), tmp_path / "in" / "x.ome.zarr")
    with serving(tmp_path) as (url, _):
        assert np.array_equal(mv.read(f"{url}/in/").values(), values)
