"""The version of medvox, for what is written into files and said by servers."""

from typing import Final

VERSION: Final = "0.1.0"
