"""Intents: edits that were begun, so that a process which ends in the middle can finish them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Column, MetaData, String, Table, Text, insert, select, update

from medvox.archive.editing.rewriting import Rewrite
from medvox.archive.state.database import StateDatabase
from medvox.core.errors import MissingError

METADATA: Final = MetaData()
EDITS: Final = Table(
    "edits",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("time", BigInteger, nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("studies", Text, nullable=False),
    Column("steps", Text, nullable=False),
    Column("state", String(16), nullable=False),
)
BEGUN: Final = "begun"
DONE: Final = "done"
FAILED: Final = "failed"
UNDONE: Final = "undone"


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something, and why.

    Parameters
    ----------
    who
        Account or command.
    reason
        Why, for the audit.
    """

    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """Instances that are changed in the same way.

    Parameters
    ----------
    rewrite
        What is changed.
    versions
        SOP Instance UID and digest of each.
    """

    rewrite: Rewrite
    versions: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of patients, studies or series.

    Parameters
    ----------
    key
        Names it, e.g. to undo it.
    time
        Nanoseconds since 1970, UTC.
    kind
        ``"correct"``, ``"merge-patients"``, ``"move"``, ``"merge-studies"`` or ``"split"``.
    author
        Who, and why.
    studies
        UIDs of the studies that it concerns.
    state
        ``"begun"``, ``"done"``, ``"failed"`` or ``"undone"``.
    steps
        What is done.
    """

    key: str
    time: int
    kind: str
    author: Author
    studies: tuple[str, ...]
    state: str
    steps: tuple[Step, ...] = ()

    @property
    def instances(self) -> int:
        """How many instances it concerns."""
        return sum(len(step.versions) for step in self.steps)


class Intents:
    """Edits in a database; they are durable when a method returns.

    Parameters
    ----------
    database
        Of the state of the node.
    """

    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        database.prepare(METADATA)

    def begin(self, edit: Edit) -> None:
        """Note an edit before it is done."""
        values = {
            "id": edit.key,
            "time": edit.time,
            "kind": edit.kind,
            "who": edit.author.who,
            "reason": edit.author.reason,
            "studies": json.dumps(edit.studies),
            "steps": json.dumps([_of_step(step) for step in edit.steps], ensure_ascii=False),
            "state": edit.state,
        }
        with self._database.changing() as connection:
            connection.execute(insert(EDITS).values(**values))

    def settle(self, key: str, state: str) -> None:
        """Note what became of an edit."""
        with self._database.changing() as connection:
            connection.execute(update(EDITS).where(EDITS.c.id == key).values(state=state))

    def get(self, key: str) -> Edit:
        """Return an edit.

        Raises
        ------
        MissingError
            If there is none.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(EDITS).where(EDITS.c.id == key)).first()
        if row is None:
            raise MissingError("there is no such edit", got=key)
        return _edit(row)

    def list(self, state: str = "", limit: int = 100) -> list[Edit]:
        """Return edits, the newest first; of one state if it is named."""
        statement = select(EDITS).order_by(EDITS.c.time.desc()).limit(limit)
        if state:
            statement = statement.where(EDITS.c.state == state)
        with self._database.reading() as connection:
            return [_edit(row) for row in connection.execute(statement)]


def _of_step(step: Step) -> Mapping[str, Any]:
    return {
        "values": {f"{tag:08X}": value for tag, value in step.rewrite.values.items()},
        "time": step.rewrite.time,
        "nested": dict(step.rewrite.nested_uids),
        "versions": [list(version) for version in step.versions],
    }


def _edit(row: Any) -> Edit:
    steps = tuple(
        Step(
            Rewrite(
                {int(tag, 16): value for tag, value in one["values"].items()}, one["time"], one["nested"]
            ),
            [(uid, digest) for uid, digest in one["versions"]],
        )
        for one in json.loads(row.steps)
    )
    author = Author(row.who, row.reason)
    return Edit(row.id, row.time, row.kind, author, tuple(json.loads(row.studies)), row.state, steps)
