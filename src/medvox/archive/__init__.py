"""Archive: keeps instances durably, finds them again, and says who did what with them.

`medvox.archive.archive.Archive` is the facade. `keeping` has the two ways in which bytes and index make its
promise: a journal in a folder with the index behind it, and an object store with the index written before
each answer, which several processes share. Corrections are in `editing`; `bin`, `retention`, `compressing`
and `exporting` work on an archive from outside. Not here yet: emptying the bin of an object store.
"""
