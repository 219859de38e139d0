"""Print management with DCMTK's dcmpsprt, dcmprscu and dcmprscp, and pynetdicom."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager

import imagecodecs
import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE
from typer.testing import CliRunner

from medvox.archive.state.database import StateDatabase
from medvox.archive.state.print_jobs import JobStatus, PrintJobs
from medvox.cli.main import app
from medvox.core.errors import UsageError
from medvox.network.dimse.services.print_management import (
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_PRINT,
    IMAGE_BOX,
    PRESENTATION_LUT,
    PRINTER,
    PRINTER_INSTANCE,
    Film,
    FilmImage,
    PrintService,
)
from medvox.testing import dicom_builder
from medvox.workflows.node.printing.films import draw, pdf_of, rows_of, size_mm
from medvox.workflows.node.printing.spool import FilmSpool
from network.fakes import Paced, free_port, process, run, storage_node

pytestmark = pytest.mark.net


@pytest.fixture
def spool(tmp_path):
    database = StateDatabase(tmp_path / "state.sqlite")
    spool = FilmSpool(tmp_path / "spool", PrintJobs(database), dpi=50)
    yield spool, tmp_path / "spool", PrintJobs(database)
    database.close()


@contextmanager
def print_node(spool):
    with storage_node(more=(PrintService(spool[0]),)) as node:
        yield node


def slices(folder, count=3):
    """Files of gradients along columns, window over all of it."""
    ramp = np.tile(np.linspace(0, 1000, 64).astype(np.int16), (count, 64, 1))
    made = dicom_builder.stack(ramp, modality="CT")
    for each in made:
        each.RescaleSlope, each.RescaleIntercept = 1, 0
        each.WindowCenter, each.WindowWidth = 500.5, 1001
    return dicom_builder.save(made, folder)


def config(folder, port, kind="PRINTER"):
    """Configuration of DCMTK's print tools for one printer."""
    for name in ("database", "printspool"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    text = f"""[[GENERAL]]
[PRINT]
Directory = {folder}/printspool
MinPrintResolution = 64\\64
MaxPrintResolution = 8192\\8192
[DATABASE]
Directory = {folder}/database
[NETWORK]
aetitle = DCMPSTATE
[[COMMUNICATION]]
[FILMS]
Aetitle = FILMS
Description = films
Hostname = 127.0.0.1
Port = {port}
Type = {kind}
BorderDensity = BLACK\\WHITE
DisplayFormat = 1,1\\2,1\\2,2\\3,2
EmptyImageDensity = BLACK\\WHITE
FilmDestination = MAGAZINE
FilmSizeID = 8INX10IN\\14INX17IN
MagnificationType = REPLICATE\\BILINEAR\\CUBIC\\NONE
MaxDensity = 320
MinDensity = 0
MaxPDU = 32768
MediumType = PAPER\\CLEAR FILM
Supports12Bit = true
SupportsPresentationLUT = true
SupportsTrim = true
"""
    path = folder / "print.cfg"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("lut", "session"), [("--default-plut", False), ("--identity", True)])
def test_dcmtk_prints_two_images_on_a_film(spool, tmp_path, lut, session):
    files = slices(tmp_path / "in", 2)
    with print_node(spool) as node:
        settings = config(tmp_path, node.port)
        made = run("dcmpsprt", "-c", settings, "-p", "FILMS", "--layout", 2, 1, lut, "--filmsize", "8INX10IN",
                   "--magnification", "REPLICATE", "--border", "WHITE", "--portrait", *files)  # fmt: skip
        assert made.returncode == 0, made.stderr
        stored = [
            path
            for path in (tmp_path / "database").glob("*.dcm")
            if dcmread(path).SOPClassUID == "1.2.840.10008.5.1.1.27"
        ]
        how = ["--session-print"] if session else []
        words = ["-c", settings, "-p", "FILMS", "--copies", 2, "--label", "Ward", *how, *stored]
        told = run("dcmprscu", "-v", *words)
        assert told.returncode == 0, told.stderr
    (job,) = spool[2].recent()
    assert (job.caller, job.label, job.copies, job.films) == ("DCMPSTATE", "Ward", 2, 1)
    assert job.status is JobStatus.DONE
    sheet = imagecodecs.png_decode((spool[1] / f"job-{job.id}" / "film-1.png").read_bytes())
    assert sheet.shape == (500, 400)
    assert (sheet[:5] == 255).all()
    middle = sheet[250]
    left = middle[10:195].astype(int)
    assert left.min() < 10
    assert (np.diff(left[8:-8]) >= -1).all()


def test_our_command_prints_on_dcmprscp(tmp_path):
    files, port = slices(tmp_path / "in", 3), free_port()
    settings = config(tmp_path, port, "LOCALPRINTER")
    with process(port, "dcmprscp", "-c", settings, "-p", "FILMS"):
        told = CliRunner().invoke(
            app,
            ["net", "print", *map(str, files), "--to", f"FILMS@127.0.0.1:{port}", "--layout", "2,1"],
            catch_exceptions=False,
        )
    assert told.exit_code == 0, told.output
    assert "3 images printed on 2 films" in told.output
    found = [dcmread(path) for path in (tmp_path / "database").glob("*.dcm")]
    pictures = [each for each in found if "PixelData" in each]
    films = [each for each in found if "FilmBoxContentSequence" in each]
    assert len(films) == 2
    assert len(pictures) == 3
    assert {str(film.FilmBoxContentSequence[0].ImageDisplayFormat) for film in films} == {"STANDARD\\2,1"}
    grey = pictures[0].pixel_array[0].astype(int)
    assert grey[0] == 0
    assert grey[-1] == 255
    assert np.abs(grey - np.linspace(0, 255, 64)).max() <= 1


def test_our_command_prints_on_our_spool(spool, tmp_path):
    files = slices(tmp_path / "in", 3)
    with print_node(spool) as node:
        words = ["net", "print", str(tmp_path / "in"), "--to", f"127.0.0.1:{node.port}", "--film", "a4"]
        told = CliRunner().invoke(app, words)
        assert told.exit_code == 0, told.output
        wrong = CliRunner().invoke(app, [*words, "--film", "B5"])
        assert isinstance(wrong.exception, UsageError)
    assert f"{len(files)} images" in told.output
    (job,) = spool[2].recent()
    assert sorted(path.name for path in (spool[1] / f"job-{job.id}").iterdir()) == ["film-1.png", "films.pdf"]


@contextmanager
def pynetdicom_to(node):
    ae = AE("PYNET")
    for uid in (GRAYSCALE_PRINT, PRESENTATION_LUT):
        ae.add_requested_context(uid)
    association = ae.associate("127.0.0.1", node.port)
    assert association.is_established
    yield Paced(association)
    association.release()


def film_box(session, display_format="STANDARD\\1,1"):
    box = Dataset()
    box.ImageDisplayFormat = display_format
    box.ReferencedFilmSessionSequence = [Dataset()]
    box.ReferencedFilmSessionSequence[0].ReferencedSOPClassUID = FILM_SESSION
    box.ReferencedFilmSessionSequence[0].ReferencedSOPInstanceUID = session
    return box


def image_box(values, position=1, bits=8):
    image = Dataset()
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = values.shape
    image.BitsAllocated, image.BitsStored, image.HighBit = (8 if bits == 8 else 16), bits, bits - 1
    image.PixelRepresentation = 0
    image.PixelData = values.astype(np.uint8 if bits == 8 else "<u2").tobytes()
    image["PixelData"].VR = "OW"
    box = Dataset()
    box.ImageBoxPosition, box.Polarity = position, "NORMAL"
    box.BasicGrayscaleImageSequence = [image]
    return box


META = {"meta_uid": GRAYSCALE_PRINT}
SESSION = Dataset()
SESSION.NumberOfCopies = 1


def test_pynetdicom_walks_through_the_states_and_faults(spool):
    with print_node(spool) as node, pynetdicom_to(node) as peer:
        status, printer = peer.send_n_get([0x21100010], PRINTER, PRINTER_INSTANCE, **META)
        assert (status.Status, printer.PrinterStatus, len(printer)) == (0, "NORMAL", 1)
        status, _ = peer.send_n_create(film_box("1.2"), FILM_BOX, "1.2.3", **META)
        assert status.Status == 0x0106
        assert peer.send_n_create(SESSION, FILM_SESSION, "1.2", **META)[0].Status == 0
        assert peer.send_n_action(None, 1, FILM_SESSION, "1.2", **META)[0].Status == 0xC600
        assert peer.send_n_create(film_box("1.2", "CUSTOM\\1"), FILM_BOX, "1.2.3", **META)[0].Status == 0x0106
        status, made = peer.send_n_create(film_box("1.2"), FILM_BOX, "1.2.3", **META)
        assert status.Status == 0
        (box,) = made.ReferencedImageBoxSequence
        assert box.ReferencedSOPClassUID == IMAGE_BOX
        assert peer.send_n_action(None, 1, FILM_BOX, "1.2.3", **META)[0].Status == 0xB603
        cut = image_box(np.zeros((8, 8)))
        cut.BasicGrayscaleImageSequence[0].Rows = 80
        uid = box.ReferencedSOPInstanceUID
        assert peer.send_n_set(cut, IMAGE_BOX, uid, **META)[0].Status == 0x0106
        assert peer.send_n_set(image_box(np.zeros((8, 8)), 2), IMAGE_BOX, uid, **META)[0].Status == 0x0106
        assert peer.send_n_set(image_box(np.zeros((8, 8))), IMAGE_BOX, uid, **META)[0].Status == 0
        assert peer.send_n_set(SESSION, IMAGE_BOX, "1.9", **META)[0].Status == 0x0112
        assert peer.send_n_action(None, 1, FILM_BOX, "1.2.3", **META)[0].Status == 0
        assert peer.send_n_delete(FILM_BOX, "1.2.3", **META).Status == 0
        assert peer.send_n_delete(FILM_SESSION, "1.2", **META).Status == 0
        assert peer.send_n_delete(FILM_SESSION, "1.2", **META).Status == 0x0112
    assert [job.status for job in spool[2].recent()] == [JobStatus.DONE] * 2


def test_a_session_ends_with_its_association(spool):
    with print_node(spool) as node:
        for _ in range(2):
            with pynetdicom_to(node) as peer:
                assert peer.send_n_create(SESSION, FILM_SESSION, "1.2", **META)[0].Status == 0


def test_a_spool_that_cannot_be_written_is_a_status(spool, tmp_path):
    (tmp_path / "spool").write_text("in the way")
    with print_node(spool) as node, pynetdicom_to(node) as peer:
        peer.send_n_create(SESSION, FILM_SESSION, "1.2", **META)
        peer.send_n_create(film_box("1.2"), FILM_BOX, "1.2.3", **META)
        assert peer.send_n_action(None, 1, FILM_BOX, "1.2.3", **META)[0].Status == 0xC601
    (job,) = spool[2].recent()
    assert job.status is JobStatus.FAILURE
    assert job.reason


def film(values, lut=None, bits=8, **box):
    made = Dataset()
    made.ImageDisplayFormat, made.FilmSizeID = "STANDARD\\1,1", "8INX10IN"
    for name, value in box.items():
        setattr(made, name, value)
    given = image_box(values, bits=bits)
    return Film(made, {1: FilmImage(given, given.BasicGrayscaleImageSequence[0])}, 1, lut)


def test_values_lie_between_the_densities():
    ramp = np.tile(np.arange(256), (256, 1))
    for least, most in ((0, 320), (20, 200)):
        sheet = draw(film(ramp, MinDensity=least, MaxDensity=most, MagnificationType="NONE"), 50)
        row = sheet[sheet.shape[0] // 2]
        assert row[0] == round(255 * (1 - most / 320))  # the border is black: the greatest density
        first = (400 - 256) // 2
        wanted = 255 * (1 - (most - np.arange(256) / 255 * (most - least)) / 320)
        assert np.abs(row[first : first + 256] - wanted).max() <= 0.51


def test_presentation_luts_polarity_and_monochrome1():
    values = np.full((4, 4), 100)
    lut = Dataset()
    lut.PresentationLUTSequence = [Dataset()]
    lut.PresentationLUTSequence[0].LUTDescriptor = [256, 0, 12]
    lut.PresentationLUTSequence[0].LUTData = (np.arange(256) * 2).tolist()
    made = film(values, lut)
    assert draw(made, 50)[250, 200] == round(255 * 200 / 4095)
    made = film(values)
    made.images[1].box.Polarity = "REVERSE"
    assert draw(made, 50)[250, 200] == 155
    made.images[1].image.PhotometricInterpretation = "MONOCHROME1"
    assert draw(made, 50)[250, 200] == 100
    assert draw(film(np.full((4, 4), 4095), bits=12), 50)[250, 200] == 255


def test_positions_sizes_and_trim():
    assert rows_of("ROW\\1,2") == [1, 2]
    assert rows_of("SLIDE") is None
    assert rows_of("STANDARD\\0,1") is None
    portrait = Dataset()
    portrait.FilmSizeID = "8_5INX11IN"
    assert size_mm(portrait) == pytest.approx((215.9, 279.4))
    portrait.FilmOrientation, portrait.FilmSizeID = "LANDSCAPE", "24CMX30CM"
    assert size_mm(portrait) == (300, 240)
    box = Dataset()
    box.ImageDisplayFormat, box.Trim, box.FilmSizeID = "COL\\1,2", "YES", "14INX14IN"
    box.BorderDensity, box.EmptyImageDensity = "WHITE", "BLACK"
    given = image_box(np.full((2, 1), 128))
    given.RequestedImageSize = 25.4
    image = FilmImage(given, given.BasicGrayscaleImageSequence[0])
    sheet = draw(Film(box, {2: image}, 3), 50)
    assert sheet[350, 175] == 0  # position 1 is all of the first column, and empty
    assert sheet[175, 525] == 128  # position 2 is the upper one of the second
    assert sheet[525, 525] == 0
    asked = np.argwhere(sheet == 128)
    assert (np.ptp(asked, axis=0) + 1).tolist() == [98, 48]  # 100 x 50 dots without the line around
    assert sheet[350 // 2 - 50, 525] == 255


def test_ghostscript_sees_the_same_picture(tmp_path):
    if shutil.which("gs") is None:
        pytest.skip("gs is not installed (apt install ghostscript)")
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 256, shape).astype(np.uint8) for shape in ((144, 72), (72, 144))]
    (tmp_path / "a.pdf").write_bytes(
        pdf_of([(p, (p.shape[1] / 72 * 25.4, p.shape[0] / 72 * 25.4)) for p in pictures])
    )
    how = ["-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pnggray", "-r72", "-dInterpolateControl=0"]
    words = ["gs", "-q", *how, f"-sOutputFile={tmp_path}/%d.png", tmp_path / "a.pdf"]
    subprocess.run(words, check=True, capture_output=True)
    for k, picture in enumerate(pictures, start=1):
        seen = imagecodecs.png_decode((tmp_path / f"{k}.png").read_bytes())
        assert np.array_equal(seen, picture)
