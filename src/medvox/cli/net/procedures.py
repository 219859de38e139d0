"""`medvox net worklist`, `mpps` and `commit`: what a modality asks and tells."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from medvox.cli.console import err, out, print_json
from medvox.cli.net.commands import Aet, Json, Node, caller, files_to_send
from medvox.cli.net.tls import peer
from medvox.core.errors import AmbiguityError, FormatError, MissingError, UsageError

if TYPE_CHECKING:
    from pydicom import Dataset

    from medvox.network.dimse.normalized import NormalizedAnswer
    from medvox.network.upper_layer.acceptor import Listening

Keys = Annotated[
    list[str] | None,
    typer.Option("--key", "-k", help="KEYWORD=VALUE, e.g. Modality=CT or ScheduledStationAETitle=CT1."),
]
Uid = Annotated[str, typer.Argument(help="SOP Instance UID, as `create` printed it.")]
Paths = Annotated[list[Path] | None, typer.Argument(help="Files and folders that the procedure made.")]
mpps = typer.Typer(help="Tell a node of a procedure: create, complete, discontinue.", no_args_is_help=True)


def worklist(
    node: Node,
    key: Keys = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Stop after this many items.")] = 1000,
    aet: Aet = "MEDVOX",
    as_json: Json = False,
) -> None:
    """Ask a node what is scheduled (Modality Worklist C-FIND); JSON can go into `mpps create --item`."""
    from itertools import islice

    from medvox.network.dimse.identifiers import worklist_identifier
    from medvox.network.dimse.proposals import Proposal
    from medvox.network.dimse.syntaxes import MODALITY_WORKLIST
    from medvox.network.dimse.user import connect

    asked = worklist_identifier(key or ())
    with connect(peer(node), caller(aet), [Proposal(MODALITY_WORKLIST)]) as client:
        found = client.find(MODALITY_WORKLIST, asked)
        matches = list(islice(found, limit))
        found.close()
    if as_json:
        print_json([match.to_json_dict() for match in matches])
    else:
        _print(matches)


@mpps.command()
def create(
    node: Node,
    item: Annotated[Path | None, typer.Option("--item", help="JSON of `medvox net worklist --json`.")] = None,
    step: Annotated[
        str | None, typer.Option("--step", help="Scheduled Procedure Step ID, where the JSON has several.")
    ] = None,
    key: Keys = None,
    aet: Aet = "MEDVOX",
) -> None:
    """Tell a node that a procedure begins (N-CREATE); prints the UID that `complete` needs."""
    from pydicom import Dataset

    from medvox.network.dimse.performing import begin

    scheduled = Dataset() if item is None else _item(item, step)
    for one in key or ():
        keyword, _, value = one.partition("=")
        if keyword not in ("PatientName", "PatientID", "PatientSex", "PatientBirthDate", "AccessionNumber",
                           "StudyInstanceUID", "Modality"):  # fmt: skip
            raise UsageError("this key cannot be set here", got=keyword)
        setattr(scheduled, keyword, value)
    if item is None and "StudyInstanceUID" not in scheduled:
        scheduled.StudyInstanceUID = f"2.25.{uuid.uuid4().int}"
    uid = f"2.25.{uuid.uuid4().int}"
    _send("create", node, aet, uid, begin(scheduled, aet, _now()))
    typer.echo(uid)


@mpps.command()
def complete(node: Node, uid: Uid, paths: Paths = None, aet: Aet = "MEDVOX") -> None:
    """Tell a node that a procedure is done, and which series it made (N-SET)."""
    from medvox.network.dimse.performing import end, performed_series

    if not paths:
        raise UsageError("name the files that the procedure made", advice="Else discontinue it.")
    files, _ = files_to_send(paths)
    if not files:
        raise MissingError("no DICOM instance", where=", ".join(map(str, paths)))
    series = performed_series(file.path for file in files)
    _send("set", node, aet, uid, end("COMPLETED", series, _now()))
    typer.echo(f"completed with {len(series)} series, {len(files)} instances")


@mpps.command()
def discontinue(
    node: Node,
    uid: Uid,
    paths: Paths = None,
    reason: Annotated[str, typer.Option("--reason", help="Code of PS3.16 CID 9301.")] = "110513",
    aet: Aet = "MEDVOX",
) -> None:
    """Tell a node that a procedure was broken off (N-SET)."""
    from medvox.network.dimse.performing import discontinuation_reason, end, performed_series

    files = files_to_send(paths)[0] if paths else []
    series = performed_series(file.path for file in files)
    _send("set", node, aet, uid, end("DISCONTINUED", series, _now(), discontinuation_reason(reason)))
    typer.echo("discontinued")


def commit(
    node: Node,
    paths: Annotated[list[Path], typer.Argument(help="Files and folders that the node is to keep.")],
    listen: Annotated[
        str | None, typer.Option("--listen", help="[HOST:]PORT where the node reports to our AE title.")
    ] = None,
    wait: Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for the report.")] = 60.0,
    aet: Aet = "MEDVOX",
    as_json: Json = False,
) -> None:
    """Ask a node to commit itself to keep instances, and wait for its report.

    The exit code is 1 unless it keeps them all.
    """
    from medvox.network.dimse.committing import commit as ask
    from medvox.network.procedure_handlers import ReferencedInstance

    files, passed = files_to_send(paths)
    if not files:
        raise MissingError("no DICOM instance", where=", ".join(map(str, paths)))
    wanted = [ReferencedInstance(file.sop_class_uid, file.sop_instance_uid) for file in files]
    place, listening = peer(node), _listening(listen)
    if listening is not None and place.tls is not None:
        raise UsageError("reports cannot be listened for over TLS", advice="Leave out --listen.")
    report = ask(place, caller(aet), wanted, listening=listening, patience=wait)
    stored = {each.sop_instance_uid for each in report.stored}
    lost = [each for each in wanted if each.sop_instance_uid not in stored]
    reasons = {each.sop_instance_uid: each.reason for each in report.failed}
    if as_json:
        failed = {each.sop_instance_uid: reasons.get(each.sop_instance_uid) for each in lost}
        print_json({"stored": len(wanted) - len(lost), "failed": failed, "passed_over": passed})
    else:
        typer.echo(f"{node} keeps {len(wanted) - len(lost)} of {len(wanted)} instances")
        for each in lost:
            reason = reasons.get(each.sop_instance_uid)
            text = "not in the report" if reason is None else f"failure reason {reason:04X}H"
            err.print(f"{each.sop_instance_uid}: {text}", highlight=False)
    if lost:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the commands to `medvox net`."""
    app.command()(worklist)
    app.add_typer(mpps, name="mpps")
    app.command()(commit)


def _now() -> dt.datetime:
    return dt.datetime.now().astimezone()


def _listening(text: str | None) -> Listening | None:
    from medvox.network.upper_layer.acceptor import Listening

    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError("where to listen is written [HOST:]PORT", got=text, expected="e.g. 0.0.0.0:11113")
    return Listening(host.strip("[]") or "127.0.0.1", int(port))


def _item(path: Path, step: str | None) -> Dataset:
    """Read a worklist item from JSON."""
    from pydicom import Dataset

    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        items = [Dataset.from_json(each) for each in (found if isinstance(found, list) else [found])]
    except FileNotFoundError:
        raise MissingError("there is no such file", where=path) from None
    except Exception as error:
        raise FormatError("no worklist item in JSON", where=path, got=type(error).__name__) from None
    ids = [str(_step(each).get("ScheduledProcedureStepID", "")) for each in items]
    chosen = [each for each, name in zip(items, ids, strict=True) if step in (None, name)]
    if not chosen:
        raise MissingError("there is no such step", where=path, got=step)
    if len(chosen) > 1:
        raise AmbiguityError("the file has several steps", choices=[f"--step {name}" for name in ids])
    return chosen[0]


def _step(item: Dataset) -> Dataset:
    from pydicom import Dataset

    steps = item.get("ScheduledProcedureStepSequence")
    return steps[0] if steps else Dataset()


def _send(operation: str, node: str, aet: str, uid: str, data: Dataset) -> NormalizedAnswer:
    """Perform N-CREATE or N-SET of a performed step."""
    from medvox.network.dimse.normalized import NormalizedUser, SopInstance
    from medvox.network.dimse.proposals import Proposal
    from medvox.network.dimse.syntaxes import MPPS
    from medvox.network.dimse.user import connect

    with connect(peer(node), caller(aet), [Proposal(MPPS)]) as client:
        user, instance = NormalizedUser(client), SopInstance(MPPS, uid)
        return user.create(instance, data) if operation == "create" else user.set(instance, data)


def _print(matches: list[Dataset]) -> None:
    table = Table(
        "date", "time", "station", "modality", "step", "description", "patient", "name", "accession"
    )
    for match in matches:
        step = _step(match)
        values = (
            step.get("ScheduledProcedureStepStartDate"), step.get("ScheduledProcedureStepStartTime"),
            step.get("ScheduledStationAETitle"), step.get("Modality"),
            step.get("ScheduledProcedureStepID"), step.get("ScheduledProcedureStepDescription"),
            match.get("PatientID"), match.get("PatientName"), match.get("AccessionNumber"),
        )  # fmt: skip
        table.add_row(*(escape("" if value is None else str(value)) for value in values))
    out.print(table)
    typer.echo(f"{len(matches)} scheduled")
