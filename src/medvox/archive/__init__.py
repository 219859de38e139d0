"""Archive: keeps instances durably, finds them again, and says who did what with them.

`medvox.archive.archive.Archive` is the facade. Corrections are in `editing`; `bin`, `retention`,
`compressing` and `exporting` work on an archive from outside. Not here yet: emptying the bin of an object
store.
"""
