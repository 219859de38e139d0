"""DICOMweb by dicomweb-client, over real sockets; what is answered is compared with pydicom's reading."""

from __future__ import annotations

import io

import numpy as np
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread

from archive_data import EXPLICIT, bare, sent
from medvox.testing.dicom_builder import instance, uid

JPEG_LS = "1.2.840.10008.1.2.4.80"


def part10(data) -> bytes:
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.fixture
def filled(served):
    for study in ("a", "b"):
        for number in range(1, 5):
            for series in ("one", "two"):
                name = f"{study.upper()}^Patient"
                data = sent(number, series=series, study=study, size=16, PatientName=name, PatientID=study)
                served.archive.receive(bare(data), transfer_syntax=EXPLICIT)
    return served


@pytest.fixture
def client(filled):
    return DICOMwebClient(filled.base)


def values(found, tag):
    return [one[tag]["Value"][0] for one in found]


class TestQuery:
    def test_all_levels(self, client):
        assert set(values(client.search_for_studies(), "0020000D")) == {uid("a"), uid("b")}
        assert set(values(client.search_for_series(uid("a")), "0020000E")) == {uid("a/one"), uid("a/two")}
        assert len(client.search_for_series()) == 4
        assert len(client.search_for_instances()) == 16
        assert len(client.search_for_instances(uid("a"))) == 8
        assert len(client.search_for_instances(uid("a"), uid("a/one"))) == 4

    def test_filters_by_keyword_and_by_tag(self, client):
        for name in ("PatientID", "00100020"):
            found = client.search_for_studies(search_filters={name: "b"})
            assert values(found, "0020000D") == [uid("b")]
        found = client.search_for_studies(search_filters={"PatientName": "pat"}, fuzzymatching=True)
        assert len(found) == 2
        assert len(client.search_for_studies(search_filters={"PatientName": "B*"})) == 1

    def test_nothing_found_is_204(self, filled):
        answer = requests.get(f"{filled.base}/studies?PatientID=nobody", timeout=10)
        assert (answer.status_code, answer.content) == (204, b"")

    def test_pages_are_disjoint_and_complete(self, filled):
        every = requests.get(f"{filled.base}/instances?limit=100", timeout=10).json()
        paged = []
        for offset in range(0, 16, 3):
            answer = requests.get(f"{filled.base}/instances?limit=3&offset={offset}", timeout=10)
            assert ("additional results" in answer.headers.get("Warning", "")) == (offset + 3 < 16)
            paged += answer.json()
        assert paged == every
        straight = requests.get(f"{filled.base}/instances?limit=3&offset=7", timeout=10).json()
        assert straight == every[7:10]
        assert requests.get(f"{filled.base}/instances?offset=99", timeout=10).status_code == 204

    def test_required_attributes_and_includefield(self, filled):
        one = requests.get(f"{filled.base}/studies?limit=1", timeout=10).json()[0]
        assert one["00081190"]["Value"] == [f"{filled.base}/studies/{one['0020000D']['Value'][0]}"]
        assert one["00080056"]["Value"] == ["ONLINE"]
        assert one["00201208"]["Value"] == [8]
        assert one["00080061"]["Value"] == ["MR"]
        series = f"{filled.base}/studies/{uid('a')}/series"
        assert "00100010" not in requests.get(series, timeout=10).json()[0]
        more = requests.get(f"{series}?includefield=PatientName&includefield=00100020", timeout=10).json()[0]
        assert more["00100010"]["Value"] == [{"Alphabetic": "A^Patient"}]
        assert more["00100020"]["Value"] == ["a"]

    def test_what_is_ignored_is_told(self, filled):
        answer = requests.get(f"{filled.base}/studies?KVP=120", timeout=10)
        assert answer.status_code == 200
        assert answer.headers["Warning"].startswith("299 ")
        assert "00180060" in answer.headers["Warning"]

    @pytest.mark.parametrize(
        "path",
        ["studies?NoSuchThing=1", "studies?limit=-1", "studies?offset=x", "studies/..%2f..%2fetc/series",
         "studies/1.2.x/instances", "studies/%00/metadata", "studies?fuzzymatching=perhaps"],
    )  # fmt: skip
    def test_nonsense_is_400(self, filled, path):
        answer = requests.get(f"{filled.base}/{path}", timeout=10)
        assert answer.status_code in (400, 404)
        assert answer.status_code == 400 or "%2f" in path  # a slash makes another path

    def test_xml(self, filled):
        answer = requests.get(
            f"{filled.base}/studies",
            headers={"Accept": 'multipart/related; type="application/dicom+xml"'},
            timeout=10,
        )
        assert answer.content.count(b"<NativeDicomModel") == 2
        assert b"<FamilyName>A</FamilyName>" in answer.content

    def test_not_acceptable(self, filled):
        answer = requests.get(f"{filled.base}/studies", headers={"Accept": "text/html"}, timeout=10)
        assert answer.status_code == 406


class TestRetrieve:
    def test_study_series_and_instance_are_what_was_stored(self, client):
        found = client.retrieve_study(uid("a"))
        assert len(found) == 8
        one = client.retrieve_instance(uid("a"), uid("a/one"), found[0].SOPInstanceUID)
        assert one == found[0]
        assert len(client.retrieve_series(uid("a"), uid("a/two"))) == 4

    def test_single_part(self, filled):
        row = next(filled.archive.instances())
        url = f"{filled.base}/studies/{row.study_uid}/series/{row.series_uid}/instances/{row.sop_uid}"
        answer = requests.get(url, headers={"Accept": "application/dicom"}, timeout=10)
        assert answer.headers["Content-Type"].startswith("application/dicom;")
        assert answer.content == filled.archive.read(row)
        study = f"{filled.base}/studies/{row.study_uid}"
        assert requests.get(study, headers={"Accept": "application/dicom"}, timeout=10).status_code == 406

    def test_metadata(self, client, filled):
        found = client.retrieve_study_metadata(uid("a"))
        assert len(found) == 8
        for one in found:
            row = next(filled.archive.instances(sop_uid=one["00080018"]["Value"][0]))
            expected = dcmread(io.BytesIO(filled.archive.read(row)), stop_before_pixels=True).to_json_dict()
            pixels = one.pop("7FE00010")
            assert one == expected
            assert pixels["BulkDataURI"].endswith(f"/instances/{row.sop_uid}/bulkdata/7FE00010")
        again = client.retrieve_series_metadata(uid("a"), uid("a/one"))
        assert again == client.retrieve_series_metadata(uid("a"), uid("a/one"))

    def test_metadata_follow_what_is_stored(self, client, filled):
        assert len(client.retrieve_series_metadata(uid("a"), uid("a/one"))) == 4
        data = sent(9, series="one", study="a", size=16)
        filled.archive.receive(bare(data), transfer_syntax=EXPLICIT)
        assert len(client.retrieve_series_metadata(uid("a"), uid("a/one"))) == 5

    def test_frames_and_bulk_data(self, client, served):
        pixels = np.arange(3 * 8 * 8, dtype=np.uint16).reshape(3, 8, 8)
        data = instance(pixels)
        served.archive.receive(bare(data), transfer_syntax=EXPLICIT)
        uids = data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID
        found = client.retrieve_instance_frames(*uids, [3, 1])
        assert found == [pixels[2].tobytes(), pixels[0].tobytes()]
        address = client.retrieve_instance_metadata(*uids)["7FE00010"]["BulkDataURI"]
        assert address.startswith(served.base)  # though dicomweb-client leaves the port out of Host
        assert b"".join(client.retrieve_bulkdata(address)) == pixels.tobytes()
        url = f"{served.base}/studies/{uids[0]}/series/{uids[1]}/instances/{uids[2]}/frames/2"
        single = requests.get(url, headers={"Accept": "application/octet-stream"}, timeout=10)
        assert single.content == pixels[1].tobytes()
        for bad, status in (("4", 404), ("0", 400), ("1,x", 400), ("1,4", 404)):
            assert requests.get(url[:-1] + bad, timeout=10).status_code == status

    @pytest.mark.parametrize("syntax", [JPEG_LS, "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"])
    def test_transcoding_there_and_back(self, client, served, syntax):
        pixels = np.random.default_rng(1).integers(0, 4000, (2, 32, 24)).astype(np.uint16)
        data = instance(pixels)
        served.archive.receive(bare(data), transfer_syntax=EXPLICIT)
        uids = data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID
        coded = client.retrieve_instance(*uids, media_types=(("application/dicom", syntax),))
        assert coded.file_meta.TransferSyntaxUID == syntax
        np.testing.assert_array_equal(coded.pixel_array, pixels)
        coded.SOPInstanceUID = coded.file_meta.MediaStorageSOPInstanceUID = uid("coded")
        client.store_instances([coded])
        uids = *uids[:2], uid("coded")
        plain = client.retrieve_instance(*uids, media_types=(("application/dicom", EXPLICIT),))
        assert plain.PixelData == data.PixelData
        url = "{}/studies/{}/series/{}/instances/{}/frames/2".format(served.base, *uids)
        wanted = {"Accept": 'multipart/related; type="application/octet-stream"'}
        assert pixels[1].tobytes() in requests.get(url, headers=wanted, timeout=10).content
        stored = {"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'}
        answer = requests.get(url, headers=stored, timeout=10)
        assert f"transfer-syntax={syntax}".encode() in answer.content.split(b"\r\n\r\n")[0]

    def test_missing_is_404(self, filled):
        for path in (f"studies/{uid('none')}", f"studies/{uid('none')}/metadata", "studies/1.2/series/1.2"):
            assert requests.get(f"{filled.base}/{path}", timeout=10).status_code == 404


class TestStore:
    def test_instances_are_there(self, client, served):
        made = [sent(n, series="new", study="new", size=16) for n in (1, 2, 3)]
        answer = client.store_instances([dcmread(io.BytesIO(part10(one))) for one in made])
        assert len(answer.ReferencedSOPSequence) == 3
        assert "FailedSOPSequence" not in answer
        rows = {row.sop_uid: row for row in served.archive.instances()}
        for one in made:
            assert (
                dcmread(io.BytesIO(served.archive.read(rows[one.SOPInstanceUID]))).PixelData == one.PixelData
            )

    def post(self, served, *parts: bytes, path="studies", kind="application/dicom"):
        body = b"".join(b"--X\r\nContent-Type: application/dicom\r\n\r\n" + part + b"\r\n" for part in parts)
        head = {"Content-Type": f'multipart/related; type="{kind}"; boundary=X'}
        return requests.post(f"{served.base}/{path}", body + b"--X--", headers=head, timeout=10)

    def test_failures_are_told_one_by_one(self, served):
        good, other = part10(sent(1, study="s")), part10(sent(1, study="other"))
        answer = self.post(served, good, b"nonsense", other, good[:-9], path=f"studies/{uid('s')}")
        assert answer.status_code == 202
        told = answer.json()
        assert len(told["00081199"]["Value"]) == 1
        reasons = [one["00081197"]["Value"][0] for one in told["00081198"]["Value"]]
        assert sorted(reasons) == [0xA900, 0xC000, 0xC000]
        assert len(list(served.archive.instances())) == 1

    def test_nothing_good_is_409_and_nothing_at_all_400(self, served):
        assert self.post(served, b"nonsense").status_code == 409
        assert self.post(served).status_code == 400
        assert self.post(served, b"x", kind="application/dicom+json").status_code == 415

    def test_storing_again_changes_nothing(self, served):
        good = part10(sent(1))
        assert [self.post(served, good).status_code for _ in range(2)] == [200, 200]
        assert len(list(served.archive.instances(is_history=True))) == 1

    def test_an_early_end_keeps_what_was_whole(self, served):
        body = b"--X\r\n\r\n" + part10(sent(1)) + b"\r\n--X\r\n\r\n" + part10(sent(2))[:300]
        head = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=X'}
        answer = requests.post(f"{served.base}/studies", body, headers=head, timeout=10)
        assert answer.status_code == 202
        assert len(list(served.archive.instances())) == 1
