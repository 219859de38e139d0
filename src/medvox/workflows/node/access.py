"""Access of a node: its tokens, its rules of remote AEs, and its way into the audit, as one."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from medvox.archive.audit import Audit
from medvox.archive.recording import Recorder
from medvox.archive.state.ae_rules import AeRule, AeRules, AeService, RefusedCallers, accept
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.tokens import Tokens
from medvox.core.errors import MissingError
from medvox.workflows.node.policy import Gate, NodePolicy
from medvox.workflows.node.status import RefusedCaller


class NodeAccess:
    """Who may do what with a node, and what is kept of it; close it before the archive.

    Parameters
    ----------
    audit
        Of the archive.
    state
        Database of tokens and rules.
    trusts_loopback
        Whether DICOM callers of this machine need no rule.

    Attributes
    ----------
    tokens
        For HTTP.
    rules, refused
        Of remote AEs.
    recorder
        Way into the audit.
    policy
        Admits associations.
    gate
        What DIMSE handlers pass.
    """

    def __init__(self, audit: Audit, state: StateDatabase, *, trusts_loopback: bool = True) -> None:
        self.tokens = Tokens(state)
        self.rules = AeRules(state)
        self.refused = RefusedCallers(state)
        self.recorder = Recorder(audit, [self.tokens.flush_uses])
        self.policy = NodePolicy(self.rules, self.refused, self.recorder, trusts_loopback=trusts_loopback)
        self.gate = Gate(self.policy, self.recorder)

    def refused_callers(self, limit: int) -> list[RefusedCaller]:
        """Return the callers that were refused last, as `medvox.workflows.node.status.NodeStatus` does."""
        return [
            RefusedCaller(
                _id(one.title, one.address), one.title, one.address, one.reason, one.count, one.last
            )
            for one in self.refused.all()[:limit]
        ]

    def accept_caller(self, caller_id: str, services: Iterable[AeService] = tuple(AeService)) -> AeRule:
        """Admit a caller that was refused, from where it called.

        Raises
        ------
        MissingError
            If no such caller was refused.
        """
        for one in self.refused.all():
            if _id(one.title, one.address) == caller_id:
                return accept(self.rules, self.refused, one.title, one.address, services)
        raise MissingError("no such caller was refused", got=caller_id)

    def close(self) -> None:
        """Keep what waits."""
        self.recorder.close()


def _id(title: str, address: str) -> str:
    """Return what names a caller in an address."""
    return sha256(f"{title}\0{address}".encode()).hexdigest()[:16]
