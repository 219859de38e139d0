"""HTTP over TLS: the session's cookie stays on it, old protocols are refused, wrong files are told."""

from __future__ import annotations

import datetime as dt
import ssl
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from medvox.archive.access import Role
from medvox.archive.audit import Audit
from medvox.archive.state.database import StateDatabase
from medvox.core.errors import AccessError, UsageError
from medvox.server.access.door import Door
from medvox.server.access.guard import HttpAccess
from medvox.server.access.tls import server_context, uvicorn_options
from medvox.server.run import bind
from medvox.workflows.node.access import NodeAccess
from server.access.conftest import application, running


def write_pair(folder: Path, name: str, password: bytes | None = None) -> tuple[Path, Path]:
    """Make a certificate for loopback, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")])
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).add_extension(names, critical=False)
    made = made.not_valid_before(now - dt.timedelta(1)).not_valid_after(now + dt.timedelta(1))
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    certificate, secret = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
    secret.write_bytes(key.private_bytes(pem, form, lock))
    return certificate, secret


def test_a_node_over_tls(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, "node")
    database, audit = StateDatabase(tmp_path / "state.sqlite"), Audit(tmp_path / "audit.sqlite")
    node = NodeAccess(audit, database)
    secret = node.tokens.create("ann", Role.VIEWER)
    sock = bind(0)
    port = sock.getsockname()[1]
    access = HttpAccess.to(node, Door(port, is_secure=True))
    trust = ssl.create_default_context(cafile=str(certificate))
    old = ssl.create_default_context(cafile=str(certificate))
    old.set_ciphers("AES128-SHA256")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    address = f"https://127.0.0.1:{port}"
    with running(application(access), sock, **uvicorn_options(server_context(certificate, key))):
        with httpx.Client(verify=trust) as http:
            answer = http.get(f"{address}/?token={secret}")
            assert "secure" in answer.headers["set-cookie"].lower()
            assert http.get(f"{address}/studies", headers={"Origin": address}).text == '"ann"'
            plain = {"Origin": f"http://127.0.0.1:{port}"}
            assert http.get(f"{address}/studies", headers=plain).status_code == 403
            assert http.get(f"{address}/studies").headers["x-content-type-options"] == "nosniff"
        with httpx.Client(verify=old) as weak, pytest.raises(httpx.ConnectError):
            weak.get(f"{address}/studies")
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/studies")
    node.close()
    audit.close()
    database.close()


def test_wrong_files_are_told(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, "one")
    _, other = write_pair(tmp_path, "two")
    _, locked = write_pair(tmp_path, "three", b"secret")
    assert server_context(certificate, key).minimum_version is ssl.TLSVersion.TLSv1_2
    for wrong in (other, locked, certificate):
        with pytest.raises(UsageError):
            server_context(certificate, wrong)
    for missing in ((tmp_path / "none.pem", key), (certificate, tmp_path / "none.key")):
        with pytest.raises(AccessError):
            server_context(*missing)


def test_without_a_certificate_nothing_changes() -> None:
    assert uvicorn_options(None) == {}
