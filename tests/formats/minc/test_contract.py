"""The format contract for MINC 1 and MINC 2."""

from medvox.formats.minc import Minc1Format, Minc2Format
from medvox.testing.format_contract import FormatContract

REFUSED = frozenset()


class TestMinc1(FormatContract):
    form = Minc1Format()
    suffix = ".minc1.mnc"
    lazy_slices = True
    exact_mm = 1e-9


class TestMinc1Packed(FormatContract):
    form = Minc1Format()
    suffix = ".mnc.gz"
    exact_mm = 1e-9


class TestMinc2(FormatContract):
    form = Minc2Format()
    suffix = ".mnc"
    exact_mm = 1e-9


class TestMinc2Plain(FormatContract):
    form = Minc2Format(compress=False)
    suffix = ".mnc"
    exact_mm = 1e-9
