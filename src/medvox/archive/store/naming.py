"""Naming: names of files that are made of their content, so that the same is kept once."""

from __future__ import annotations

import hashlib

from medvox.archive.store.disk import Buffer


def content_name(digest: str, prefix: Buffer) -> str:
    """Return the name of a file: the digest of its data set, and part of that of what is before it.

    Parameters
    ----------
    digest
        SHA-256 of the data set, hexadecimal.
    prefix
        Preamble and file meta information, which may differ where the data sets are the same.
    """
    return f"{digest}-{hashlib.sha256(prefix).hexdigest()[:16]}"
