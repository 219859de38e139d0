"""Access of a node: its tokens, its rules of remote AEs, and its way into the audit, as one."""

from __future__ import annotations

from medvox.archive.audit import Audit
from medvox.archive.recording import Recorder
from medvox.archive.state.ae_rules import AeRules, RefusedCallers
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.tokens import Tokens
from medvox.workflows.node.policy import Gate, NodePolicy


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

    def close(self) -> None:
        """Keep what waits."""
        self.recorder.close()
