"""Every picture format keeps the contract of formats; volumes become numbered files and come back."""

from dataclasses import replace

import numpy as np
import pytest

from medvox.core import affine as aff
from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.grid import Grid, Space
from medvox.core.volume import Volume
from medvox.formats.picture import (
    BmpFormat,
    GifFormat,
    Jpeg2000Format,
    JpegFormat,
    PngFormat,
    PnmFormat,
    WebpFormat,
)
from medvox.formats.stack import stack_images
from medvox.testing.format_contract import FormatContract
from medvox.testing.volumes import ramp, sample_volumes

SAMPLES = sample_volumes()


def refused(types):
    """Volumes with other axes than k, j, i and RGB, or whose values fit none of the types."""
    fits = [np.iinfo(t) for t in types]

    def bad(volume):
        if [axis for axis in volume.axes[:-3] if axis != CHANNEL] or volume.channels not in (1, 3):
            return True
        values = volume.values()
        if values.dtype.kind == "f":
            return True
        low, high = int(values.min()), int(values.max())
        return not any(f.min <= low and high <= f.max for f in fits)

    return frozenset(name for name, volume in SAMPLES.items() if bad(volume))


def local_slice(spacing=(3.0, 0.75, 0.5)):
    matrix = aff.compose(spacing, np.eye(3)[:, ::-1], (0, 0, 0))
    return Volume(ramp((1, 31, 33), "uint8"), Grid((1, 31, 33), matrix, space=Space.LOCAL))


class Pictures(FormatContract):
    def sample(self):
        return local_slice()

    def reopen(self, path, report):
        stacks = stack_images(report.files)
        if stacks.images:
            return stacks.images[0].open()
        (single,) = report.files
        return self.form.images(single)[0].open()


class TestPng(Pictures):
    form = PngFormat()
    suffix = ".png"
    refused = refused(["u1", "u2"])


class TestJpeg(Pictures):
    form = JpegFormat()
    suffix = ".jpg"
    refused = refused(["u1"])

    def sample(self):
        sample = local_slice()
        return replace(sample, data=np.full(sample.shape, 128, np.uint8))


class TestJpegColour(Pictures):
    form = JpegFormat()
    suffix = ".jpg"
    refused = refused(["u1"])

    def sample(self):
        return replace(local_slice(), data=np.full((3, 1, 31, 33), 128, np.uint8), axes=(CHANNEL, *SPATIAL))


class TestJp2(Pictures):
    form = Jpeg2000Format()
    suffix = ".jp2"
    refused = refused(["u1", "i1", "u2", "i2"])


class TestJ2k(Pictures):
    form = Jpeg2000Format()
    suffix = ".j2k"
    refused = refused(["u1", "i1", "u2", "i2"])


class TestBmp(Pictures):
    form = BmpFormat()
    suffix = ".bmp"
    refused = refused(["u1"])

    def sample(self):
        return replace(local_slice(), grid=Grid.pixels((1, 31, 33)))


class TestGif(Pictures):
    form = GifFormat()
    suffix = ".gif"
    refused = refused(["u1"])


class TestAnimation(Pictures):
    form = GifFormat()
    suffix = ".gif"
    refused = refused(["u1"])

    def sample(self):
        times = {TIME: (0.0, 0.5, 0.75)}
        data = ramp((3, 1, 31, 33), "uint8")
        return replace(local_slice(), data=data, axes=(TIME, *SPATIAL), coordinates=times)


class TestPnm(Pictures):
    form = PnmFormat()
    suffix = ".pnm"
    refused = refused(["u1", "u2"])


class TestPam(Pictures):
    form = PnmFormat()
    suffix = ".pam"
    refused = refused(["u1", "u2"])


class TestWebp(Pictures):
    form = WebpFormat()
    suffix = ".webp"
    refused = refused(["u1"])

    def sample(self):
        data = ramp((3, 1, 31, 33), "uint8")
        return replace(local_slice(), data=data, axes=(CHANNEL, *SPATIAL), grid=Grid.pixels((1, 31, 33)))

    @pytest.mark.parametrize("name", ["rgb"])
    def test_round_trip_keeps_or_reports(self, tmp_path, name):
        """Grey comes back as colour: the tests below look at it."""
        super().test_round_trip_keeps_or_reports(tmp_path, name)

    @pytest.mark.parametrize("name", ["axial-uint8", "one-slice", "bool"])
    def test_grey_is_written_three_times_and_told(self, tmp_path, name):
        volume = SAMPLES[name]
        report = self.form.write(volume, tmp_path / "out.webp")
        again = self.reopen(tmp_path / "out.webp", report)
        assert any("channel axis" in text for text in report.losses)
        for channel in range(3):
            assert np.array_equal(again.data[channel], volume.values())
