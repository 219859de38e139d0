"""`medvox measure`: sizes, values, agreement, radiomics, uptake, calcium, bone density, change."""

from medvox.cli.measure.commands import app

__all__ = ["app"]
