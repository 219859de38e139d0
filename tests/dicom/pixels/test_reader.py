"""The frame reader: order, parts of frames, types, threads, progress."""

import pickle
import threading
import time
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from pydicom.uid import UID

from medvox.core.errors import AccessError, CancelledError, FormatError, MissingError, TruncatedError
from medvox.core.lazy import FrameArray
from medvox.core.settings import using
from medvox.dicom.pixels import frame_reader
from medvox.dicom.pixels import reader as reader_module
from medvox.testing.dicom_builder import instance


@pytest.fixture
def series(noise, save, refs):
    """Forty single-frame files and their values."""
    frames = np.stack([noise(-1000, 3000, seed=n) for n in range(40)]).astype("i2")
    paths = [save(instance(frame), f"{n}.dcm") for n, frame in enumerate(frames)]
    return [refs(path)[0] for path in paths], frames


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_any_order_and_repeats(threads, series):
    known, frames = series
    wanted = [5, 3, 3, 39, 0, *range(10, 30)]
    out = np.zeros((len(wanted), *frames.shape[1:]), "i2")
    with using(threads=threads):
        frame_reader(known)(wanted, out)
    np.testing.assert_array_equal(out, frames[wanted])


@pytest.mark.parametrize("straight", [True, False])
@pytest.mark.parametrize("threads", [1, 3])
def test_one_thread_or_several_read_the_same(straight, threads, series, monkeypatch):
    known, frames = series
    monkeypatch.setattr(reader_module, "_HAS_PREADV", straight)
    seen, places = [], set()
    run = reader_module.DicomFrames._run

    def watched(self, task, out):
        places.add(threading.get_ident())
        time.sleep(0.01)  # a turn for the others, however small the files
        return run(self, task, out)

    monkeypatch.setattr(reader_module.DicomFrames, "_run", watched)
    out = np.zeros_like(frames)
    with using(threads=threads):
        frame_reader(known)(range(40), out, lambda done, total, text: seen.append((done, total)))
    np.testing.assert_array_equal(out, frames)
    assert seen[-1] == (40, 40)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert (len(places) > 1) == (threads > 1)


def test_lazy_array_reads_only_what_is_asked_for(series):
    known, frames = series
    array = FrameArray((40,), frames.shape[1:], np.dtype("i2"), frame_reader(known))
    np.testing.assert_array_equal(array[7, 3:9, ::2], frames[7, 3:9, ::2])
    np.testing.assert_array_equal(array.read(), frames)


def test_types_are_joined_without_loss(noise, save, refs):
    signed, unsigned = noise(-32768, 0).astype("i2"), noise(0, 65535).astype("u2")
    known = [refs(save(instance(f), f"{n}.dcm"))[0] for n, f in enumerate((signed, unsigned))]
    out = np.zeros((2, *signed.shape), "i4")
    frame_reader(known)([0, 1], out)
    np.testing.assert_array_equal(out, [signed, unsigned])


def test_output_may_be_a_view_with_steps(series):
    known, frames = series
    room = np.zeros((40, *frames.shape[1:], 2), "i2")
    frame_reader(known)(range(40), room[..., 1])
    np.testing.assert_array_equal(room[..., 1], frames)
    assert not room[..., 0].any()


def test_tiles_of_a_mosaic_decode_their_frame_once(noise, pack, save, refs, monkeypatch):
    mosaic = noise(0, 4000, (40, 60)).astype("u2")
    path = save(pack([imagecodecs.jpegls_encode(mosaic)], mosaic, "1.2.840.10008.1.2.4.80"))
    whole = refs(path)[0]
    tiles = [replace(whole, tile=(r, c, 20, 20)) for r in (0, 20) for c in (0, 20, 40)]
    calls = []
    decode = reader_module.decode_frame
    monkeypatch.setattr(reader_module, "decode_frame", lambda *a: calls.append(1) or decode(*a))
    out = np.zeros((6, 20, 20), "u2")
    frame_reader(tiles)([5, 0, 1, 2, 3, 4], out)
    expected = mosaic.reshape(2, 20, 3, 20).swapaxes(1, 2).reshape(6, 20, 20)
    np.testing.assert_array_equal(out, expected[[5, 0, 1, 2, 3, 4]])
    assert len(calls) == 1


def test_progress_counts_frames_and_may_cancel(series):
    known, frames = series
    seen = []
    out = np.zeros_like(frames)
    frame_reader(known)(range(40), out, lambda done, total, text: seen.append((done, total, text)))
    assert seen[0] == (0, 40, "Reading pixels")
    assert seen[-1] == (40, 40, "Reading pixels")
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)

    def stop(done, total, text):
        if done:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        frame_reader(known)(range(40), out, stop)


def test_settings_of_the_caller_hold_in_threads(series):
    known, frames = series
    out = np.zeros_like(frames)
    with using(threads=3, max_expanded_bytes=1):
        frame_reader(known)(range(40), out)
    np.testing.assert_array_equal(out, frames)


def test_first_failing_frame_is_named(series):
    from pathlib import Path

    known, frames = series
    for n in (11, 30):
        path = Path(known[n].file)
        path.write_bytes(path.read_bytes()[:-10])
    with using(threads=4), pytest.raises(TruncatedError, match=r"11\.dcm"):
        frame_reader(known)(range(40), np.zeros_like(frames))


def test_missing_file_and_folder(series, tmp_path):
    known, frames = series
    out = np.zeros_like(frames[:1])
    with pytest.raises(MissingError, match="gone"):
        frame_reader([replace(known[0], file=str(tmp_path / "none"))])([0], out)
    with pytest.raises(AccessError):
        frame_reader([replace(known[0], file=str(tmp_path))])([0], out)


def test_frames_that_do_not_exist_and_sizes_that_differ(series, save, refs):
    known, frames = series
    with pytest.raises(FormatError, match="no such frame"):
        frame_reader([replace(known[0], frame=1)])([0], np.zeros_like(frames[:1]))
    other = refs(save(instance(np.zeros((5, 6), "i2"))))[0]
    with pytest.raises(FormatError, match="differ in size"):
        frame_reader([known[0], other])


def test_fragments_under_an_uncompressed_syntax_are_refused(noise, pack, save, load):
    frame = noise(0, 255).astype("u1")
    path = save(pack([imagecodecs.jpegls_encode(frame)], frame, "1.2.840.10008.1.2.4.80"))
    content = path.read_bytes().replace(b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.1\0\0\0")
    path.write_bytes(content)
    with pytest.raises(FormatError):
        load(path)


def test_reader_can_be_sent_to_another_process(noise, pack, save, refs):
    frames = np.stack([noise(0, 4000, seed=n) for n in range(3)]).astype("u2")
    path = save(pack([imagecodecs.jpegls_encode(f) for f in frames], frames, UID("1.2.840.10008.1.2.4.80")))
    reader = frame_reader(refs(path))
    out = np.zeros_like(frames)
    reader([0, 1, 2], out)
    again = pickle.loads(pickle.dumps(reader))
    copy = np.zeros_like(frames)
    again([0, 1, 2], copy)
    np.testing.assert_array_equal(copy, frames)
