"""Settings of a node, and the file ``medvox.toml`` that may hold them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from medvox.archive.editing.coercion import CoercionRule
from medvox.archive.model import ArchiveSettings
from medvox.core.errors import FormatError, MissingError, UsageError
from medvox.core.settings import current
from medvox.jobs.routing import ForwardingRule

DICOM_PORT: Final = 11112
"""Registered for DICOM (IANA)."""
HTTP_PORT: Final = 8042
_TITLE: Final = re.compile(r"[\x20-\x5b\x5d-\x7e]{1,16}")
_ORIGIN: Final = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
"""Origin as browsers send it (RFC 6454 6.2)."""
_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "str": str, "int": int, "float": (int, float), "bool": bool, "Path": str, "Path | None": str,
    "str | None": str, "dict[str, str]": dict,
}  # fmt: skip


def default_store() -> Path:
    """Return the folder of the archive where none is named: ``medvox/archive`` of the user's data."""
    from platformdirs import user_data_path

    return (current().data_folder or user_data_path("medvox", appauthor=False)) / "archive"


@dataclass(frozen=True, slots=True)
class RemoteNode:
    """Another DICOM node.

    Parameters
    ----------
    name
        What people call it.
    ae_title, host, port
        Its title and address.
    """

    name: str
    ae_title: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Coercion:
    """Attributes that instances of a sender get when they are received.

    Parameters
    ----------
    caller
        AE title of the sender; ``*`` and ``?`` stand for letters.
    values
        By keyword: replace what is there; ``{}`` stands for it, e.g. ``{PatientID = "SITE2-{}"}``.
    defaults
        By keyword: fill what is missing or empty.
    """

    caller: str
    values: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)

    def rule(self) -> CoercionRule:
        """Return it with tags.

        Raises
        ------
        UsageError
            If a keyword or value is not possible.
        """
        from medvox.archive.editing.rewriting import checked_values

        return CoercionRule(self.caller, checked_values(self.values), checked_values(self.defaults))


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How a node works; each field is a line of ``medvox.toml`` of the same name.

    Parameters
    ----------
    store
        Folder of the archive.
    index
        URL of the database of index, audit and state, ``postgresql://…``; None for SQLite in the folder.
    objects
        URL of an object store for the bytes, ``s3://…``; None for the folder.
    aet
        AE title of the node, 1 to 16 characters (PS3.5 6.2).
    any_called_ae
        Whether callers may name another title than `aet`.
    dicom_host, dicom_port
        Where DICOM is listened to; port 0 takes a free one.
    http_host, http_port
        Where HTTP is listened to.
    max_associations
        DICOM associations open at once.
    idle_s
        Seconds after which an association without messages is ended.
    stop_s
        Seconds that associations have to end when the node is stopped.
    trust_loopback
        Whether DICOM callers of this machine need no rule.
    dicom_certificate, dicom_key, dicom_authorities
        PEM files: with a certificate DICOM is TLS alone; with authorities callers must show one of theirs.
    http_certificate, http_key
        PEM files: with a certificate HTTP is TLS.
    http_names
        Names by which browsers call the node, where it listens beyond its own machine.
    http_origins
        Sites of other viewers whose pages may ask the DICOMweb with a token, ``https://viewer.example``, with
        spaces between; none by default.
    log_level
        ``"debug"``, ``"info"``, ``"warning"`` or ``"error"``.
    nodes
        Nodes that are known, by sections ``[[nodes]]``.
    forward
        What is sent on to which of them, by sections ``[[forward]]``.
    coerce
        What is changed at receiving, by sections ``[[coerce]]``.
    stable_s
        Seconds without a new instance after which a study is forwarded, and hooks are told of it.
    """

    store: Path = field(default_factory=default_store)
    index: str | None = None
    objects: str | None = None
    aet: str = "MEDVOX"
    any_called_ae: bool = True
    dicom_host: str = "127.0.0.1"
    dicom_port: int = DICOM_PORT
    http_host: str = "127.0.0.1"
    http_port: int = HTTP_PORT
    max_associations: int = 256
    idle_s: float = 300.0
    stop_s: float = 10.0
    trust_loopback: bool = True
    dicom_certificate: Path | None = None
    dicom_key: Path | None = None
    dicom_authorities: Path | None = None
    http_certificate: Path | None = None
    http_key: Path | None = None
    http_names: str = ""
    http_origins: str = ""
    log_level: str = "info"
    nodes: tuple[RemoteNode, ...] = ()
    forward: tuple[ForwardingRule, ...] = ()
    coerce: tuple[Coercion, ...] = ()
    stable_s: float = 60.0

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file.

        Raises
        ------
        MissingError
            If it is not there.
        FormatError
            If it is not TOML, or has a field or value that is not known; the text names the line.
        """
        try:
            text = path.read_text(encoding="utf-8")
            values = tomllib.loads(text)
        except FileNotFoundError as error:
            raise MissingError("there is no such settings file", where=path) from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise FormatError("the settings are not TOML", where=path, got=str(error)) from error
        given = {name: value for name, value in values.items() if name not in _SECTIONS}
        found = _checked(cls, given, path, text)
        sections: dict[str, Any] = {
            name: _sections(name, values.get(name, []), path, text) for name in _SECTIONS
        }
        for name, value in found.items():
            if isinstance(value, Path):
                found[name] = path.absolute().parent / value
        try:
            return cls(**sections, **found).checked()
        except UsageError as error:
            raise FormatError(error.what, where=path, got=error.got, expected=error.expected) from error

    def changed(self, **values: Any) -> Self:
        """Return settings with the values that are not None."""
        given = {name: value for name, value in values.items() if value is not None}
        return replace(self, **given).checked()

    @property
    def archive(self) -> ArchiveSettings:
        """Where the archive is."""
        return ArchiveSettings(self.store, index=self.index, objects=self.objects)

    @property
    def state(self) -> Path | str:
        """Database of what is kept beside images."""
        return self.index or self.store / "state.sqlite"

    @property
    def audit(self) -> Path | str:
        """Database of the audit."""
        return self.index or self.store / "audit.sqlite"

    def checked(self) -> Self:
        """Return these settings.

        Raises
        ------
        UsageError
            If a value cannot be.
        """
        for name in (self.aet, *(node.ae_title for node in self.nodes)):
            if not _TITLE.fullmatch(name) or not name.strip():
                raise UsageError("an AE title has 1 to 16 plain characters", got=name)
        if self.index is not None and urlsplit(self.index).password:
            raise UsageError(
                "a password does not belong into settings", got="index", advice="Use PGPASSFILE or ~/.pgpass"
            )
        for port in (self.dicom_port, self.http_port, *(node.port for node in self.nodes)):
            if not 0 <= port <= 65535:
                raise UsageError("no such port", got=port, expected="0 to 65535")
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise UsageError("unknown log_level", got=self.log_level, expected="debug, info, warning, error")
        if self.max_associations < 1:
            raise UsageError("max_associations is below 1", got=self.max_associations)
        _check_origins(self.http_origins)
        known = {name for node in self.nodes for name in (node.name, node.ae_title)}
        for rule in self.forward:
            if rule.to not in known:
                raise UsageError("a rule forwards to a node that is not known", got=rule.to, expected=known)
        for coercion in self.coerce:
            coercion.rule()
        return self

    def node(self, ae_title: str) -> RemoteNode | None:
        """Return the known node of a title."""
        return next((node for node in self.nodes if node.ae_title == ae_title.strip()), None)


def _check_origins(origins: str) -> None:
    for origin in origins.split():
        if not _ORIGIN.fullmatch(origin):
            expected = "scheme://host or scheme://host:port, lower case, no path, no *"
            raise UsageError("http_origins has what is no origin", got=origin, expected=expected)


_SECTIONS: Final[dict[str, type]] = {"nodes": RemoteNode, "forward": ForwardingRule, "coerce": Coercion}


def _sections(name: str, given: Any, path: Path, text: str) -> tuple[Any, ...]:
    """Return sections that may be there several times."""
    kind = _SECTIONS[name]
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise _wrong(f"{name} are sections [[{name}]]", path, text, name)
    needed = [one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]
    checked = [_checked(kind, one, path, text) for one in given]
    for one in checked:
        if missing := [setting for setting in needed if setting not in one]:
            what = "a node lacks settings" if kind is RemoteNode else f"a section of {name} lacks settings"
            raise _wrong(what, path, text, name, expected=missing)
        for value in one.values():
            if isinstance(value, dict) and not all(isinstance(text, str) for text in value.values()):
                raise _wrong("the values of attributes are texts", path, text, name)
    return tuple(kind(**one) for one in checked)


def _checked(kind: type, given: Mapping[str, Any], path: Path, text: str) -> dict[str, Any]:
    """Return the fields of a section with the types that they have."""
    known = {one.name: str(one.type) for one in fields(kind) if one.name not in _SECTIONS}
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            expected = ", ".join(known)
            raise _wrong("an unknown setting", path, text, name, got=name, expected=expected)
        wanted = _KINDS[known[name]]
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise _wrong("a setting of the wrong type", path, text, name, got=value, expected=known[name])
        found[name] = Path(str(value)).expanduser() if known[name].startswith("Path") else value
    return found


def _wrong(what: str, path: Path, text: str, name: str, **more: Any) -> FormatError:
    """Error that names the line of a setting."""
    pattern = re.compile(rf"^\s*(\[\[?\s*)?[\"']?{re.escape(name)}[\"']?\s*(=|\])")
    line = next((n for n, one in enumerate(text.splitlines(), start=1) if pattern.match(one)), 1)
    return FormatError(what, where=f"{path}, line {line}", **more)
