"""Archive: keeps instances durably, finds them again, and says who did what with them.

`medvox.archive.archive.Archive` is the facade. Not here yet: PostgreSQL and object stores, migrations of the
index (an index of another version is rebuilt from the bytes), queries at patient level, metadata of a series
ready to send, frame spans, comparing transcoded pixels when a UID comes with other bytes, merging, splitting
and moving of studies, emptying the bin, retention.
"""
