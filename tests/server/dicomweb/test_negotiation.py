"""Accept headers: qualities, media ranges, transfer syntaxes (RFC 9110 12.5.1, PS3.18 8.7)."""

from __future__ import annotations

import pytest
from fastapi import HTTPException

from medvox.server.dicomweb.negotiation import (
    DEFAULT,
    DICOM,
    EXPLICIT_LITTLE,
    STORED,
    frame_syntaxes,
    object_syntaxes,
    wishes,
)

JPEG_LS = "1.2.840.10008.1.2.4.80"
BASELINE = "1.2.840.10008.1.2.4.50"


def test_the_best_comes_first_and_zero_not_at_all():
    found = wishes('image/png;q=0.2, multipart/related; type="application/dicom"; q=0.9, image/jpeg, a/b;q=0')
    assert [(wish.media, wish.is_multipart) for wish in found] == [
        ("image/jpeg", False),
        ("application/dicom", True),
        ("image/png", False),
    ]


def test_commas_in_quotes_do_not_separate():
    (wish,) = wishes('multipart/related; type="a/b"; boundary="x,y\\"z"; transfer-syntax="1.2"')
    assert wish.transfer_syntax == "1.2"
    assert dict(wish.parameters)["boundary"] == 'x,y"z'


@pytest.mark.parametrize("text", ["a/b;q=x", "a/b," * 100, "a" * 10_000])
def test_malformed_or_excessive_ones_are_400(text):
    with pytest.raises(HTTPException) as caught:
        wishes(text)
    assert caught.value.status_code == 400


@pytest.mark.parametrize(
    ("accept", "syntaxes"),
    [
        ("", (STORED,)),
        ("*/*", (STORED,)),
        ('multipart/related; type="application/dicom"', (DEFAULT,)),
        ('multipart/related; type="application/dicom"; transfer-syntax=*', (STORED,)),
        (
            f"{DICOM}; transfer-syntax={JPEG_LS}; q=0.5, {DICOM}; transfer-syntax={EXPLICIT_LITTLE}",
            (EXPLICIT_LITTLE, JPEG_LS),
        ),
        ("text/html", ()),
    ],
)
def test_instances(accept, syntaxes):
    assert object_syntaxes(wishes(accept)) == syntaxes


@pytest.mark.parametrize(
    ("accept", "stored", "syntaxes"),
    [
        ("*/*", JPEG_LS, (JPEG_LS,)),
        ("application/octet-stream", JPEG_LS, (EXPLICIT_LITTLE,)),
        ('multipart/related; type="application/octet-stream"; transfer-syntax=*', JPEG_LS, (JPEG_LS,)),
        ('multipart/related; type="image/jls"', JPEG_LS, (JPEG_LS,)),
        ('multipart/related; type="image/jls"', EXPLICIT_LITTLE, (JPEG_LS,)),
        ('multipart/related; type="image/jpeg"', BASELINE, (BASELINE,)),
        ("image/*", BASELINE, (BASELINE,)),
        ('multipart/related; type="image/jpeg"; transfer-syntax=*', JPEG_LS, ()),
        ("text/html", JPEG_LS, ()),
    ],
)
def test_frames(accept, stored, syntaxes):
    assert frame_syntaxes(wishes(accept), stored) == syntaxes
