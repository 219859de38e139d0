"""A node's pages in front of an archive of synthetic studies, with a fake status and fake remote nodes."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from medvox.archive.archive import Archive  # noqa: E402
from medvox.archive.importing import import_folder  # noqa: E402
from medvox.archive.model import ArchiveSettings  # noqa: E402
from medvox.archive.state.database import StateDatabase  # noqa: E402
from medvox.archive.state.scheduling import scheduled  # noqa: E402
from medvox.core.progress import Progress  # noqa: E402
from medvox.core.study import Scan  # noqa: E402
from medvox.dicom.writing.files.encode import IMPLEMENTATION_UID  # noqa: E402
from medvox.network.dimse.user import Caller  # noqa: E402
from medvox.server.app import create_app  # noqa: E402
from medvox.server.routes.node import Shown, routers, shown  # noqa: E402
from medvox.server.run import ViewerServer, bind  # noqa: E402
from medvox.server.session import ViewerSession  # noqa: E402
from medvox.testing.fake_node import FakeRemote, FakeStatus  # noqa: E402
from medvox.workflows.node.procedures.procedures import Procedures  # noqa: E402
from medvox.workflows.node.remote import RemoteStudy, Transferred  # noqa: E402
from server.archive_node import data_set, fill, keep  # noqa: E402

TOKEN = "browser-test"
MANY = 60


class Filling(FakeRemote):
    """A remote node whose studies really come into the archive."""

    archive: Archive

    def retrieve(self, name: str, study_uid: str, progress: Progress) -> Transferred:
        """Make the study."""
        import time

        for number in range(self.instances):
            time.sleep(0.15)
            keep(
                self.archive, data_set(study_uid, number, name="Roe^Rick", patient_id="R-5", date="20240101")
            )
            progress(number + 1, self.instances, "Retrieving")
        return Transferred(self.instances, 0)


def remote(archive: Archive) -> FakeRemote:
    made = Filling(instances=6)
    made.archive = archive
    made.studies = [
        RemoteStudy("1.2.8.1", "Roe^Rick", "R-5", "19700101", "20240101", "0900", "Head", "", ("CT",), 6),
        RemoteStudy("1.2.3.2", "Doe^Jane", "P-1", "", "20250301", "", "Abdomen", "", ("MR",), 1),
        RemoteStudy(
            "1.2.8.2", "Poe^Ed", "P-9", "", "20231224", "", "Thorax with contrast", "", ("CT", "SR"), 312
        ),
    ]
    return made


def procedures(archive: Archive, state: StateDatabase) -> Procedures:
    """A worklist with a step that has images, one that has none, and a performed one."""
    made = Procedures(archive, state, lambda *_: None, Caller(IMPLEMENTATION_UID))
    step = {
        "PatientName": "Doe^Jane", "PatientID": "P-1", "Modality": "CT", "ScheduledStationAETitle": "CT1",
        "ScheduledProcedureStepStartDate": "20260102", "ScheduledProcedureStepStartTime": "1000",
        "ScheduledProcedureStepDescription": "Head without contrast", "AccessionNumber": "A-1",
        "StudyInstanceUID": "1.2.3.1",
    }  # fmt: skip
    made.worklist.add(scheduled(step))
    later = {
        "PatientName": "Roe^Rick",
        "PatientID": "R-5",
        "AccessionNumber": "A-2",
        "StudyInstanceUID": "1.2.8.5",
    }
    made.worklist.add(scheduled(step | later))
    begun = {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00400241": {"vr": "AE", "Value": ["CT1"]},
        "00400244": {"vr": "DA", "Value": ["20260102"]},
        "00400245": {"vr": "TM", "Value": ["101500"]},
        "00400252": {"vr": "CS", "Value": ["IN PROGRESS"]},
        "00400254": {"vr": "LO", "Value": ["Head without contrast"]},
    }
    made.performed.add("1.2.77", begun, "CT1")
    return made


def main(folders: Sequence[Path]) -> None:
    """Serve until SIGTERM; the address is the first line printed."""
    work = Path(tempfile.mkdtemp(prefix="medvox-archive-server-"))
    sock = bind(0)
    port = sock.getsockname()[1]
    session = ViewerSession(lambda paths, progress: Scan((), ()))
    static = ROOT / "src/medvox/server/static"
    app = create_app(session, TOKEN, port, static, more=routers(), node="MEDVOX")
    try:
        with Archive.open(ArchiveSettings(work / "store", is_durable=False)) as archive:
            fill(archive, 40, 64)
            for number in range(MANY):
                date, uid = f"2019{1 + number // 28:02}{1 + number % 28:02}", f"1.2.5.{number + 1}"
                keep(
                    archive,
                    data_set(
                        uid, name=f"Series^Many{number:02}", patient_id=f"M-{number:03}", date=date, size=16
                    ),
                )
            for folder in folders:
                import_folder(archive, folder)
            state = StateDatabase(work / "state.sqlite")
            pages = Shown(archive, work / "files", FakeStatus(), remote(archive), procedures(archive, state))
            with closing(state), shown(app, pages) as opened:
                server = ViewerServer(app, session)
                server.on_started = lambda: print(f"http://127.0.0.1:{port}/?token={TOKEN}", flush=True)
                server.on_stopping = opened.end_streams
                server.run(sockets=[sock])
    finally:
        sock.close()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="*", type=Path, help="DICOM folders to import as well")
    main(parser.parse_args().folders)
