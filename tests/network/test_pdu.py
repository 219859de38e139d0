"""PDUs: the same bytes as pynetdicom's, and no byte sequence does harm."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pynetdicom import pdu as peer

from medvox.core.errors import FormatError
from medvox.network.upper_layer.items import (
    CommonExtended,
    ContextResult,
    ExtendedNegotiation,
    ProposedContext,
    Role,
    UserIdentity,
    UserInformation,
)
from medvox.network.upper_layer.pdu import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    Kind,
    ReleaseReply,
    ReleaseRequest,
    decode,
    encode,
)

CT, VERIFY = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.1"
PEERS = {
    Kind.ASSOCIATE_RQ: peer.A_ASSOCIATE_RQ,
    Kind.ASSOCIATE_AC: peer.A_ASSOCIATE_AC,
    Kind.ASSOCIATE_RJ: peer.A_ASSOCIATE_RJ,
    Kind.RELEASE_RQ: peer.A_RELEASE_RQ,
    Kind.RELEASE_RP: peer.A_RELEASE_RP,
    Kind.ABORT: peer.A_ABORT_RQ,
}
REQUEST = AssociateRequest(
    "CALLED",
    "CALLING",
    (
        ProposedContext(1, VERIFY, ("1.2.840.10008.1.2",)),
        ProposedContext(255, CT, ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70")),
    ),
    UserInformation(
        16384,
        "1.2.3.4",
        "VERSION_1",
        window=(5, 6),
        roles=(Role(CT, scu=True, scp=True),),
        extended=(ExtendedNegotiation(CT, b"\x01\x00\x01"),),
        common=(CommonExtended(CT, "1.2.840.10008.4.2", ("1.2.3", "1.2.4")),),
        identity=UserIdentity(2, wants_reply=True, primary=b"name", secondary=b"pass"),
    ),
)
ACCEPT = AssociateAccept(
    "CALLED",
    "CALLING",
    (ContextResult(1, 0, "1.2.840.10008.1.2"), ContextResult(255, 0, "1.2.840.10008.1.2.4.70")),
    UserInformation(0, "1.2.3.4", roles=(Role(CT, scu=False, scp=True),), identity_reply=b"token"),
)
ALL = [REQUEST, ACCEPT, AssociateReject(1, 1, 3), ReleaseRequest(), ReleaseReply(), Abort(2, 6)]


@pytest.mark.parametrize("pdu", ALL, ids=lambda pdu: type(pdu).__name__)
def test_a_pdu_survives_encoding_and_is_what_pynetdicom_reads_and_writes(pdu):
    data = encode(pdu)
    assert decode(data[0], data[6:]) == pdu
    theirs = PEERS[Kind(data[0])]()
    theirs.decode(data)
    again = theirs.encode()
    assert decode(again[0], again[6:]) == pdu


def test_pynetdicom_reads_the_items_of_a_request():
    theirs = peer.A_ASSOCIATE_RQ()
    theirs.decode(encode(REQUEST))
    user = theirs.user_information
    assert theirs.calling_ae_title.strip() == "CALLING"
    assert [c.abstract_syntax for c in theirs.presentation_context] == [VERIFY, CT]
    assert user.maximum_length == 16384
    assert (user.user_identity.primary_field, user.user_identity.secondary_field) == (b"name", b"pass")
    assert user.role_selection[CT].scp_role
    assert user.async_ops_window.maximum_number_operations_invoked == 5


@given(kind=st.integers(0, 255), body=st.binary(max_size=400))
@example(kind=1, body=bytes(68))
def test_any_bytes_are_a_pdu_or_a_format_error(kind, body):
    decoded_or_refused(kind, body)


@given(
    st.sampled_from(ALL[:2]),
    st.lists(st.tuples(st.integers(0, 399), st.integers(0, 255)), max_size=6),
    st.data(),
)
def test_a_damaged_pdu_is_a_pdu_or_a_format_error(pdu, damages, data):
    body = bytearray(encode(pdu)[6:])
    for place, value in damages:
        body[place % len(body)] = value
    decoded_or_refused(encode(pdu)[0], bytes(body[: data.draw(st.integers(0, len(body)))]))


def decoded_or_refused(kind, body):
    try:
        pdu = decode(kind, body)
    except FormatError:
        return
    if isinstance(pdu, AssociateRequest):
        assert len(pdu.contexts) <= 128


def test_titles_longer_than_the_field_and_repeated_contexts_are_refused():
    with pytest.raises(FormatError, match="16 characters"):
        encode(AssociateRequest("A" * 17, "B", REQUEST.contexts, REQUEST.user))
    twice = AssociateRequest("A", "B", REQUEST.contexts[:1] * 2, REQUEST.user)
    with pytest.raises(FormatError, match="twice"):
        decode(1, encode(twice)[6:])


def test_secrets_do_not_show():
    assert "pass" not in repr(REQUEST)
    assert "name" not in repr(REQUEST.user.identity)
