"""Negotiation of an association by its acceptor: contexts, roles, identity, and who may call (PS3.7 D)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from medvox.network.upper_layer.items import (
    ContextResult,
    ProposedContext,
    Role,
    UserIdentity,
    UserInformation,
)
from medvox.network.upper_layer.pdu import AssociateAccept, AssociateReject, AssociateRequest

IMPLEMENTATION_VERSION = "MEDVOX"
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
_ACCEPTED, _NO_ABSTRACT, _NO_TRANSFER = 0, 3, 4


@dataclass(frozen=True, slots=True)
class Context:
    """A presentation context that both sides have agreed on.

    Parameters
    ----------
    id
        Its number.
    abstract_syntax, transfer_syntax
        UIDs.
    requestor_scu, requestor_scp
        Roles of the requestor (PS3.7 D.3.3.4; without negotiation SCU alone).
    """

    id: int
    abstract_syntax: str
    transfer_syntax: str
    requestor_scu: bool = True
    requestor_scp: bool = False


class Refusal(Enum):
    """Why an association is refused: result, source and reason (PS3.8 table 9-21)."""

    NO_REASON = (1, 1, 1)
    APPLICATION_CONTEXT = (1, 1, 2)
    CALLING_AE = (1, 1, 3)
    CALLED_AE = (1, 1, 7)
    PROTOCOL_VERSION = (1, 2, 2)
    CONGESTION = (2, 3, 1)
    LOCAL_LIMIT = (2, 3, 2)


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """What a certificate says that was verified against the trusted authorities; unlike titles a proof.

    Parameters
    ----------
    subject, issuer
        Distinguished names as RFC 4514 writes them, e.g. ``CN=ct1,OU=Radiology,O=Hospital``.
    names
        Alternative names: hosts, addresses.
    sha256
        Fingerprint, hexadecimal.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class AssociationRequest:
    """Who asks for an association, and for what; given to a `CallerPolicy`.

    Parameters
    ----------
    calling_ae, called_ae
        Titles as sent: claims, not proof.
    peer_address
        IP address of the peer.
    contexts
        Proposed presentation contexts.
    identity
        User identity, or None.
    implementation
        Implementation class UID of the peer.
    is_secure
        Whether the connection is TLS.
    certificate
        What the caller has proved by TLS, or None.
    """

    calling_ae: str
    called_ae: str
    peer_address: str
    contexts: tuple[ProposedContext, ...]
    identity: UserIdentity | None = None
    implementation: str = ""
    is_secure: bool = False
    certificate: PeerCertificate | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer of a `CallerPolicy`.

    Parameters
    ----------
    refusal
        Why not, or None: admitted.
    allows
        Tells of an abstract syntax UID whether this caller may use it; None: all.
    identity_reply
        Server response to a user identity that asked for one (PS3.7 D.3.3.7.2).
    prefers
        Transfer syntax UIDs to take where they are proposed, the best first.
    """

    refusal: Refusal | None = None
    allows: Callable[[str], bool] | None = None
    identity_reply: bytes | None = None
    prefers: tuple[str, ...] = ()


class CallerPolicy(Protocol):
    """Decides who may call."""

    def admit(self, request: AssociationRequest) -> Admission:
        """Admit or refuse an association; called in the association's own thread."""


class AdmitAll:
    """Admits every caller: for tests and closed networks."""

    def admit(self, request: AssociationRequest) -> Admission:
        """Admit."""
        return Admission()


class Support(Protocol):
    """Tells which transfer syntaxes a provider takes."""

    def choose(self, abstract_syntax: str, proposed: tuple[str, ...]) -> str | None:
        """Choose one of the proposed transfer syntaxes.

        Returns
        -------
        uid
            The choice, ``""`` if none of them suits, None if the abstract syntax is not supported.
        """

    def may_be_scp(self, abstract_syntax: str) -> bool:
        """Whether a requestor may take the SCP role (of Storage, for C-GET)."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an acceptor offers.

    Parameters
    ----------
    max_length
        Longest P-DATA-TF PDU in bytes that it takes.
    implementation_uid
        Its implementation class UID.
    support, policy
        What is supported and who may call.
    ae_title
        The title it must be called by, or None: any.
    """

    max_length: int
    implementation_uid: str
    support: Support
    policy: CallerPolicy
    ae_title: str | None = None


def answer(
    request: AssociateRequest,
    peer_address: str,
    terms: Terms,
    *,
    is_secure: bool = False,
    certificate: PeerCertificate | None = None,
) -> tuple[AssociateAccept | AssociateReject, dict[int, Context]]:
    """Decide about a request (PS3.8 9.3.3, 9.3.4; PS3.7 D.3).

    Returns
    -------
    pdu
        The answer to send.
    contexts
        Accepted presentation contexts by number.
    """
    refusal = _refused(request, terms)
    asked = AssociationRequest(
        request.calling_ae, request.called_ae, peer_address, request.contexts, request.user.identity,
        request.user.implementation_uid, is_secure, certificate,
    )  # fmt: skip
    admission = Admission(refusal) if refusal else terms.policy.admit(asked)
    if admission.refusal is not None:
        return AssociateReject(*admission.refusal.value), {}
    roles = _roles(request.user.roles, terms.support)
    results, contexts = [], {}
    for proposed in request.contexts:
        result = _result(proposed, terms.support, admission)
        results.append(result)
        if result.result == _ACCEPTED:
            role = roles.get(proposed.abstract_syntax, Role(proposed.abstract_syntax, scu=True, scp=False))
            contexts[proposed.id] = Context(
                proposed.id, proposed.abstract_syntax, result.transfer_syntax, role.scu, role.scp
            )
    wants_reply = request.user.identity is not None and request.user.identity.wants_reply
    user = UserInformation(
        max_length=terms.max_length,
        implementation_uid=terms.implementation_uid,
        implementation_version=IMPLEMENTATION_VERSION,
        window=None if request.user.window is None else (1, 1),
        roles=tuple(roles.values()),
        identity_reply=(admission.identity_reply or b"") if wants_reply else None,
    )
    return AssociateAccept(request.called_ae, request.calling_ae, tuple(results), user), contexts


def _refused(request: AssociateRequest, terms: Terms) -> Refusal | None:
    from medvox.network.upper_layer.items import APPLICATION_CONTEXT

    if not request.version & 1:
        return Refusal.PROTOCOL_VERSION
    if request.application_context != APPLICATION_CONTEXT:
        return Refusal.APPLICATION_CONTEXT
    if terms.ae_title is not None and request.called_ae != terms.ae_title:
        return Refusal.CALLED_AE
    return None


def _roles(asked: tuple[Role, ...], support: Support) -> dict[str, Role]:
    """Roles granted: what was asked, SCP only where it may be (PS3.7 D.3.3.4.2)."""
    return {
        role.sop_class_uid: Role(
            role.sop_class_uid, role.scu, role.scp and support.may_be_scp(role.sop_class_uid)
        )
        for role in asked
    }


def _result(proposed: ProposedContext, support: Support, admission: Admission) -> ContextResult:
    first = proposed.transfer_syntaxes[0]
    if admission.allows is not None and not admission.allows(proposed.abstract_syntax):
        return ContextResult(proposed.id, 1, first)
    chosen = None
    wanted = ((uid,) for uid in admission.prefers if uid in proposed.transfer_syntaxes)
    for syntaxes in (*wanted, proposed.transfer_syntaxes):
        chosen = chosen or support.choose(proposed.abstract_syntax, syntaxes)
    if chosen is None:
        return ContextResult(proposed.id, _NO_ABSTRACT, first)
    return ContextResult(proposed.id, _ACCEPTED if chosen else _NO_TRANSFER, chosen or first)
