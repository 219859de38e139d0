"""Keeping: the two ways in which bytes and index together make the promise of an archive.

`journaled`: a journal on a disk of this machine is the truth and is synced; the index follows behind it.
`clustered`: an object store has the bytes, and the index is written before an instance is acknowledged, so
that several processes act as one archive.
"""
