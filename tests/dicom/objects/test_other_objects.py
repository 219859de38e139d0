"""Key objects, presentation states, parametric maps, mappings and models, beside highdicom and dciodvfy."""

import warnings

import numpy as np
import pydicom
import pytest

from data import data_dir
from dicom.objects.objects_data import SKULL, faults, tilted_ct
from medvox.core.contour import ContourSet, PlanarContours, Region, SegmentContours
from medvox.core.errors import UnsupportedError, UsageError
from medvox.core.grid import Grid
from medvox.core.labels import Code
from medvox.core.volume import Volume, Window
from medvox.dicom.objects.encapsulated_model import (
    EncapsulatedModel,
    ModelKind,
    read_encapsulated_model,
    write_encapsulated_model,
)
from medvox.dicom.objects.key_objects import KeyObjects, read_key_objects, write_key_objects
from medvox.dicom.objects.parametric_map import write_parametric_map
from medvox.dicom.objects.presentation_state import (
    PresentationState,
    read_presentation_state,
    write_presentation_state,
)
from medvox.dicom.objects.real_world_values import (
    RealWorldMap,
    RealWorldMapping,
    read_real_world_mapping,
    write_real_world_mapping,
)
from medvox.dicom.objects.sources import find_sources
from medvox.dicom.objects.summary import summarize
from medvox.dicom.objects.terms import all_terms, search_terms, term
from medvox.workflows.open_folder import read

ADC = Code("113041", "DCM", "Apparent Diffusion Coefficient")
UNIT = Code("um2/s", "UCUM", "um2/s")


def test_key_objects_come_back_and_open_in_highdicom(tmp_path):
    import highdicom as hd

    volume = tilted_ct(tmp_path / "ct")
    marked = KeyObjects(find_sources(volume).references[1:3], description="look here")
    write_key_objects(marked, tmp_path / "ko.dcm", volume)
    assert read_key_objects(tmp_path / "ko.dcm") == marked
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = hd.ko.KeyObjectSelectionDocument.from_dataset(pydicom.dcmread(tmp_path / "ko.dcm"))
        assert len(theirs.content.get_references()) == 2
    assert faults(tmp_path / "ko.dcm") == []
    with pytest.raises(UsageError):
        write_key_objects(KeyObjects(()), tmp_path / "x.dcm", volume)


def test_outlines_are_shown_where_they_lie_on_each_tilted_slice(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    corners = np.array([[2, 3], [2, 9], [8, 9.0]])  # row, column
    planes = tuple(
        PlanarContours((Region(volume.grid.to_patient(np.insert(corners, 0, k, axis=1))),)) for k in (1, 5)
    )
    made = ContourSet((SegmentContours(SKULL, planes),), volume.grid.frame_of_reference)
    write_presentation_state(made, tmp_path / "pr.dcm", volume)
    back = read_presentation_state(tmp_path / "pr.dcm")
    assert [m.image.sop_instance_uid for m in back.marks] == [
        volume.source_of((k, 3, 3)).sop_instance_uid for k in (1, 5)
    ]
    for mark in back.marks:
        assert mark.closed
        assert np.allclose(mark.points, corners[:, ::-1] + 0.5, atol=1e-4)
    assert back.layers == (("SEGMENT1", SKULL.color),)
    assert faults(tmp_path / "pr.dcm") == []


def test_windows_are_kept_and_nothing_to_show_is_refused(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    write_presentation_state(PresentationState((), (), Window(40, 400)), tmp_path / "pr.dcm", volume)
    assert read_presentation_state(tmp_path / "pr.dcm").window == Window(40.0, 400.0)
    with pytest.raises(UsageError, match="nothing to show"):
        write_presentation_state(PresentationState((), ()), tmp_path / "x.dcm", volume)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parametric_maps_hold_every_value_on_the_slices_of_the_source(tmp_path, dtype):
    import highdicom as hd

    volume = tilted_ct(tmp_path / "ct")
    values = np.random.default_rng(6).normal(0, 100, volume.grid.shape).astype(dtype)
    path = tmp_path / "pm.dcm"
    write_parametric_map(volume.derive(values, "adc"), path, UNIT, ADC, volume)
    back = read(path)
    assert np.array_equal(back.values(), values)
    assert back.grid.is_close(volume.grid)
    assert back.scaling_units["real-world"] == "um2/s"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = hd.pm.ParametricMap.from_dataset(pydicom.dcmread(path))
        assert np.array_equal(theirs.get_frames(), values)
    assert faults(path) == []


def test_maps_without_a_place_are_refused(tmp_path):
    flat = Volume(np.zeros((1, 2, 2), np.float32), Grid.pixels((1, 2, 2)))
    with pytest.raises(UnsupportedError, match="place"):
        write_parametric_map(flat, tmp_path / "x.dcm", UNIT)


def test_real_world_mappings_come_back(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    line = RealWorldMap(UNIT, 2.5, -7.0, -1024, 3071, "ADC", "words", ADC)
    table = RealWorldMap(UNIT, 0.0, 0.0, 2, 4, "TABLE", "three", None, (1.0, 4.0, 9.5))
    mapping = RealWorldMapping(((find_sources(volume).references, (line, table)),))
    write_real_world_mapping(mapping, tmp_path / "rw.dcm", volume)
    assert read_real_world_mapping(tmp_path / "rw.dcm") == mapping
    assert faults(tmp_path / "rw.dcm") == []
    short = RealWorldMap(UNIT, first=2, last=9, table=(1.0,))
    with pytest.raises(UsageError, match="table"):
        write_real_world_mapping(
            RealWorldMapping(((find_sources(volume).references, (short,)),)), tmp_path / "x.dcm", volume
        )


def test_dcmqis_mapping_is_read():
    found = read_real_world_mapping(data_dir("dcmqi_seg_sr") / "sr-example" / "rwvm.dcm")
    assert found.groups[0][1][0].slope == pytest.approx(0.000375125)
    assert found.groups[0][1][0].unit.value == "{SUVbw}g/ml"


def triangle() -> bytes:
    """Binary STL of one triangle."""
    corners = np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4")
    return bytes(80) + (1).to_bytes(4, "little") + corners.tobytes() + bytes(2)


def test_models_come_back_byte_by_byte(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    for kind, data in (
        (ModelKind.STL, triangle()),
        (ModelKind.OBJ, b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n#"),
    ):
        model = EncapsulatedModel(data, kind, "Skull", frame_of_reference=volume.grid.frame_of_reference)
        path = tmp_path / f"{kind}.dcm"
        write_encapsulated_model(model, path, volume)
        back = read_encapsulated_model(path)
        assert (back.data, back.kind, back.title, back.unit) == (data, kind, "Skull", model.unit)
        assert back.references == find_sources(volume).references
        assert (
            pydicom.dcmread(path).StudyInstanceUID
            == pydicom.dcmread(tmp_path / "ct/0001.dcm").StudyInstanceUID
        )
        assert kind is ModelKind.OBJ or faults(path) == []  # dciodvfy does not know Encapsulated OBJ
    with pytest.raises(UsageError, match="binary STL"):
        write_encapsulated_model(EncapsulatedModel(b"solid x", ModelKind.STL), tmp_path / "x.dcm")


def test_summaries_tell_segments_and_references_that_are_missing(tmp_path):
    path = data_dir("dcmqi_seg_sr") / "segmentations" / "partial_overlaps.dcm"
    found = summarize(path, [])
    assert len(found.parts) == 5
    assert found.parts[1] == "2 ORANGE (Artery, 51114001 SCT)"
    assert [f.code for f in found.findings] == ["missing-reference"]
    assert summarize(path, found.referenced).findings == ()


def test_terms_are_found_by_words_and_by_the_codes_of_both_schemes():
    liver = term("liver")
    assert (liver.kind.value, liver.category.value, liver.radlex.value) == ("10200004", "123037004", "RID58")
    assert term("10200004") == term("RID58") == liver
    assert {t.category.meaning for t in all_terms()} >= {
        "Anatomical Structure",
        "Tissue",
        "Physical object",
        "Morphologically Altered Structure",
    }
    assert all("vein" in t.kind.meaning.lower() for t in search_terms("pulmonary vein"))
    assert search_terms("") == ()
    assert liver.segment(4).name == "Liver"


def test_our_own_terms_are_those_of_the_dictionary_of_pydicom():
    from pydicom.sr.codedict import codes

    assert term("spleen").kind.value == codes.SCT.Spleen.value
    assert term("mass").kind.value == codes.SCT.Mass.value
