"""What an application injects into the services of a provider."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from medvox.core.errors import MedvoxError

if TYPE_CHECKING:
    from pydicom import Dataset

    from medvox.network.answers import Answer


class RefusedError(MedvoxError):
    """A request is refused: raised by handlers, and by our side as user when a peer refuses.

    Parameters
    ----------
    status
        Status (0000,0900) of the response (PS3.7 C).
    what
        The fault in words without patient data: the Error Comment (0000,0902).
    error_id
        Error ID (0000,0903), as services define it.
    attributes
        Attribute Identifier List (0000,1005): tags at fault.
    """

    def __init__(
        self, status: int, what: str, *, error_id: int | None = None, attributes: Sequence[int] = ()
    ) -> None:
        self.status = status
        self.error_id = error_id
        self.attributes = tuple(attributes)
        got = f"status {status:04X}H"
        if error_id is not None:
            got += f", error {error_id:04X}H"
        super().__init__(what, got=got)


@dataclass(frozen=True, slots=True)
class ReceivedObject:
    """An instance that came by C-STORE.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid
        As the command says.
    transfer_syntax
        UID of the encoding of `data`.
    data
        The data set without file meta information; valid only until the handler returns.
    calling_ae, called_ae, peer_address
        Who sent it to whom, and from where.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str
    data: memoryview
    calling_ae: str
    called_ae: str
    peer_address: str


class ObjectToSend(Protocol):
    """An instance that can be sent."""

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID."""

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID."""

    @property
    def transfer_syntax(self) -> str:
        """UID of the encoding of what `open` returns."""

    def open(self) -> bytes | memoryview:
        """Return the data set without file meta information."""

    def transcode(self, transfer_syntax: str) -> bytes | memoryview | None:
        """Return the data set in another transfer syntax, or None where that cannot be."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where C-MOVE sends to; `tls` as `Peer.tls`."""

    host: str
    port: int
    ae_title: str
    tls: ssl.SSLContext | None = None


class StorageHandler(Protocol):
    """Keeps instances."""

    def store(self, received: ReceivedObject) -> int:
        """Return the status of the response; 0 only when the instance is kept for good (PS3.4 B.2.3)."""


class QueryHandler(Protocol):
    """Finds."""

    def find(
        self, model: str, level: str, identifier: Dataset, calling_ae: str
    ) -> Iterator[Dataset | Answer]:
        """Yield the matches of an identifier.

        Parameters
        ----------
        model
            SOP Class UID of the C-FIND information model (PS3.4 C.6).
        level
            Query/Retrieve Level (0008,0052), empty for models without.
        identifier
            Keys, universal ones empty (PS3.4 C.2.2).
        calling_ae
            Who asks.

        Raises
        ------
        medvox.core.errors.UsageError
            If the identifier does not fit the model (A900H).
        """


class RetrieveHandler(Protocol):
    """Finds what C-GET and C-MOVE ask for."""

    def retrieve(
        self, model: str, level: str, identifier: Dataset, calling_ae: str
    ) -> Sequence[ObjectToSend]:
        """Return the instances that unique keys name (PS3.4 C.4.2, C.4.3); see `QueryHandler.find`."""

    def destination(self, ae_title: str, calling_ae: str) -> Destination | None:
        """Return where a move destination is, or None: unknown, or not allowed (A801H)."""
