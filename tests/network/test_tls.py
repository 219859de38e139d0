"""TLS of the upper layer with DCMTK and pynetdicom, both ways, and callers that waste time (PS3.15 B.12)."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from contextlib import contextmanager, nullcontext

import pytest
from pydicom import dcmread
from pynetdicom import AE
from typer.testing import CliRunner

from medvox.cli.main import app
from medvox.core.errors import AccessError, NetworkError, NetworkTimeoutError, UsageError
from medvox.network.dimse.files import file_to_send
from medvox.network.dimse.sending import send
from medvox.network.dimse.user import Caller, Peer, connect
from medvox.network.upper_layer.acceptor import Listening
from medvox.network.upper_layer.channel import Timeouts
from medvox.network.upper_layer.negotiation import Admission, AssociationRequest
from medvox.network.upper_layer.tls import (
    ClientCertificates,
    TlsFiles,
    TlsProfile,
    acceptor_context,
    requestor_context,
)
from network.certificates import Authority
from network.fakes import QUICK, UID, Kept, free_port, instances, process, run, storage_node

pytestmark = pytest.mark.net
CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
CALLER = Caller(UID, "TEST", timeouts=QUICK)


class Files:
    """An authority, a node's files and a caller's."""

    def __init__(self, folder, rsa_bits: int | None = 2048) -> None:
        self.authority = Authority(folder)
        ca = self.authority.certificate
        self.node = TlsFiles(*self.authority.sign("node", rsa_bits=rsa_bits), ca)
        self.caller = TlsFiles(*self.authority.sign("ct1", rsa_bits=rsa_bits), ca)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return Files(tmp_path_factory.mktemp("tls"))


@contextmanager
def tls_node(
    files: Files, clients=ClientCertificates.REQUIRED, kept=None, timeouts=QUICK, policy=None, **more
):
    context = acceptor_context(files.node, clients)
    with storage_node(kept, policy, listening=Listening(timeouts=timeouts, tls=context), **more) as node:
        yield node


def peer(node, files: TlsFiles | None) -> Peer:
    return Peer("127.0.0.1", node.port, tls=requestor_context(files) if files else None)


class Seen:
    """Admits all and keeps what was asked."""

    def __init__(self) -> None:
        self.requests: list[AssociationRequest] = []

    def admit(self, request: AssociationRequest) -> Admission:
        self.requests.append(request)
        return Admission()


@pytest.mark.parametrize("profile", TlsProfile)
@pytest.mark.parametrize("rsa_bits", [2048, None])
def test_both_sides_with_each_profile_and_kind_of_key(tmp_path, profile, rsa_bits):
    files, kept = Files(tmp_path, rsa_bits), Kept()
    files.node = TlsFiles(files.node.certificate, files.node.key, files.node.authorities, profile)
    sent = instances(tmp_path / "in", count=2, side=512)
    with tls_node(files, kept=kept) as node:
        done = list(send([file_to_send(file) for file in sent], peer(node, files.caller), CALLER))
        assert all(each.stored for each in done)
        context = requestor_context(files.caller)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with connect(Peer("127.0.0.1", node.port, tls=context), CALLER) as client:
            assert client.echo() == 0
    assert sorted(data for _, data in kept.objects) == sorted(bytes(file_to_send(f).open()) for f in sent)


def test_the_policy_sees_the_certificate_of_the_caller(files):
    seen = Seen()
    with tls_node(files, ClientCertificates.OPTIONAL, policy=seen) as node:
        for mine in (files.caller, TlsFiles(authorities=files.node.authorities)):
            with connect(peer(node, mine), CALLER) as client:
                assert client.messenger.association.certificate.subject == r"CN=node,O=Ward 1\, Hospital"
    known, unknown = (request.certificate for request in seen.requests)
    assert unknown is None
    assert known.subject == r"CN=ct1,O=Ward 1\, Hospital"
    assert known.issuer == r"CN=Test Authority,O=Ward 1\, Hospital"
    assert known.names == ("127.0.0.1",)
    pem = subprocess.run(
        ["openssl", "x509", "-in", files.caller.certificate, "-noout", "-fingerprint", "-sha256"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert pem.strip().split("=")[1].replace(":", "").lower() == known.sha256


def test_who_shows_no_or_a_foreign_certificate_is_refused(files, tmp_path):
    kept = Kept()
    foreign = Authority(tmp_path, "Other")
    wrong = [
        TlsFiles(authorities=files.node.authorities),
        TlsFiles(*foreign.sign("intruder"), files.node.authorities),
    ]
    with tls_node(files, kept=kept) as node:
        for each in wrong:
            with pytest.raises(NetworkError), connect(peer(node, each), CALLER) as client:
                client.echo()
        with pytest.raises(NetworkError), connect(peer(node, None), CALLER):
            pass
        with connect(peer(node, files.caller), CALLER) as client:
            assert client.echo() == 0


def test_a_node_that_is_not_trusted_or_has_another_name_is_not_talked_to(files, tmp_path):
    foreign = Authority(tmp_path, "Other")
    with tls_node(files, ClientCertificates.NONE) as node:
        with pytest.raises(NetworkError, match="not trusted"):
            connect(peer(node, TlsFiles(authorities=foreign.certificate)), CALLER).__enter__()
        with pytest.raises(NetworkError, match="not trusted"):
            connect(Peer("localhost", node.port, tls=requestor_context(files.caller)), CALLER).__enter__()
        lenient = requestor_context(files.caller, check_host=False)
        with connect(Peer("localhost", node.port, tls=lenient), CALLER) as client:
            assert client.echo() == 0
    with storage_node() as plain, pytest.raises(NetworkError):
        connect(peer(plain, files.caller), Caller(UID, timeouts=Timeouts(connect=1))).__enter__()


@pytest.mark.parametrize(
    ("version", "suites"),
    [(ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"), (ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256"),
     (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-SHA")],
)  # fmt: skip
def test_old_versions_and_suites_without_forward_secrecy_are_refused(files, version, suites):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    old = version == ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1") if old else nullcontext():
        context.minimum_version = context.maximum_version = version
    context.set_ciphers(suites)
    with (
        tls_node(files, ClientCertificates.NONE) as node,
        socket.create_connection(("127.0.0.1", node.port), 5) as sock,
        pytest.raises(OSError, match=r"(?i)alert|reset|handshake|eof"),
    ):
        context.wrap_socket(sock).close()


def test_files_that_do_not_fit_are_told(files, tmp_path):
    node = files.node
    with pytest.raises(AccessError, match="cannot be read"):
        requestor_context(TlsFiles(tmp_path / "no.pem"))
    with pytest.raises(UsageError, match="does not fit"):
        requestor_context(TlsFiles(node.certificate, files.caller.key))
    with pytest.raises(UsageError, match="needs a certificate"):
        acceptor_context(TlsFiles())
    locked = tmp_path / "locked.key"
    words = ["openssl", "pkey", "-in", node.key, "-aes128", "-passout", "pass:secret", "-out", locked]
    subprocess.run(words, check=True, capture_output=True)
    with pytest.raises(UsageError, match="does not fit"):
        requestor_context(TlsFiles(node.certificate, locked))


def _drip(sock: socket.socket, data: bytes) -> None:
    for byte in data:
        sock.sendall(bytes((byte,)))
        time.sleep(0.05)


def _hello(files: Files) -> bytes:
    """The first message of a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = requestor_context(files.caller)
    hello = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("drip", [False, True])
def test_a_handshake_that_dawdles_is_ended(files, drip: bool):
    hello = _hello(files) if drip else b""
    with tls_node(files, timeouts=Timeouts(artim=0.5, pdu=1)) as node:
        with socket.create_connection(("127.0.0.1", node.port), 5) as sock:
            begun = time.monotonic()
            with pytest.raises((ConnectionError, TimeoutError)) if drip else nullcontext():
                for _ in range(100):
                    _drip(sock, hello[:20])
            sock.settimeout(5)
            assert drip or sock.recv(1) == b""
            assert time.monotonic() - begun < 4
        for _ in range(100):
            if not node.associations:
                break
            time.sleep(0.02)
        assert node.associations == 0


def test_after_the_handshake_a_request_that_dawdles_is_ended_too(files):
    with tls_node(files, timeouts=Timeouts(artim=0.4, pdu=0.6)) as node:
        context = requestor_context(files.caller)
        sock = socket.create_connection(("127.0.0.1", node.port), 5)
        with context.wrap_socket(sock, server_hostname="127.0.0.1") as secure:
            begun = time.monotonic()
            secure.sendall(b"\x01\x00")
            answer = secure.recv(64)
            assert answer == b"" or answer[0] == 7
            assert time.monotonic() - begun < 3


def test_a_node_that_stops_does_not_wait_for_idle_tls_callers(files):
    with tls_node(files) as node, connect(peer(node, files.caller), CALLER) as client:
        assert client.echo() == 0
        begun = time.monotonic()
        node.stop(grace=0.1)
        assert time.monotonic() - begun < 2
        with pytest.raises(NetworkError, match="aborted"):
            client.echo()
        client.messenger.association.close()


def test_a_peer_that_does_not_finish_the_handshake_is_left(files):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        quick = Caller(UID, timeouts=Timeouts(connect=0.3))
        port = mute.getsockname()[1]
        with pytest.raises(NetworkTimeoutError, match="handshake"):
            connect(Peer("127.0.0.1", port, tls=requestor_context(files.caller)), quick).__enter__()


def _dcmtk(files: TlsFiles) -> tuple[object, ...]:
    return "+tls", files.key, files.certificate, "+cf", files.authorities


@pytest.mark.parametrize("profile", ["+py", "+px", "+pz"])
def test_storescu_of_dcmtk_over_tls(files, tmp_path, profile):
    sent, kept, seen = instances(tmp_path, count=3, side=256), Kept(), Seen()
    node_files = TlsFiles(files.node.certificate, files.node.key, files.node.authorities, TlsProfile.MODIFIED)
    twin = Files.__new__(Files)
    twin.node = node_files
    with tls_node(twin, kept=kept, policy=seen) as node:
        done = run("storescu", *_dcmtk(files.caller), profile, "127.0.0.1", node.port, *sent)
        assert done.returncode == 0, done.stderr
        refused = run("storescu", "+tla", "-ic", "127.0.0.1", node.port, *sent)
        assert refused.returncode != 0
    assert len(kept.objects) == 3
    assert [each.certificate.subject.split(",")[0] for each in seen.requests] == ["CN=ct1"]


def test_storescp_of_dcmtk_over_tls(files, tmp_path):
    sent, port = instances(tmp_path / "in", count=3, side=256), free_port()
    out = tmp_path / "out"
    out.mkdir()
    with process(port, "storescp", *_dcmtk(files.node), "-od", out, port):
        tls = requestor_context(files.caller)
        done = list(send([file_to_send(f) for f in sent], Peer("127.0.0.1", port, tls=tls), CALLER))
        assert all(each.stored for each in done)
        with pytest.raises(NetworkError), connect(Peer("127.0.0.1", port), CALLER):
            pass
    got = {each.SOPInstanceUID: each for each in map(dcmread, out.iterdir())}
    for file in sent:
        assert got[dcmread(file).SOPInstanceUID] == dcmread(file)


def test_pynetdicom_over_tls_both_ways(files, tmp_path):
    sent, kept = instances(tmp_path, count=2), Kept()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    theirs.load_cert_chain(files.caller.certificate, files.caller.key)
    theirs.load_verify_locations(files.caller.authorities)
    with tls_node(files, kept=kept) as node:
        ae = AE("PYNET")
        ae.add_requested_context(CT, [EXPLICIT])
        association = ae.associate("127.0.0.1", node.port, tls_args=(theirs, "127.0.0.1"))
        assert association.is_established
        assert [association.send_c_store(dcmread(file)).Status for file in sent] == [0, 0]
        association.release()
    assert len(kept.objects) == 2

    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(files.node.certificate, files.node.key)
    served.load_verify_locations(files.node.authorities)
    served.verify_mode = ssl.CERT_REQUIRED
    ae = AE("PYNET")
    ae.add_supported_context("1.2.840.10008.1.1")
    server = ae.start_server(("127.0.0.1", 0), block=False, ssl_context=served)
    try:
        port = server.socket.getsockname()[1]
        with connect(Peer("127.0.0.1", port, tls=requestor_context(files.caller)), CALLER) as client:
            assert client.echo() == 0
    finally:
        server.shutdown()


def test_the_command_line_takes_tls_files(files, tmp_path):
    sent, kept = instances(tmp_path), Kept()
    mine = files.caller
    words = ["--tls", "--tls-cert", mine.certificate, "--tls-key", mine.key, "--tls-ca", mine.authorities]
    with tls_node(files, kept=kept) as node:
        address = f"127.0.0.1:{node.port}"
        told = CliRunner().invoke(app, list(map(str, ["net", "send", tmp_path, "--to", address, *words])))
        assert told.exit_code == 0, told.output
        told = CliRunner().invoke(app, ["net", "echo", address, "--tls-ca", str(mine.authorities)])
        assert isinstance(told.exception, UsageError)
    assert len(kept.objects) == len(sent)
