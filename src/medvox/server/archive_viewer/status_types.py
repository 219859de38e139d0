"""The JSON types of the status page and of remote nodes; see the classes of `medvox.workflows.node`."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from medvox.server.archive_viewer.types import StudySearch
from medvox.server.types import ErrorBody, Model


class FromObject(Model):
    """Made from an object with the same attributes."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class NodeFacts(FromObject):
    """What the node is and does now."""

    aet: str
    dicom_port: int
    version: str
    started_s: float
    associations: int


class StorageFacts(FromObject):
    """What the archive holds, and the room there is; `fault` says why nothing can be stored."""

    studies: int
    series: int
    instances: int
    used_bytes: int
    free_bytes: int | None
    waiting: int
    fault: str


class QueueFacts(FromObject):
    """Tasks of one kind."""

    name: str
    waiting: int
    running: int
    failed: int


class FailedTask(FromObject):
    """A task that failed and can be tried again."""

    id: str
    queue: str
    what: str
    reason: str
    tries: int
    last_s: float


class RefusedCaller(FromObject):
    """A caller that was refused and can be accepted."""

    id: str
    ae_title: str
    address: str
    reason: str
    times: int
    last_s: float


class Status(Model):
    """Everything that the status page shows."""

    node: NodeFacts
    storage: StorageFacts
    queues: list[QueueFacts]
    failures: list[FailedTask]
    refused: list[RefusedCaller]


class RemoteNode(FromObject):
    """A configured remote node."""

    name: str
    ae_title: str
    host: str
    port: int


class Echo(Model):
    """How long a node took to answer."""

    seconds: float


class RemoteSearch(StudySearch):
    """What is looked for on a remote node."""

    limit: int = 100


class RemoteStudy(FromObject):
    """A study that a remote node has; `held` is how many of its instances the archive has."""

    study_uid: str
    patient_name: str
    patient_id: str
    birth_date: str
    date: str
    time: str
    description: str
    accession: str
    modalities: list[str]
    instances: int | None
    held: int = 0


class RemoteStudies(Model):
    """Studies of a remote node; `is_cut` where it may have more."""

    studies: list[RemoteStudy]
    is_cut: bool


class TransferRequest(Model):
    """Retrieve a study from a node into the archive, or send one of the archive to a node."""

    kind: Literal["retrieve", "send"]
    node: str
    study_uid: str


class Transfer(FromObject):
    """A transfer and how far it is, in instances."""

    id: str
    kind: Literal["retrieve", "send"]
    node: str
    study_uid: str
    started_s: float
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    done: int
    total: int | None
    failed: int
    error: ErrorBody | None
