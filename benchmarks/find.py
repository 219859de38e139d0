"""C-FIND at study level: one patient, 1,000 hits, all; among 10,000 and 100,000 studies.

Rows are made directly in our index. Orthanc has to be given files, by its own REST interface, which takes
too long for 100,000: it is compared at 10,000, and we with ourselves at 100,000. The client is the same for
both: it opens the association before, asks with our SCU and counts what comes; nothing of it is decoded
while time runs.
"""

from __future__ import annotations

import atexit
import copy
import io
import re
import shutil
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, dcmwrite

from benchmarks.harness import Case
from benchmarks.nodes.server import Server, folder
from benchmarks.nodes.servers import LONG_WAIT, orthanc, ours
from medvox.archive.archive import Archive, checked_entry
from medvox.archive.index.write import Written, add
from medvox.archive.model import ArchiveSettings
from medvox.archive.store.records import Kind
from medvox.network.dimse.commands import Command, Operation, Status
from medvox.network.dimse.datasets import decode_dataset, encode_dataset
from medvox.network.dimse.proposals import Proposal
from medvox.network.dimse.syntaxes import FIND
from medvox.network.dimse.user import Caller, Client, Peer, connect
from medvox.network.upper_layer.negotiation import EXPLICIT
from medvox.testing import dicom_builder

FEW, MANY = 10_000, 100_000
HITS = 1000
"""Studies of one day."""
BASE = 1_000_000
"""Added to numbers in UIDs, which have no leading zeros."""
ROOT = "1.2.826.0.1.3680043.10.54321.8"
MODEL = FIND["study"]
CALLER = Caller("1.2.826.0.1.3680043.10.54321.2", "BENCH")
STACK = ExitStack()
"""Associations and servers, ended with the process."""
atexit.register(STACK.close)


def study(number: int) -> dict[str, str]:
    """Return what differs between studies, by keyword."""
    day = number // HITS
    return {
        "StudyInstanceUID": f"{ROOT}.{BASE + number}",
        "SeriesInstanceUID": f"{ROOT}.{BASE + number}.1",
        "SOPInstanceUID": f"{ROOT}.{BASE + number}.1.1",
        "PatientID": f"P{number:07d}",
        "PatientName": f"Name{number:07d}^Given",
        "AccessionNumber": f"A{number:07d}",
        "StudyDate": f"{2000 + day // 336:04d}{day // 28 % 12 + 1:02d}{day % 28 + 1:02d}",
    }


def template() -> Dataset:
    data = dicom_builder.instance(np.zeros((2, 2), np.int16), modality="CT")
    for keyword, value in study(0).items():
        setattr(data, keyword, value)
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    return data


def fill(store: Path, count: int) -> None:
    """Make rows of studies with one instance each in the index of an archive, as the journal would."""
    out = io.BytesIO()
    dcmwrite(out, template(), implicit_vr=False, little_endian=True)
    first = checked_entry(out.getvalue(), EXPLICIT, ("", "")) | {"origin": '["",""]', "data_set_offset": 0}
    with Archive.open(ArchiveSettings(store)) as archive, archive.up_to_date().begin() as connection:
        for start in range(0, count, 5000):
            made = [entry(first, number) for number in range(start, min(start + 5000, count))]
            add(connection, [Written(Kind.INSTANCE, one, "made", 0, 0, 0, 0) for one in made])


def entry(first: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the entry of a study's instance."""
    made, values = copy.deepcopy(first), study(number)
    made |= {
        "study_uid": values["StudyInstanceUID"], "series_uid": values["SeriesInstanceUID"],
        "sop_uid": values["SOPInstanceUID"], "digest": f"{number:064d}",
    }  # fmt: skip
    name = values["PatientName"]
    made["study"] |= {
        "patient_id": values["PatientID"], "patient_name": name, "patient_key": name.casefold(),
        "accession": values["AccessionNumber"], "study_date": values["StudyDate"],
    }  # fmt: skip
    found = made["study"]["attributes"]
    for tag, keyword in (
        ("00100020", "PatientID"),
        ("00080050", "AccessionNumber"),
        ("00080020", "StudyDate"),
    ):
        found[tag] = {"vr": found.get(tag, {"vr": "LO"})["vr"], "Value": [values[keyword]]}
    found["00100010"] = {"vr": "PN", "Value": [{"Alphabetic": name}]}
    if "0020000D" in found:
        found["0020000D"]["Value"] = [values["StudyInstanceUID"]]
    return made


def our_server(count: int) -> Server:
    store = folder("find")
    began = time.monotonic()
    fill(store, count)
    print(f"  ours: {count} studies made in the index in {time.monotonic() - began:.0f} s", flush=True)
    return ours(store)


def their_server(count: int) -> Server:
    """Return Orthanc with studies that it was given one by one; it does not wait for the disk meanwhile."""
    server = orthanc(is_synced=False, DicomScpTimeout=LONG_WAIT)
    began = time.monotonic()
    out = io.BytesIO()
    dcmwrite(out, template(), enforce_file_format=True)
    whole = out.getvalue()
    first = sorted(study(0).values(), key=len, reverse=True)
    pattern = re.compile(b"|".join(re.escape(value.encode()) for value in first))
    names = {value.encode(): keyword for keyword, value in study(0).items()}
    for number in range(count):
        values = study(number)
        body = pattern.sub(lambda found, values=values: values[names[found[0]]].encode(), whole)
        urllib.request.urlopen(urllib.request.Request(f"{server.web}/instances", body)).close()
    print(f"  Orthanc: {count} studies sent in {time.monotonic() - began:.0f} s", flush=True)
    return server


@cache
def client(name: str, count: int) -> Client:
    """Return an open association with a server that has so many studies."""
    server = our_server(count) if name == "ours" else their_server(count)
    STACK.callback(server.stop)
    peer = Peer("127.0.0.1", server.port, server.ae_title)
    made = STACK.enter_context(connect(peer, CALLER, [Proposal(MODEL, (EXPLICIT,))]))
    print(f"  {name} {server.version} with {count} studies", flush=True)
    return made


def asked(**keys: str) -> bytes:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    for keyword in ("PatientName", "PatientID", "StudyDate", "AccessionNumber", "StudyInstanceUID"):
        setattr(identifier, keyword, keys.get(keyword, ""))
    return encode_dataset(identifier, EXPLICIT)


def finding(name: str, count: int, data: bytes) -> Callable[[], list[bytes]]:
    """Ask a server and return the answers as they came."""

    def work() -> list[bytes]:
        asking = client(name, count)
        command = Command(Operation.C_FIND, sop_class_uid=MODEL, priority=0)
        number, answers = asking.send(asking.context(MODEL), command, data), []
        while (answer := asking.response(number, Operation.C_FIND)).command.status == Status.PENDING:
            answers.append(bytes(answer.data or b""))
        assert answer.command.status == Status.SUCCESS
        return answers

    return work


def hits(wanted: int) -> Callable[[Any], None]:
    """Check that all have found the same studies, so many."""

    def check(results: Any) -> None:
        found = {
            name: {
                tuple(str(getattr(row, word)) for word in ("StudyInstanceUID", "PatientID", "StudyDate"))
                for row in (decode_dataset(answer, EXPLICIT) for answer in answers)
            }
            for name, answers in results.items()
        }
        for name, rows in found.items():
            assert len(rows) == wanted, (name, len(rows))
        if "Orthanc" in found:
            assert found["Orthanc"] == found["ours"]

    return check


def cases() -> list[Case]:
    """Three questions to 10,000 studies, beside Orthanc; to 100,000, beside our 10,000."""
    one = asked(PatientID=study(4321)["PatientID"])
    day = asked(StudyDate=study(5 * HITS)["StudyDate"])
    questions = {"one patient": (one, 1), f"{HITS} hits": (day, HITS), "all": (asked(), FEW)}
    found = []
    if shutil.which("Orthanc"):
        found += [
            Case(
                name=f"find {name} of {FEW} studies",
                ours=finding("ours", FEW, data),
                peers={"Orthanc": finding("Orthanc", FEW, data)},
                goals={"Orthanc": 2.0},
                check=hits(wanted),
            )
            for name, (data, wanted) in questions.items()
        ]
    small = f"ours at {FEW}"
    return found + [
        Case(
            name=f"find {name} of {MANY} studies",
            ours=finding("ours", MANY, data),
            peers={small: finding("ours", FEW, data)},
            goals={small: 1 / 1.5},
            check=hits(wanted),
            repeats=15,
        )
        for name, (data, wanted) in questions.items()
        if name != "all"
    ]
