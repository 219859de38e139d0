"""Policy: which AE may associate with a node, and what for.

A caller is known by the rule of its title, and only from the host of that rule. Callers without a rule are
refused, except from loopback, where anybody is trusted to be an application of the same machine.
"""

from __future__ import annotations

from typing import Final

from medvox.archive.access import Action
from medvox.archive.audit import Event
from medvox.archive.entry import is_uid
from medvox.archive.recording import Recorder
from medvox.archive.state.ae_rules import AeRule, AeRules, AeService, RefusedCallers, is_loopback
from medvox.core.errors import AccessError
from medvox.network.dimse.syntaxes import FIND, GET, MOVE, VERIFICATION, is_storage
from medvox.network.handlers import Destination
from medvox.network.upper_layer.negotiation import Admission, AssociationRequest, Refusal

_PRINT: Final = "1.2.840.10008.5.1.1."
_UPS: Final = "1.2.840.10008.5.1.4.34.6."
_OTHERS: Final = {
    "1.2.840.10008.5.1.4.31": AeService.WORKLIST,
    "1.2.840.10008.3.1.2.3.3": AeService.MPPS,
    "1.2.840.10008.3.1.2.3.4": AeService.MPPS,
    "1.2.840.10008.3.1.2.3.5": AeService.MPPS,
    "1.2.840.10008.1.20.1": AeService.COMMITMENT,
    **dict.fromkeys(FIND.values(), AeService.QUERY),
    **dict.fromkeys((*MOVE.values(), *GET.values()), AeService.RETRIEVE),
}
ACTIONS: Final = {
    AeService.STORE: Action.STORE,
    AeService.QUERY: Action.QUERY,
    AeService.RETRIEVE: Action.RETRIEVE,
    AeService.WORKLIST: Action.QUERY,
    AeService.MPPS: Action.WORK,
    AeService.COMMITMENT: Action.WORK,
    AeService.UPS: Action.WORK,
    AeService.PRINT: Action.WORK,
}
"""What stands in the audit for each service."""


def service_of(abstract_syntax: str) -> AeService | None:
    """Return the service that a SOP class belongs to; None for Verification and what no service has."""
    if abstract_syntax in _OTHERS:
        return _OTHERS[abstract_syntax]
    if abstract_syntax.startswith(_UPS):
        return AeService.UPS
    if abstract_syntax != VERIFICATION and is_storage(abstract_syntax):
        return AeService.STORE
    return AeService.PRINT if abstract_syntax.startswith(_PRINT) else None


class NodePolicy:
    """Admits callers by their rules, and lists and audits whom it refuses.

    Parameters
    ----------
    rules
        Of remote AEs.
    refused
        Where refused callers are listed.
    recorder
        Way into the audit.
    trusts_loopback
        Whether callers of this machine need no rule.
    """

    def __init__(
        self, rules: AeRules, refused: RefusedCallers, recorder: Recorder, *, trusts_loopback: bool = True
    ) -> None:
        self._rules = rules
        self._refused = refused
        self._recorder = recorder
        self._trusts_loopback = trusts_loopback
        recorder.add_chore(refused.flush)

    def admit(self, request: AssociationRequest) -> Admission:
        """Admit or refuse an association, see `medvox.network.upper_layer.negotiation.CallerPolicy`."""
        title, address = request.calling_ae, request.peer_address
        try:
            rule = self._rules.get(title)
        except AccessError:
            return Admission(Refusal.CONGESTION)
        fault = self._fault(rule, request)
        if fault:
            self._refused.note(title, address, fault)
            self._recorder.refuse(Event(f"{_shown(title)}@{address}", "associate", "", "refused", fault))
            return Admission(Refusal.CALLING_AE)
        if rule is None:
            return Admission()
        return Admission(
            allows=lambda uid: uid == VERIFICATION or service_of(uid) in rule.services,
            prefers=rule.transfer_syntaxes,
        )

    def may(self, calling_ae: str, service: AeService) -> bool:
        """Tell whether an AE whose association was admitted may use a service.

        Raises
        ------
        AccessError
            If the rules cannot be read.
        """
        rule = self._rules.get(calling_ae)
        return self._trusts_loopback if rule is None else service in rule.services

    def rule(self, calling_ae: str) -> AeRule | None:
        """Return what holds for an AE: character set, transfer syntaxes, coercion.

        Raises
        ------
        AccessError
            If the rules cannot be read.
        """
        return self._rules.get(calling_ae)

    def destination(self, ae_title: str) -> Destination | None:
        """Return where an AE is called at, or None where that is not known.

        Raises
        ------
        AccessError
            If the rules cannot be read.
        """
        rule = self._rules.get(ae_title)
        if rule is None or rule.title != ae_title or not rule.is_destination:
            return None
        assert rule.port is not None
        return Destination(rule.host, rule.port, rule.title)

    def _fault(self, rule: AeRule | None, request: AssociationRequest) -> str:
        is_near = self._trusts_loopback and is_loopback(request.peer_address)
        if rule is None:
            return "" if is_near else "unknown AE title"
        if not is_near and not rule.matches(request.peer_address):
            return "calls from another host"
        if rule.needs_tls and not request.is_secure:
            return "does not use TLS"
        return ""


class Gate:
    """What every DIMSE handler passes: one question whether it may, and one note of what it did.

    Parameters
    ----------
    policy
        Says who may.
    recorder
        Way into the audit.
    """

    def __init__(self, policy: NodePolicy, recorder: Recorder) -> None:
        self._policy = policy
        self._recorder = recorder

    def enter(self, calling_ae: str, service: AeService, study_uid: str = "") -> None:
        """Let an AE use a service.

        Raises
        ------
        AccessError
            If it may not; this is audited.
        """
        if not self._policy.may(calling_ae, service):
            self._recorder.refuse(Event(_shown(calling_ae), ACTIONS[service], study_uid, "refused", service))
            raise AccessError("this AE may not use this service", got=service)

    def note(
        self,
        calling_ae: str,
        service: AeService,
        *study_uids: str,
        outcome: str = "success",
        detail: str = "",
    ) -> None:
        """Note what was done with studies, or with none in particular; what is no UID is not noted.

        Raises
        ------
        WriteError
            If the audit has refused so much already that no more can wait.
        """
        for uid in [uid for uid in study_uids if is_uid(uid)] or [""]:
            self._recorder.soon(Event(_shown(calling_ae), ACTIONS[service], uid, outcome, detail))


def _shown(title: str) -> str:
    return "".join(c if " " <= c <= "~" else "?" for c in title)
