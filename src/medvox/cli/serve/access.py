"""`medvox serve token`, `ae` and `audit`: who may use a node, and what was done with it.

They work on the databases of the archive's folder, also beside a running node, which follows within a second.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from medvox.archive.access import Action, Role
from medvox.cli.console import out, print_json
from medvox.cli.serve.commands import Config as ConfigOption
from medvox.cli.serve.commands import Json as JsonOption
from medvox.cli.serve.commands import Store as StoreOption
from medvox.cli.serve.commands import settings
from medvox.core.errors import MissingError, UsageError

if TYPE_CHECKING:
    from medvox.archive.audit import Audited
    from medvox.archive.state.ae_rules import AeRule
    from medvox.archive.state.database import StateDatabase
    from medvox.workflows.node.settings import NodeSettings

Name = Annotated[str, typer.Argument(help="Who has the token; stands in the audit.")]
Title = Annotated[str, typer.Argument(help="AE title, as the node sends it.")]
Services = Annotated[
    list[str] | None,
    typer.Option(
        "--service",
        help="What it may do, repeatable: store, query, retrieve, worklist, mpps, commitment, ups, print."
        "  [default: all]",
    ),
]
token_app = typer.Typer(help="Tokens for HTTP.", no_args_is_help=True)
ae_app = typer.Typer(help="Rules of remote AEs, and callers that were refused.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to `medvox serve`."""
    app.add_typer(token_app, name="token")
    app.add_typer(ae_app, name="ae")
    app.command()(audit)


@token_app.command("create")
def create_token(
    name: Name,
    role: Annotated[Role, typer.Option("--role", help="What it allows.")] = Role.VIEWER,
    scope: Annotated[
        list[Action] | None,
        typer.Option("--scope", help="Only this, of what the role may do; may be repeated."),
    ] = None,
    days: Annotated[float | None, typer.Option("--days", help="It expires after so many days.")] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token and print it: it can never be shown again."""
    from medvox.archive.state.tokens import Tokens

    with _state(config, store) as state:
        secret = Tokens(state).create(name, role, scopes=scope, days=days)
        _record(config, store, "token create", f"{name} ({role})")
    if as_json:
        print_json({"name": name, "role": role.value, "token": secret})
    else:
        typer.echo(secret)


@token_app.command("list")
def list_tokens(store: StoreOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List tokens; what is listed opens nothing."""
    from medvox.archive.state.tokens import Tokens

    with _state(config, store) as state:
        found = Tokens(state).all()
    rows = [
        {
            "name": one.name,
            "role": one.role.value,
            "scopes": None if one.scopes is None else sorted(one.scopes),
            "created": _day(one.created),
            "expires": _day(one.expires),
            "last_used": _time(one.used),
            "is_revoked": one.is_revoked,
        }
        for one in found
    ]
    _show(rows, as_json=as_json)


@token_app.command("revoke")
def revoke_token(name: Name, store: StoreOption = None, config: ConfigOption = None) -> None:
    """Take a token back."""
    from medvox.archive.state.tokens import Tokens

    with _state(config, store) as state:
        Tokens(state).revoke(name)
        _record(config, store, "token revoke", name)
    typer.echo(f"The token of {name} opens nothing any more.")


@ae_app.command("add")
def add_ae(  # noqa: PLR0913 - options
    title: Title,
    host: Annotated[str, typer.Option(help="Name, address or network it calls from; empty: any.")] = "",
    port: Annotated[int | None, typer.Option(help="Port it listens on, for moves to it.")] = None,
    service: Services = None,
    character_set: Annotated[str, typer.Option(help="Specific Character Set of answers to it.")] = "",
    transfer_syntax: Annotated[
        list[str] | None, typer.Option(help="UID to take from what it proposes, the best first.")
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="It must use TLS.")] = False,
    coercion: Annotated[str, typer.Option(help="Name of the rule that changes what it sends.")] = "",
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Make or replace the rule of a remote AE; the title * stands for all that have none."""
    from medvox.archive.state.ae_rules import AeRule, AeRules

    rule = AeRule(
        title, host, port, _services(service), character_set, tuple(transfer_syntax or ()), tls, coercion
    )
    with _state(config, store) as state:
        AeRules(state).put(rule)
        _record(config, store, "ae add", _said(rule))
    typer.echo(_said(rule))


@ae_app.command("list")
def list_aes(store: StoreOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the rules of remote AEs."""
    from medvox.archive.state.ae_rules import AeRules

    with _state(config, store) as state:
        rules = AeRules(state).all()
    rows = [
        {
            "title": rule.title,
            "host": rule.host,
            "port": rule.port,
            "services": sorted(rule.services),
            "character_set": rule.character_set,
            "transfer_syntaxes": list(rule.transfer_syntaxes),
            "needs_tls": rule.needs_tls,
            "coercion": rule.coercion,
        }
        for rule in rules
    ]
    _show(rows, as_json=as_json)


@ae_app.command("remove")
def remove_ae(title: Title, store: StoreOption = None, config: ConfigOption = None) -> None:
    """Remove the rule of a remote AE."""
    from medvox.archive.state.ae_rules import AeRules

    with _state(config, store) as state:
        AeRules(state).remove(title)
        _record(config, store, "ae remove", title)
    typer.echo(f"{title} has no rule any more.")


@ae_app.command("refused")
def list_refused(store: StoreOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List callers that were refused."""
    from medvox.archive.state.ae_rules import RefusedCallers

    with _state(config, store) as state:
        found = RefusedCallers(state).all()
    rows = [
        {
            "title": one.title,
            "address": one.address,
            "reason": one.reason,
            "count": one.count,
            "last": _time(one.last),
        }
        for one in found
    ]
    _show(rows, as_json=as_json)


@ae_app.command("accept")
def accept_ae(
    title: Title,
    address: Annotated[str | None, typer.Option(help="From where, if it called from several places.")] = None,
    service: Services = None,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Accept a caller that was refused, from where it called."""
    from medvox.archive.state.ae_rules import AeRules, RefusedCallers, accept

    with _state(config, store) as state:
        rule = accept(AeRules(state), RefusedCallers(state), title, address, _services(service))
        _record(config, store, "ae accept", _said(rule))
    typer.echo(_said(rule))


def audit(  # noqa: PLR0913 - options
    who: Annotated[str, typer.Option(help="Name of the token, AE title or command.")] = "",
    action: Annotated[str, typer.Option(help="What was done, e.g. retrieve or delete.")] = "",
    study: Annotated[str, typer.Option(help="Study Instance UID.")] = "",
    since: Annotated[str, typer.Option(help="Date or time, e.g. 2026-01-31 or 2026-01-31T12:00.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 100,
    verify: Annotated[bool, typer.Option("--verify", help="Check the whole chain first.")] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search the audit: who did what with which study, when, and with which outcome.

    Times are UTC. With --verify the last line names the head of the chain: kept elsewhere, it shows later
    that nothing was taken from the end.
    """
    from medvox.archive.audit import Audit

    start = _utc(since)
    with closing(Audit(_found(config, store).audit)) as opened:
        count = opened.verify() if verify else None
        head = opened.head if verify else None
        found: list[Audited] = []
        while len(found) < limit:
            before = found[-1].number if found else None
            page = opened.search(
                who=who, action=action, target=study, since=start, before=before, limit=limit - len(found)
            )
            if not page:
                break
            found += page
    rows = [_row(one) for one in found]
    if as_json:
        print_json({"events": rows, "verified": count, "head": head} if verify else rows)
        return
    _show(rows, as_json=False)
    if verify:
        typer.echo(f"{count} events, none of them changed; head {head}")


def _row(one: Audited) -> dict[str, Any]:
    event = one.event
    return {
        "number": one.number,
        "time": one.time,
        "who": event.who,
        "action": event.action,
        "study": event.target,
        "outcome": event.outcome,
        "detail": event.detail,
    }


def _found(config: Path | None, store: Path | None) -> NodeSettings:
    """Return the settings of an archive that is there."""
    found = settings(config, store)
    if isinstance(found.audit, Path) and not found.audit.is_file():
        raise MissingError("there is no archive", where=found.store, advice="Name its folder by --store.")
    return found


@contextmanager
def _state(config: Path | None, store: Path | None) -> Iterator[StateDatabase]:
    from medvox.archive.state.database import StateDatabase

    with closing(StateDatabase(_found(config, store).state)) as state:
        yield state


def _record(config: Path | None, store: Path | None, action: str, detail: str) -> None:
    """Put a change into the audit."""
    from getpass import getuser

    from medvox.archive.audit import Audit, Event

    try:
        account = getuser()
    except (KeyError, OSError):  # an account without a name, as in containers
        account = "?"
    with closing(Audit(settings(config, store).audit)) as opened:
        opened.append(Event(f"{account} (command line)", Action.MANAGE, detail=f"{action} {detail}"))


def _services(words: list[str] | None) -> frozenset[Any]:
    from medvox.archive.state.ae_rules import AeService

    known = list(AeService)
    for word in words or ():
        if word not in known:
            raise UsageError("no such service", got=word, expected=[str(one) for one in known])
    return frozenset(AeService(word) for word in words) if words else frozenset(known)


def _said(rule: AeRule) -> str:
    port = f":{rule.port}" if rule.port else ""
    return f"{rule.title} from {rule.host or 'anywhere'}{port} may {', '.join(sorted(rule.services))}"


def _utc(text: str) -> str:
    """Return a time as the audit writes it; without a zone it is UTC already."""
    if not text:
        return ""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError("not a date or time", got=text, expected="e.g. 2026-01-31T12:00") from error
    found = found.replace(tzinfo=found.tzinfo or dt.UTC)
    return found.astimezone(dt.UTC).isoformat(timespec="microseconds")


def _day(seconds: int | None) -> str | None:
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC).date().isoformat()


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()


def _show(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    if rows:
        table = Table(*(name.replace("_", " ") for name in rows[0]))
        for row in rows:
            table.add_row(*(escape(_text(value)) for value in row.values()))
        out.print(table)
    typer.echo(f"{len(rows)} found")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)
