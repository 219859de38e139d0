"""`medvox net ups`: unified procedure steps of a node."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from medvox.cli.console import print_json
from medvox.cli.net.commands import Aet, Json, Node, caller
from medvox.cli.net.query import Keys
from medvox.cli.net.tls import peer

if TYPE_CHECKING:
    from medvox.network.dimse.normalized import NormalizedAnswer, NormalizedRequest, NormalizedUser

app = typer.Typer(
    help="Work shared between people and devices: make, find, claim, finish, cancel, follow steps.",
    no_args_is_help=True,
)
Uid = Annotated[str, typer.Argument(help="SOP Instance UID of the step.")]
Transaction = Annotated[str, typer.Option("--transaction", help="Transaction UID that `claim` printed.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in words.")]


@app.command()
def create(
    node: Node,
    label: Annotated[str, typer.Option("--label", help="What is to be done.")],
    patient: Annotated[str, typer.Option("--patient", help="Patient's Name, FAMILY^GIVEN.")] = "",
    patient_id: Annotated[str, typer.Option("--patient-id", help="Patient ID.")] = "",
    study: Annotated[str, typer.Option("--study", help="Study Instance UID.")] = "",
    priority: Annotated[str, typer.Option("--priority", help="LOW, MEDIUM or HIGH.")] = "MEDIUM",
    aet: Aet = "MEDVOX",
) -> None:
    """Make a step (N-CREATE), and print its SOP Instance UID."""
    from medvox.network.dimse import ups_user
    from medvox.network.dimse.syntaxes import UPS_PUSH

    step = ups_user.new_step(label, priority.upper())
    step.PatientName, step.PatientID, step.StudyInstanceUID = patient, patient_id, study
    uid = _new_uid()
    with _user(node, aet, UPS_PUSH) as user:
        ups_user.create(user, step, uid)
    typer.echo(uid)


@app.command()
def find(
    node: Node,
    key: Keys = None,
    state: Annotated[str, typer.Option("--state", help="E.g. SCHEDULED; by default all.")] = "",
    aet: Aet = "MEDVOX",
    as_json: Json = False,
) -> None:
    """Find steps (C-FIND)."""
    from medvox.network.dimse.identifiers import identifier
    from medvox.network.dimse.proposals import Proposal
    from medvox.network.dimse.syntaxes import UPS_PULL
    from medvox.network.dimse.user import connect

    asked = identifier("study", key or (), unique=True)
    del asked.QueryRetrieveLevel
    asked.ProcedureStepState = state.upper()
    for keyword in ("SOPInstanceUID", "PatientName", "PatientID", "ProcedureStepLabel",
                    "ScheduledProcedureStepPriority", "ScheduledProcedureStepStartDateTime"):  # fmt: skip
        if keyword not in asked:
            setattr(asked, keyword, "")
    with connect(peer(node), caller(aet), [Proposal(UPS_PULL)]) as client:
        matches = list(client.find(UPS_PULL, asked))
    if as_json:
        print_json([match.to_json_dict() for match in matches])
        return
    for match in matches:
        words = ("ProcedureStepState", "ScheduledProcedureStepPriority", "SOPInstanceUID", "PatientID",
                 "PatientName", "ProcedureStepLabel")  # fmt: skip
        typer.echo("  ".join(str(match.get(word, "")) for word in words))
    typer.echo(f"{len(matches)} found")


@app.command()
def claim(node: Node, uid: Uid, aet: Aet = "MEDVOX") -> None:
    """Take a step in hand, and print the Transaction UID that changing it then needs."""
    from medvox.network.dimse import ups_user
    from medvox.network.dimse.syntaxes import UPS_PULL

    transaction = _new_uid()
    with _user(node, aet, UPS_PULL) as user:
        ups_user.claim(user, uid, transaction)
    typer.echo(transaction)


@app.command()
def finish(
    node: Node,
    uid: Uid,
    transaction: Transaction,
    work: Annotated[
        str, typer.Option("--work", help="What was done, as VALUE,SCHEME,MEANING.")
    ] = "110005,DCM,Interpretation",
    station: Annotated[
        str, typer.Option("--station", help="Where, as VALUE,SCHEME,MEANING.")
    ] = "MEDVOX,99MEDVOX,medvox",
    aet: Aet = "MEDVOX",
) -> None:
    """Say that a step you claimed is completed."""
    from medvox.network.dimse import ups_user
    from medvox.network.dimse.syntaxes import UPS_PULL

    done, where = ups_user.Code.parse(work), ups_user.Code.parse(station)
    with _user(node, aet, UPS_PULL) as user:
        ups_user.finish(user, uid, transaction, workitem=done, station=where)
    typer.echo("COMPLETED")


@app.command()
def cancel(
    node: Node, uid: Uid, transaction: Transaction = "", reason: Reason = "", aet: Aet = "MEDVOX"
) -> None:
    """Cancel a step you claimed, or without ``--transaction`` ask that one be canceled."""
    from medvox.network.dimse import ups_user
    from medvox.network.dimse.syntaxes import UPS_PULL, UPS_PUSH

    with _user(node, aet, UPS_PULL if transaction else UPS_PUSH) as user:
        if transaction:
            ups_user.cancel(user, uid, transaction, reason)
        else:
            ups_user.request_cancel(user, uid, reason)
    typer.echo("CANCELED" if transaction else "cancel requested")


@app.command()
def watch(
    node: Node,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Where the node reports to us.")],
    uid: Annotated[str, typer.Option("--uid", help="The step; by default all.")] = "",
    count: Annotated[int, typer.Option("--count", min=0, help="End after this many; 0: at Ctrl+C.")] = 0,
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    aet: Aet = "MEDVOX",
) -> None:
    """Print what happens to steps; the node must know our AE title with address and port."""
    from medvox.archive.state.ups_events import GLOBAL
    from medvox.network.dimse import ups_user
    from medvox.network.dimse.normalized import NormalizedAnswer
    from medvox.network.dimse.provider import ProviderSettings, Services, provider
    from medvox.network.dimse.services.ups import event_service
    from medvox.network.dimse.services.verification import VerificationService
    from medvox.network.dimse.syntaxes import UPS_EVENT, UPS_WATCH
    from medvox.network.upper_layer.acceptor import Listening
    from medvox.network.upper_layer.negotiation import AdmitAll

    told, enough = [0], threading.Event()

    def happened(request: NormalizedRequest) -> NormalizedAnswer:
        data = {} if request.data is None else request.data.to_json_dict()
        print_json({"uid": request.instance.sop_instance_uid, "event": request.type_id, "data": data})
        told[0] += 1
        if count and told[0] >= count:
            enough.set()
        return NormalizedAnswer()

    services = Services((VerificationService(), event_service(happened)), reporters=(UPS_EVENT,))
    settings = ProviderSettings(caller(aet).implementation_uid, listening=Listening(host, port))
    with provider(services, AdmitAll(), settings):
        with _user(node, aet, UPS_WATCH) as user:
            ups_user.subscribe(user, uid or GLOBAL, aet)
        try:
            enough.wait()
        finally:
            with _user(node, aet, UPS_WATCH) as user:
                ups_user.unsubscribe(user, uid or GLOBAL, aet)


@contextmanager
def _user(node: str, aet: str, sop_class: str) -> Iterator[NormalizedUser]:
    from medvox.network.dimse.normalized import NormalizedUser
    from medvox.network.dimse.proposals import Proposal
    from medvox.network.dimse.user import connect

    with connect(peer(node), caller(aet), [Proposal(sop_class)]) as client:
        yield NormalizedUser(client)


def _new_uid() -> str:
    from pydicom.uid import generate_uid

    return str(generate_uid(prefix=None))


def register(net: typer.Typer) -> None:
    """Add the commands to `medvox net`."""
    net.add_typer(app, name="ups")
