"""Values written as text (MetaImage ``BinaryData = False``, NRRD ``encoding: ascii`` and ``hex``)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, TruncatedError
from medvox.core.lazy import LazyArray
from medvox.formats.files import check_claim, read_bytes, size_of
from medvox.formats.values.block import Block, kept


def ascii_array(block: Block) -> LazyArray:
    """Make the array of a block whose values are numbers in text.

    Raises
    ------
    TruncatedError
        If the file is too short to hold that many numbers.
    """
    count = math.prod(block.lead_shape) * math.prod(block.frame_shape)
    check_claim(block.path, 2 * count - 1, size_of(block.path) - block.start, "the header")

    def load() -> NDArray[Any]:
        words = read_bytes(block.path, block.start).replace(b",", b" ").split()[:count]
        if len(words) < count:
            raise TruncatedError(
                "the text ends before the last value", where=block.path, got=len(words), expected=count
            )
        try:
            numbers = np.array([float(word) for word in words])
            values = numbers.astype(block.stored.newbyteorder("="))
        except (ValueError, OverflowError) as error:
            raise FormatError("a value is not a number", where=block.path) from error
        return block.arranged(values)

    return kept(block.shape, block.stored.newbyteorder("="), load)


def hex_array(block: Block) -> LazyArray:
    """Make the array of a block whose bytes are written as two hexadecimal digits each."""
    check_claim(block.path, 2 * block.nbytes, size_of(block.path) - block.start, "the header")

    def load() -> NDArray[Any]:
        text = b"".join(read_bytes(block.path, block.start).split())[: 2 * block.nbytes]
        try:
            raw = bytes.fromhex(text.decode("ascii"))
        except ValueError as error:
            raise FormatError("the values are not hexadecimal", where=block.path) from error
        if len(raw) < block.nbytes:
            raise TruncatedError(
                "the text ends before the last value", where=block.path, got=len(raw), expected=block.nbytes
            )
        return block.arranged(np.frombuffer(bytearray(raw), block.stored))

    return kept(block.shape, block.stored.newbyteorder("="), load)
