"""RAW: values without a header, described by a text or by a small JSON or TOML file beside them."""

from medvox.formats.raw.description import RawDescription
from medvox.formats.raw.format import RawFormat

__all__ = ["RawDescription", "RawFormat"]
