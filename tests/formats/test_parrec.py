"""PAR/REC against nibabel on the headers that nibabel brings, and headers made here."""

import shutil
import warnings
from dataclasses import fields
from pathlib import Path
from xml.sax.saxutils import escape

import nibabel
import numpy as np
import pytest
from nibabel.parrec import PARRECError, PARRECHeader

from medvox.core.axes import ras_from_lps
from medvox.core.errors import FormatError, LimitError, MissingError, TruncatedError
from medvox.core.grid import Space
from medvox.formats.parrec import ParRecFormat
from medvox.formats.parrec.frames import Frame
from medvox.formats.parrec.par_header import read_par
from medvox.testing.format_contract import FormatContract

PEER = Path(nibabel.__file__).parent / "tests" / "data"
HEADERS = sorted(path.name for path in PEER.glob("*.PAR"))

COLUMNS = """#  slice number                             (integer)
#  echo number                              (integer)
#  dynamic scan number                      (integer)
#  cardiac phase number                     (integer)
#  image_type_mr                            (integer)
#  scanning sequence                        (integer)
#  index in REC file (in images)            (integer)
#  image pixel size (in bits)               (integer)
#  scan percentage                          (integer)
#  recon resolution (x y)                   (2*integer)
#  rescale intercept                        (float)
#  rescale slope                            (float)
#  scale slope                              (float)
#  window center                            (integer)
#  window width                             (integer)
#  image angulation (ap,fh,rl in degrees )  (3*float)
#  image offcentre (ap,fh,rl in mm )        (3*float)
#  slice thickness (in mm )                 (float)
#  slice gap (in mm )                       (float)
#  slice orientation ( TRA/SAG/COR )        (integer)
#  pixel spacing (x,y) (in mm)              (2*float)
#  echo_time                                (float)
#  dyn_scan_begin_time                      (float)
#  diffusion_b_factor                       (float)
"""
ROW = (
    "{slice} {echo} {dynamic} 1 {kind} 1 {index} 16 100 4 3 -5 {slope} 0.25 100 200 "
    "0 0 0 {ap} {fh} {rl} 2.5 0.5 {plane} 1.5 1.25 {te} {time} 0"
)


def row(n, **changes):
    values = {"slice": n + 1, "echo": 1, "dynamic": 1, "kind": 0, "index": n, "slope": 2, "ap": 4, "rl": 8}
    values |= {"plane": 1, "te": 30, "time": 0, "fh": 3 * (n % 5)} | changes
    return ROW.format(**values)


def par_text(rows, version="V4.2", columns=COLUMNS, general="", end=True):
    lines = [
        "# === DATA DESCRIPTION FILE ======",
        f"# CLINICAL TRYOUT             Research image export tool     {version}",
        "# === GENERAL INFORMATION ========",
        ".    Patient name                       :   Somebody",
        ".    Max. number of slices/locations    :   5",
        general,
        "# === IMAGE INFORMATION DEFINITION",
        columns,
        "# === IMAGE INFORMATION ==========",
        *rows,
        "# === END OF DATA DESCRIPTION FILE" if end else "",
    ]
    return "\n".join(lines)


def written(folder, rows, values=None, **more):
    count = len(rows)
    values = np.arange(count * 12, dtype="<u2") if values is None else values
    (folder / "x.PAR").write_text(par_text(rows, **more))
    (folder / "x.REC").write_bytes(values.tobytes())
    return folder / "x.PAR", values[: len(values) // 12 * 12].reshape(-1, 3, 4)


class TestContract(FormatContract):
    form = ParRecFormat()
    suffix = ".PAR"
    lazy_slices = True

    def make(self, folder):
        for name in ("no_suffix", "wrong", "WRONG"):  # a header finds its values by its own name
            (folder / f"{name}.REC").write_bytes(bytes(5 * 24))
        return written(folder, [row(n) for n in range(5)])[0]

    def values_file(self, path):
        return path.with_suffix(".REC")


def peer_files(name, folder):
    """Copy a header of nibabel's, with its values or with ones that count."""
    shutil.copy(PEER / name, folder / name)
    rec = (PEER / name).with_suffix(".REC")
    if rec.exists():
        shutil.copy(rec, folder)
    else:
        frames = read_par((PEER / name).read_text(), PEER / name).frames
        size = sum(f.nbytes for f in frames)
        values = np.arange(size // 2, dtype="<u2") * np.uint16(7)
        (folder / name).with_suffix(".REC").write_bytes(values.tobytes())
    return folder / name


def peer_header(path):
    with warnings.catch_warnings(), path.open() as file:
        warnings.simplefilter("ignore")
        return PARRECHeader.from_fileobj(file, permit_truncated=True, strict_sort=True)


@pytest.mark.parametrize("name", HEADERS)
def test_affine_is_nibabels(tmp_path, name):
    images = ParRecFormat().images(peer_files(name, tmp_path))
    codes = {finding.code for image in images for finding in image.findings}
    try:
        expected = peer_header(PEER / name).get_affine()
    except PARRECError:
        assert "mixed-orientation" in codes
        return
    if "affine-conflict" in codes:  # nibabel heeds the general lines alone; here they contradict the images
        assert name in {"R11_T2W_TSE.PAR", "umass_anonymized.PAR", "ASL_3D_Multiecho.PAR"}
        return
    for image in images:
        assert np.abs(ras_from_lps(image.grid.affine) - expected).max() < 1e-9


@pytest.mark.parametrize(("scaling", "peer"), [("display", "dv"), ("precise", "fp")])
@pytest.mark.parametrize("name", ["phantom_EPI_asc_CLEAR_2_1", "phantom_varscale", "phantom_truncated"])
def test_values_are_nibabels(name, scaling, peer):
    header = peer_header(PEER / f"{name}.PAR")
    stored = np.fromfile(PEER / f"{name}.REC", "<u2").reshape(header.get_rec_shape(), order="F")
    slope, intercept = header.get_data_scaling(peer)
    ordered = stored[..., header.get_sorted_slice_indices()]
    expected = ordered.reshape(header.get_data_shape(), order="F") * slope + intercept
    (image,) = ParRecFormat().images(PEER / f"{name}.PAR")
    volume = image.open()
    volume = volume if scaling == "display" else volume.scaled(scaling)
    values = volume.values(np.float64)
    assert volume.axes == ("time", "k", "j", "i")
    assert np.allclose(values, expected.T, rtol=1e-12)
    assert np.allclose(volume.slice_values(4, (2,)), values[2, 4], rtol=1e-6)


@pytest.mark.parametrize("name", ["DTI", "fieldmap", "T2_-interleaved", "T1_3echo_mag_real_imag_phase"])
def test_frames_are_sorted_as_by_nibabel(tmp_path, name):
    path = peer_files(f"{name}.PAR", tmp_path)
    header = peer_header(path)
    order = header.get_sorted_slice_indices()
    frames = read_par(path.read_text(), path).frames
    expected = [frames[n].index for n in order]
    found = [
        source.frame - 1
        for image in sorted(ParRecFormat().images(path), key=lambda i: _rank(i.facts))
        for source in image.open().known_provenance.sources
    ]
    assert found == expected


def _rank(facts):
    known = dict(facts)
    kinds = ("magnitude", "real", "imaginary", "phase")
    return kinds.index(known.get("image_type", "magnitude")), int(known.get("echo_number", 1))


def test_diffusion_is_nibabels(tmp_path):
    path = peer_files("DTI.PAR", tmp_path)
    (image,) = ParRecFormat().images(path)
    values, vectors = peer_header(path).get_bvals_bvecs()
    facts = dict(image.facts)
    found = np.array([[float(x) for x in v.split()] for v in facts["gradients_lps"].split(";")])
    assert image.axes == ("b_value", "k", "j", "i")
    assert image.open().coordinates["b_value"] == pytest.approx(values)
    assert facts["b_values_s_mm2"].split() == [f"{v:g}" for v in values]
    # nibabel's are along (i, j, k); for transverse slices these run to L, P, S before they are turned
    assert found == pytest.approx(vectors, abs=1e-3)


def test_version_4_diffusion_is_told_to_be_in_file_order(tmp_path):
    (image,) = ParRecFormat().images(peer_files("DTIv40.PAR", tmp_path))
    assert image.shape == (8, 10, 80, 80)
    assert "ambiguous-4d" in {f.code for f in image.findings}


def test_orientations_are_split(tmp_path):
    images = ParRecFormat().images(peer_files("NA.PAR", tmp_path))
    assert [dict(i.facts)["plane"] for i in images] == ["sagittal", "coronal", "transverse"]
    assert [i.grid.letters[0] for i in images] == ["R", "P", "S"]
    assert [i.shape[0] for i in images] == [3, 3, 3]
    center = images[0].grid.to_patient((1, 127.5, 127.5))
    assert center == pytest.approx((0, -20, 20), abs=0.01)  # the middle slice: ap -20, fh 20, rl 0


def test_affine_of_a_plain_stack_by_hand(tmp_path):
    path, values = written(tmp_path, [row(n) for n in range(5)])
    (image,) = ParRecFormat().images(path)
    volume = image.open()
    # columns run to the left in steps of 1.5, rows to posterior in 1.25, slices to the head in 3 mm
    expected = [[0, 0, 1.5, 8 - 1.5 * 1.5], [0, 1.25, 0, 4 - 1.25], [3, 0, 0, 0], [0, 0, 0, 1]]
    assert volume.grid.affine == pytest.approx(np.array(expected))
    assert np.array_equal(volume.values(), values * 2.0 - 5)
    assert np.allclose(volume.scaled("precise").values(), (values * 2.0 - 5) / (2 * 0.25))
    assert volume.meaning == "magnitude, display value"
    assert volume.display.windows[0].range == (0, 200)
    assert volume.source_of((3, 0, 0)).file.endswith("x.REC")


def test_slices_numbered_downwards(tmp_path):
    path, _ = written(tmp_path, [row(n, fh=-3 * n) for n in range(5)])
    (image,) = ParRecFormat().images(path)
    assert image.grid.affine[:3, 0] == pytest.approx([0, 0, -3])
    assert image.grid.origin_mm[2] == pytest.approx(0)


def test_uneven_slices_keep_their_places(tmp_path):
    places = [0, 3, 7, 12, 20]
    path, values = written(tmp_path, [row(n, fh=places[-1 - n]) for n in range(5)])
    (image,) = ParRecFormat().images(path)
    assert image.grid.origins_mm[:, 2] == pytest.approx(places)
    assert np.array_equal(image.open().data[0], values[4])
    assert {"uneven-spacing", "affine-conflict"} <= {f.code for f in image.findings}


def test_version_3_states_sizes_once(tmp_path):
    columns = "\n".join(
        line
        for line in COLUMNS.splitlines()
        if not any(
            w in line for w in ("pixel size", "scan percentage", "recon res", "thickness", "slice gap")
        )
    )
    general = (
        ".    Image pixel size [8 or 16 bits]    :   16\n.    Recon resolution (x, y)            :   4   3\n"
        ".    Slice thickness [mm]               :   2.5\n.    Slice gap [mm]                     :   0.5\n"
        ".    Angulation midslice(ap,fh,rl)[degr]:   0.00  0.00  0.00\n"
        ".    Off Centre midslice(ap,fh,rl) [mm] :   4.00  6.00  8.00"
    )
    short = []
    for n in range(5):
        words = row(n).split()
        short.append(" ".join(words[:7] + words[11:22] + words[24:]))
    path, values = written(tmp_path, short, version="V3", columns=columns, general=general)
    (old,) = ParRecFormat().images(path)
    (tmp_path / "new").mkdir()
    path, _ = written(tmp_path / "new", [row(n) for n in range(5)])
    (new,) = ParRecFormat().images(path)
    assert old.grid.is_close(new.grid)
    assert np.array_equal(old.open().values(), values * 2.0 - 5)


# -- recordings that were cut short ---------------------------------------------------------------


def dynamics(count):
    return [row(n % 5, dynamic=n // 5 + 1, index=n, time=2.5 * (n // 5)) for n in range(count)]


def test_incomplete_dynamic_is_kept_apart(tmp_path):
    path, values = written(tmp_path, dynamics(13))
    whole, part = ParRecFormat().images(path)
    assert whole.shape == (2, 5, 3, 4)
    assert whole.open().coordinates["time"] == (0, 2.5)
    assert part.shape == (3, 3, 4)
    assert np.array_equal(part.open().data, values[10:])
    assert "incomplete-time-point" in {f.code for f in part.findings}


def test_short_rec_loses_what_is_not_there(tmp_path):
    path, _ = written(tmp_path, dynamics(15), np.arange(12 * 12, dtype="<u2"))
    whole, part = ParRecFormat().images(path)
    assert whole.shape == (2, 5, 3, 4)
    assert part.shape == (2, 3, 4)
    assert "truncated-pixel-data" in {f.code for f in whole.findings}
    whole.open().load()


def test_rec_without_one_volume_is_refused(tmp_path):
    path, _ = written(tmp_path, dynamics(5), np.arange(50, dtype="<u2"))
    with pytest.raises(TruncatedError, match="first volume"):
        ParRecFormat().images(path)


def test_announced_dynamics_that_are_missing(tmp_path):
    general = ".    Max. number of dynamics            :   4"
    path, _ = written(tmp_path, dynamics(10), general=general)
    (image,) = ParRecFormat().images(path)
    assert any("announces 4 dynamics and lists 2" in f.text for f in image.findings)


def test_missing_rec_is_named(tmp_path):
    path, _ = written(tmp_path, dynamics(5))
    (tmp_path / "x.REC").unlink()
    with pytest.raises(MissingError, match=r"x\.REC"):
        ParRecFormat().images(path)


@pytest.mark.parametrize(
    "change",
    [
        {"slope": "abc"},
        {"slope": "nan"},
        {"index": -1},
        {"index": 3},
        {"slice": 1.5},
        {"slice": 10**12},
    ],
)
def test_bad_lines_are_refused(tmp_path, change):
    path, _ = written(tmp_path, [row(0), row(1), row(2, **change), row(3)])
    with pytest.raises(FormatError):
        ParRecFormat().images(path)


# -- XML/REC --------------------------------------------------------------------------------------


def xml_text(frames):
    """Header of the same recording as a PAR file, by the names that the XML gives to things."""
    planes = {"transverse": "Transversal", "sagittal": "Sagittal", "coronal": "Coronal"}
    kinds = dict(zip(("magnitude", "real", "imaginary", "phase"), "MRIP", strict=True))
    lines = ["<PRIDE_V5>", "<Series_Info>", '<Attribute Name="Max No Slices" Type="Int32">5</Attribute>']
    lines += ['<Attribute Name="Patient Name" Type="String">Some &amp; body</Attribute>', "</Series_Info>"]
    lines.append("<Image_Array>")
    for f in frames:
        key = {"Slice": f.slice, "Echo": f.echo, "Dynamic": f.dynamic, "Phase": f.phase, "BValue": 1}
        key |= {"Grad Orient": 1, "Label Type": "-", "Type": kinds[f.image_type], "Sequence": "SE"}
        key |= {"Index": f.index}
        values = {
            "Pixel Size": f.bits,
            "Resolution X": f.columns,
            "Resolution Y": f.rows,
            "Rescale Intercept": f.intercept,
            "Rescale Slope": f.slope,
            "Scale Slope": f.scale_slope,
            "Window Center": f.window[0],
            "Window Width": f.window[1],
            "Slice Thickness": f.thickness_mm,
            "Slice Gap": f.gap_mm,
            "Pixel Spacing": f"{f.spacing_mm[0]} {f.spacing_mm[1]}",
            "Echo Time": f.echo_time_ms,
            "Dyn Scan Begin Time": f.dynamic_time_s,
            "Slice Orientation": planes[f.plane],
        }
        for name, vector in (("Angulation", f.angulation_deg), ("Offcenter", f.off_center_mm)):
            values |= {f"{name} {a}": v for a, v in zip(("AP", "FH", "RL"), vector, strict=True)}
        as_lines = lambda d: [f'<Attribute Name="{n}">{escape(str(v))}</Attribute>' for n, v in d.items()]  # noqa: E731
        lines += ["<Image_Info>", "<Key>", *as_lines(key), "</Key>", *as_lines(values), "</Image_Info>"]
    return "\n".join([*lines, "</Image_Array>", "</PRIDE_V5>"])


@pytest.mark.parametrize(
    "name", ["phantom_varscale", "Phantom_EPI_3mm_cor_20APtrans_15RLrot_SENSE_15_1", "NA"]
)
def test_xml_says_what_par_says(tmp_path, name):
    path = peer_files(f"{name}.PAR", tmp_path)
    frames = read_par(path.read_text(), path).frames
    (tmp_path / f"{name}.xml").write_text(xml_text(frames))
    for par, xml in zip(
        ParRecFormat().images(path), ParRecFormat().images(tmp_path / f"{name}.xml"), strict=True
    ):
        assert xml.grid.is_close(par.grid, 0.06)  # the images' own places have two decimals
        assert xml.axes == par.axes
        assert np.array_equal(xml.open().values(), par.open().values())
        assert np.array_equal(xml.open().scaled("precise").values(), par.open().scaled("precise").values())


class TestContractXml(FormatContract):
    form = ParRecFormat()
    suffix = ".xml"
    lazy_slices = True

    def make(self, folder):
        for name in ("no_suffix", "wrong", "WRONG", "x"):
            (folder / f"{name}.REC").write_bytes(np.arange(5 * 12, dtype="<u2").tobytes())
        rows = [row(n) for n in range(5)]
        path = folder / "x.xml"
        path.write_text(xml_text(read_par(par_text(rows), path).frames))
        return path

    def values_file(self, path):
        return path.with_suffix(".REC")


ENTITIES = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("start", [ENTITIES, OUTSIDE, '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">'])
def test_document_types_are_refused(tmp_path, start):
    path = TestContractXml().make(tmp_path)
    path.write_text(start + path.read_text())
    with pytest.raises(FormatError, match="document type"):
        ParRecFormat().images(path)


def test_deep_nesting_is_refused(tmp_path):
    path = TestContractXml().make(tmp_path)
    path.write_text(path.read_text().replace("<Image_Array>", "<Image_Array>" + "<a>" * 100_000))
    with pytest.raises(LimitError, match="nested"):
        ParRecFormat().images(path)


def test_header_marks_the_patient(tmp_path):
    path, _ = written(tmp_path, [row(n) for n in range(5)])
    lines = {line.tag: line for line in ParRecFormat().header(path)}
    assert lines["Patient name"].identifying
    assert lines["table: slice"].value == "1, 2, 3, 4, 5"
    assert {f.name for f in fields(Frame)} == {
        t.removeprefix("table: ") for t in lines if t.startswith("table")
    }
    assert ParRecFormat().images(path)[0].grid.space is Space.PATIENT
