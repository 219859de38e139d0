"""`medvox serve correct`, `merge`, `split`, `move`, `bin`, `retention` …: look after what an archive holds.

All but `queue` need the archive for themselves: the node must not run meanwhile.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.markup import escape
from rich.table import Table

from medvox.cli.console import err, out, print_json, progress_bar
from medvox.cli.serve.commands import Config, Json, Store, settings
from medvox.core.errors import UsageError

if TYPE_CHECKING:
    from medvox.archive.archive import Archive
    from medvox.archive.editing.editor import Editor
    from medvox.archive.editing.intents import Author, Edit
    from medvox.archive.editing.patients import PatientKey
    from medvox.archive.state.database import StateDatabase
    from medvox.jobs.queue import JobQueue

Reason = Annotated[str, typer.Option("--reason", help="Why; stands in the audit.")]
Who = Annotated[str, typer.Option("--who", help="Who does it; stands in the audit.  [default: your account]")]
Values = Annotated[
    list[str] | None, typer.Option("--set", help="KEYWORD=VALUE, e.g. PatientName=Doe^Jane; may be repeated.")
]
Study = Annotated[str, typer.Argument(help="Study Instance UID.")]
Patient = Annotated[str, typer.Option("--patient", help="Patient ID, with its issuer as ID@ISSUER.")]
Really = Annotated[bool, typer.Option("--yes", help="Do it; without, only tell what would be done.")]
bin_app = typer.Typer(
    help="Deleted studies, and versions that are not served any more.", no_args_is_help=True
)
queue_app = typer.Typer(help="Jobs of a node: hooks and forwarding.", no_args_is_help=True)
_GIB: Final = 1 << 30


def register(app: typer.Typer) -> None:
    """Add the commands to `medvox serve`."""
    for command in (correct, merge, move, split, undo, edits, retention, compress, protect, export):
        app.command()(command)
    app.add_typer(bin_app, name="bin")
    app.add_typer(queue_app, name="queue")


def correct(
    reason: Reason,
    values: Values = None,
    study: Annotated[str, typer.Option("--study", help="Study Instance UID.")] = "",
    patient: Patient = "",
    who: Who = "",
    store: Store = None,
    config: Config = None,
) -> None:
    """Correct attributes of a study, or of all studies of a patient; the originals stay as versions."""
    if bool(study) == bool(patient):
        raise UsageError("name either --study or --patient")
    wanted = _values(values)
    if not wanted:
        raise UsageError("nothing is to be set", advice="E.g. --set PatientName=Doe^Jane")
    with _editor(config, store) as editor:
        author = _author(who, reason)
        if study:
            _told(editor.correct_study(study, wanted, author))
        else:
            _told(editor.correct_patient(_patient(patient), wanted, author))


def merge(
    source: Annotated[str, typer.Argument(help="Study Instance UID, or Patient ID with --patients.")],
    into: Annotated[str, typer.Argument(help="Of the study or patient that stays.")],
    reason: Reason,
    patients: Annotated[bool, typer.Option("--patients", help="Merge patients, not studies.")] = False,
    who: Who = "",
    store: Store = None,
    config: Config = None,
) -> None:
    """Merge a study into another, or a patient into another."""
    with _editor(config, store) as editor:
        author = _author(who, reason)
        if patients:
            _told(editor.merge_patients(_patient(source), _patient(into), author))
        else:
            _told(editor.merge_studies(source, into, author))


def move(
    study: Study, patient: Patient, reason: Reason, who: Who = "", store: Store = None, config: Config = None
) -> None:
    """Give a study to another patient of the archive."""
    with _editor(config, store) as editor:
        _told(editor.move_study(study, _patient(patient), _author(who, reason)))


def split(
    study: Study,
    series: Annotated[list[str], typer.Option("--series", help="Series Instance UID; may be repeated.")],
    reason: Reason,
    values: Values = None,
    who: Who = "",
    store: Store = None,
    config: Config = None,
) -> None:
    """Take series out of a study into a new one."""
    with _editor(config, store) as editor:
        edit = editor.split_series(study, series, _author(who, reason), _values(values))
    _told(edit)
    typer.echo(f"new study: {edit.studies[-1]}")


def undo(
    edit: Annotated[str, typer.Argument(help="Key of the edit, see `medvox serve edits`.")],
    reason: Reason,
    who: Who = "",
    store: Store = None,
    config: Config = None,
) -> None:
    """Serve again what was there before an edit."""
    with _editor(config, store) as editor:
        typer.echo(f"{editor.undo(edit, _author(who, reason))} instances are as they were")


def edits(
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    store: Store = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List corrections, merges, splits and moves, the newest first."""
    with _editor(config, store) as editor:
        found = editor.edits(limit)
    rows = [
        {
            "edit": edit.key,
            "time": _time(edit.time),
            "kind": edit.kind,
            "who": edit.author.who,
            "reason": edit.author.reason,
            "instances": edit.instances,
            "state": edit.state,
        }
        for edit in found
    ]
    _show(rows, as_json=as_json)


def retention(
    days: Annotated[float | None, typer.Option(help="Studies that did not grow for so long go.")] = None,
    gib: Annotated[float | None, typer.Option(help="The oldest go until the rest is not larger.")] = None,
    patients: Annotated[int | None, typer.Option(help="At most so many patients stay.")] = None,
    yes: Really = False,
    store: Store = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put studies into the bin by rules; protected ones stay."""
    from medvox.archive.retention import RetentionRule, carry_out, plan_retention

    rule = RetentionRule(days, None if gib is None else int(gib * _GIB), patients)
    with _archive(config, store) as archive, progress_bar() as progress:
        plan = plan_retention(archive, rule)
        count = carry_out(archive, plan, progress=progress) if yes else 0
    rows = [
        {"study": one.study_uid, "instances": one.instances, "bytes": one.size, "reason": one.reason}
        for one in plan.expired
    ]
    _show(rows, as_json=as_json)
    err.print(
        f"{count} studies are in the bin" if yes else "Nothing was done: --yes does it", highlight=False
    )


def compress(
    compression: Annotated[str, typer.Argument(help="jpeg-ls, htj2k or jpeg-2000: all without loss.")],
    study: Annotated[
        list[str] | None, typer.Option("--study", help="Study Instance UID; may be repeated.  [default: all]")
    ] = None,
    who: Who = "",
    store: Store = None,
    config: Config = None,
) -> None:
    """Compress stored images without loss; what they decode to is compared before the originals go."""
    from medvox.archive import compressing

    with _archive(config, store) as archive, progress_bar() as progress:
        asked: list[str | None] = [*study] if study else [None]
        rows = [row for uid in asked for row in archive.instances(study_uid=uid)]
        found = compressing.compress(archive, rows, compression, who=_who(who), progress=progress)
    typer.echo(
        f"{found.instances} compressed from {found.before} to {found.after} bytes, {found.skipped} left;"
        " `medvox serve bin empty` frees the room of the originals"
    )
    for finding in found.findings:
        err.print(f"{finding.where}: {finding.text}", markup=False, highlight=False)
    if found.findings:
        raise typer.Exit(1)


def protect(
    study: Study,
    off: Annotated[bool, typer.Option("--off", help="Take the protection off.")] = False,
    who: Who = "",
    store: Store = None,
    config: Config = None,
) -> None:
    """Keep a study from being deleted, by people and by rules."""
    with _archive(config, store) as archive:
        archive.protect(study, who=_who(who), is_protected=not off)
    typer.echo("The study is not protected any more." if off else "The study is protected.")


def export(
    target: Annotated[Path, typer.Argument(help="Ends in .iso or .zip, else a folder that is not there.")],
    study: Annotated[list[str], typer.Option("--study", help="Study Instance UID; may be repeated.")],
    label: Annotated[str, typer.Option("--label", help="Of the volume.")] = "MEDVOX",
    who: Who = "",
    store: Store = None,
    config: Config = None,
) -> None:
    """Write studies to a standard medium, with DICOMDIR."""
    from medvox.archive.exporting import export_media

    with _archive(config, store) as archive, progress_bar() as progress:
        report = export_media(archive, study, target, who=_who(who), label=label, progress=progress)
    for text in (*report.losses, *report.notes):
        err.print(text, markup=False, highlight=False)
    typer.echo(str(target))


@bin_app.command("list")
def list_bin(store: Store = None, config: Config = None, as_json: Json = False) -> None:
    """List what is in the bin, by study."""
    from medvox.archive.bin import bin_contents

    with _archive(config, store) as archive:
        found = bin_contents(archive)
    rows = [
        {
            "study": one.study_uid,
            "deleted": one.deleted,
            "withdrawn": one.withdrawn,
            "bytes": one.size,
            "since": _time(one.since),
        }
        for one in found
    ]
    _show(rows, as_json=as_json)


@bin_app.command("empty")
def empty(
    reason: Reason,
    study: Annotated[str, typer.Option("--study", help="Only of this study.")] = "",
    days: Annotated[float, typer.Option("--days", min=0, help="Only what is there so long.")] = 0.0,
    yes: Really = False,
    who: Who = "",
    store: Store = None,
    config: Config = None,
) -> None:
    """Remove what is in the bin for good: it can never be restored."""
    from medvox.archive.bin import empty_bin

    with _archive(config, store) as archive, progress_bar() as progress:
        found = empty_bin(
            archive,
            who=_who(who),
            reason=reason,
            study_uid=study,
            older_s=days * 86_400,
            is_trial=not yes,
            progress=progress,
        )
    size = sum(one.size for one in found.studies)
    if not yes:
        typer.echo(f"{found.instances} instances, {size} bytes; nothing was done: --yes does it")
        return
    typer.echo(f"{found.instances} instances removed, {found.collected.size} bytes freed")
    for finding in found.collected.findings:
        err.print(f"{finding.where}: {finding.text}", markup=False, highlight=False)
    if found.collected.findings:
        raise typer.Exit(1)


@queue_app.command("list")
def list_queue(
    state: Annotated[str, typer.Option("--state", help="waiting, running or failed.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="forward, on_receive, on_stable_study, ….")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 100,
    store: Store = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List jobs that are not done; also beside a running node."""
    with _queue(config, store) as queue:
        found = queue.jobs(state=state, kind=kind, limit=limit)
    rows = [
        {
            "job": job.number,
            "kind": job.kind,
            "to": str(job.payload.get("to") or job.payload.get("hook") or ""),
            "state": job.state,
            "attempts": job.attempts,
            "due": _time(int(job.due * 1e9)),
            "error": job.error,
        }
        for job in found
    ]
    _show(rows, as_json=as_json)


@queue_app.command("retry")
def retry(
    job: Annotated[int | None, typer.Argument(help="Number of the job; all that failed without.")] = None,
    store: Store = None,
    config: Config = None,
) -> None:
    """Try failed jobs again now; also beside a running node."""
    with _queue(config, store) as queue:
        typer.echo(f"{queue.retry(job)} jobs are tried again")


@contextmanager
def _archive(config: Path | None, store: Path | None) -> Iterator[Archive]:
    from medvox.archive.archive import Archive

    with Archive.open(settings(config, store).archive) as archive:
        yield archive


@contextmanager
def _state(config: Path | None, store: Path | None) -> Iterator[StateDatabase]:
    from medvox.archive.state.database import StateDatabase

    with closing(StateDatabase(settings(config, store).state)) as state:
        yield state


@contextmanager
def _editor(config: Path | None, store: Path | None) -> Iterator[Editor]:
    from medvox.archive.editing.editor import Editor

    with _archive(config, store) as archive, _state(config, store) as state:
        yield Editor(archive, state)


@contextmanager
def _queue(config: Path | None, store: Path | None) -> Iterator[JobQueue]:
    from medvox.jobs.queue import JobQueue

    with _state(config, store) as state:
        yield JobQueue(state)


def _author(who: str, reason: str) -> Author:
    from medvox.archive.editing.intents import Author

    return Author(_who(who), reason)


def _who(who: str) -> str:
    import getpass

    if who:
        return who
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):  # an account without a name
        return "cli"


def _patient(text: str) -> PatientKey:
    from medvox.archive.editing.patients import PatientKey

    number, _, issuer = text.partition("@")
    return PatientKey(number, issuer)


def _values(texts: list[str] | None) -> dict[str, str]:
    found = {}
    for text in texts or ():
        keyword, equals, value = text.partition("=")
        if not equals:
            raise UsageError("a value is written KEYWORD=VALUE", got=keyword)
        found[keyword.strip()] = value
    return found


def _told(edit: Edit) -> None:
    typer.echo(f"{edit.instances} instances changed; edit {edit.key}")


def _time(nanoseconds: int) -> str:
    return dt.datetime.fromtimestamp(nanoseconds / 1e9, dt.UTC).isoformat(timespec="seconds")


def _show(rows: list[Mapping[str, Any]] | list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json([dict(row) for row in rows])
        return
    if not rows:
        typer.echo("none")
        return
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row.values()))
    out.print(table)
