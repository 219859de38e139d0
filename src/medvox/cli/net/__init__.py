"""`medvox net`: every word for talking to DICOM nodes, put together."""

from __future__ import annotations

from medvox.cli.net import films, procedures, query, tls, ups
from medvox.cli.net.commands import app

query.register(app)
procedures.register(app)
films.register(app)
ups.register(app)
for words in (app, ups.app, procedures.mpps):
    tls.add_options(words)

__all__ = ["app"]
