"""Backups made as the guide says, while instances come in, are whole archives again."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from pathlib import Path
from typing import Self

from sqlalchemy import Column, MetaData, Table, Text, insert, select

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.audit import Event
from medvox.archive.model import ArchiveSettings, Level, Query
from medvox.archive.state.database import StateDatabase
from medvox.testing.postgresql import Server
from object_server import ObjectServer

STATE = Table("notes", MetaData(), Column("text", Text))


class Receiving:
    """Sends instances to an archive in a thread; `promised` are those that were acknowledged."""

    def __init__(self, archive: Archive) -> None:
        self.promised: list[int] = []
        self._archive = archive
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        number = 1000
        while not self._stop.is_set():
            number += 1
            self._archive.receive(bare(sent(number, study="coming")), transfer_syntax=EXPLICIT)
            self.promised.append(number)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def coming(numbers: list[int]) -> set[str]:
    return {str(sent(number, study="coming").SOPInstanceUID) for number in numbers}


def filled(archive: Archive, database: Path | str) -> None:
    for number in range(6):
        archive.receive(bare(sent(number % 4, PatientName=f"N^{number // 4}")), transfer_syntax=EXPLICIT)
    archive.receive(bare(sent(9, study="binned")), transfer_syntax=EXPLICIT)
    archive.delete(str(sent(9, study="binned").StudyInstanceUID), reason="wrong", who="me")
    archive.audit.append(Event("me", "backup"))
    state = StateDatabase(database)
    state.prepare(STATE.metadata)
    with state.changing() as connection:
        connection.execute(insert(STATE).values(text="a rule"))
    state.close()


def check(archive: Archive, database: Path | str, events: int, before: list[object]) -> None:
    assert archive.verify() == ()
    history = {(row.sop_uid, row.version, row.digest): row for row in archive.instances(is_history=True)}
    assert {(row.sop_uid, row.version, row.digest) for row in before} <= history.keys()
    assert archive.audit.verify() >= events
    studies = {row["0020000D"]["Value"][0] for row in archive.find(Query(Level.STUDY)).rows}
    assert str(sent(9, study="binned").StudyInstanceUID) not in studies
    assert str(sent().StudyInstanceUID) in studies
    again = bare(sent(1, PatientName="N^1"))
    assert archive.receive(again, transfer_syntax=EXPLICIT).outcome == "same"
    assert archive.receive(bare(sent(77)), transfer_syntax=EXPLICIT).outcome == "stored"
    state = StateDatabase(database)
    with state.reading() as connection:
        assert connection.scalars(select(STATE.c.text)).all() == ["a rule"]
    state.close()


def test_a_folder(tmp_path: Path) -> None:
    folder, saved = tmp_path / "store", tmp_path / "saved"
    saved.mkdir()
    with (
        Archive.open(ArchiveSettings(folder, segment_bytes=8000)) as archive,
        Receiving(archive) as receiving,
    ):
        filled(archive, folder / "state.sqlite")
        events, before = archive.audit.verify(), list(archive.instances(is_history=True))
        for name in ("audit.sqlite", "state.sqlite"):
            source, target = sqlite3.connect(folder / name), sqlite3.connect(saved / name)
            source.backup(target)
            source.close()
            target.close()
        promised = list(receiving.promised)
        shutil.copytree(folder / "segments", saved / "segments")
        shutil.copytree(folder / "files", saved / "files")
    with Archive.open(ArchiveSettings(saved)) as archive:
        assert {finding.code for finding in archive.findings} <= {"torn-record"}
        there = {row.sop_uid for row in archive.instances()}
        assert coming(promised) <= there
        check(archive, saved / "state.sqlite", events, before)


def test_postgresql_and_objects(tmp_path: Path, postgresql: Server, object_server: ObjectServer) -> None:
    settings = ArchiveSettings(
        tmp_path / "a", index=postgresql.new_database(), objects=object_server.new_bucket()
    )
    with Archive.open(settings) as archive, Receiving(archive) as receiving:
        filled(archive, settings.index)
        events, before = archive.audit.verify(), list(archive.instances(is_history=True))
        dumped = postgresql.run("pg_dump", "--no-owner", settings.index)
        while len(receiving.promised) < 20:
            time.sleep(0.01)
        promised = list(receiving.promised)
        objects = copied(object_server, settings.objects)
    database = postgresql.new_database()
    postgresql.run("psql", "-q", "-v", "ON_ERROR_STOP=1", database, given=dumped)
    restored = ArchiveSettings(tmp_path / "b", index=database, objects=objects)
    with Archive.open(restored) as archive:
        archive.reindex()
        there = {row.sop_uid for row in archive.instances()}
        assert coming(promised) <= there
        check(archive, database, events, before)
    with Archive.open(
        ArchiveSettings(tmp_path / "c", index=postgresql.new_database(), objects=objects)
    ) as archive:
        assert there < {
            row.sop_uid for row in archive.instances()
        }  # without the dump, and with what came since


def copied(server: ObjectServer, url: str) -> str:
    """Copy a bucket; return the URL of the copy."""
    other = server.new_bucket()
    source, target = url.split("/")[2], other.split("/")[2]
    client = server.client()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=source):
        for one in page["Contents"]:
            client.copy_object(
                Bucket=target, Key=one["Key"], CopySource={"Bucket": source, "Key": one["Key"]}
            )
    return other
