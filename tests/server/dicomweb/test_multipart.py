"""The multipart parser: what it takes apart is what was put together, however it arrives, within bounds."""

from __future__ import annotations

from email import policy
from email.parser import BytesParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medvox.core.errors import UsageError
from medvox.server.dicomweb import multipart
from medvox.server.dicomweb.multipart import BOUNDARY, END, Data, Head, Parser, content_type, part_head

parts_of = st.lists(
    st.one_of(
        st.binary(max_size=300),
        st.sampled_from([b"", b"\r\n", b"--", b"\r\n--", b"\r\n--X", b"--XY", b"\r\n\r\n", b"\r"]),
    ),
    max_size=6,
)
cuts = st.lists(st.integers(1, 40), min_size=1, max_size=30)


def parsed(body: bytes, sizes: list[int], boundary: bytes = b"XY") -> list[tuple[dict[str, str], bytes]]:
    parser, found, at, turn = Parser(boundary), [], 0, 0
    while at < len(body):
        size = sizes[turn % len(sizes)]
        for event in parser.feed(body[at : at + size]):
            if isinstance(event, Head):
                found.append((event.headers, b""))
            elif isinstance(event, Data):
                found[-1] = (found[-1][0], found[-1][1] + bytes(event.content))
        at, turn = at + size, turn + 1
    parser.finish()
    return found


def body_of(parts: list[bytes], mark: bytes = b"XY") -> bytes:
    written = b"".join(b"--" + mark + b"\r\nContent-Type: a/b\r\n\r\n" + part + b"\r\n" for part in parts)
    return written + b"--" + mark + b"--\r\n"


@given(parts_of, cuts)
@settings(deadline=None)
def test_parts_come_back_however_they_arrive(parts, sizes):
    parts = [part for part in parts if b"\r\n--XY" not in b"\r\n" + part]
    assert [data for _, data in parsed(body_of(parts), sizes)] == parts


@given(st.binary(max_size=400), cuts)
@settings(deadline=None)
def test_any_bytes_are_parsed_or_refused(body, sizes):
    try:
        parsed(body, sizes)
    except UsageError:
        return
    assert b"--XY--" in body


@given(parts_of, st.integers(0, 10**6), st.integers(0, 255), cuts)
@settings(deadline=None)
def test_a_changed_byte_never_makes_more_data_than_there_are(parts, place, value, sizes):
    body = bytearray(body_of(parts))
    body[place % len(body)] = value
    try:
        found = parsed(bytes(body), sizes)
    except UsageError:
        return
    assert sum(len(data) for _, data in found) <= len(body)


def test_what_is_sent_is_read_by_the_standard_library():
    parts = [b"\0\r\n-", b"", b"x" * 1000]
    body = b"".join(part_head("application/dicom", len(part)) + part for part in parts) + END
    head = f"Content-Type: {content_type('application/dicom')}\r\n\r\n".encode()
    message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    assert [part.get_payload(decode=True) for part in message.iter_parts()] == parts
    assert [data for _, data in parsed(body, [7], BOUNDARY.encode())] == parts


def test_preamble_epilogue_and_blanks_are_allowed():
    body = b"ignored\r\n--XY \t\r\nA: b\r\n\r\ndata\r\n--XY--\r\nignored\r\n--XY"
    assert parsed(body, [3]) == [({"a": "b"}, b"data")]
    assert parsed(b"--XY\r\n\r\nbare\r\n--XY--", [100]) == [({}, b"bare")]


@pytest.mark.parametrize(
    "body",
    [
        b"x" * (multipart.LONGEST_PREAMBLE + 100),
        b"--XY\r\n" + b"A: " + b"b" * multipart.LONGEST_HEADERS,
        b"--XY\r\n" + b"A: b\r\n" * (multipart.MOST_HEADERS + 1) + b"\r\n",
        b"--XY\r\nno colon\r\n\r\n",
        b"--XYZ\r\n\r\n",
        b"--XY" + b" " * 100,
        b"--XY\r\n\r\nended early",
    ],
)
def test_bounds_are_kept(body):
    with pytest.raises(UsageError):
        parsed(body, [1000])


def test_the_number_of_parts_is_bounded(monkeypatch):
    monkeypatch.setattr(multipart, "MOST_PARTS", 3)
    assert len(parsed(body_of([b"a"] * 3), [50])) == 3
    with pytest.raises(UsageError, match="too many parts"):
        parsed(body_of([b"a"] * 4), [50])


def test_the_parser_holds_little_of_a_large_part():
    parser = Parser(b"XY")
    list(parser.feed(b"--XY\r\n\r\n"))
    for _ in range(50):
        got = sum(len(event.content) for event in parser.feed(b"\r\n--X" * 10_000) if isinstance(event, Data))
        assert got >= 49_900
        assert len(parser._buffer) < 100


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary=abc', b"abc"),
        ('multipart/related; boundary="a b;c"; type=x', None),
        ('multipart/related; boundary="a\'()+_,-./:=?b"', b"a'()+_,-./:=?b"),
        ("multipart/related", None),
        (f"multipart/related; boundary={'x' * 71}", None),
    ],
)
def test_boundaries(header, boundary):
    if boundary is None:
        with pytest.raises(UsageError):
            multipart.boundary_of(header)
    else:
        assert multipart.boundary_of(header) == boundary
