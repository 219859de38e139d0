"""Shared makers of small series for the tests of grouping and geometry."""

from pathlib import Path

import numpy as np

from medvox.core.study import Image, Scan
from medvox.testing import dicom_builder as build
from medvox.workflows.open_folder import scan


def ramp(slices=4, rows=5, columns=6, offset=0):
    """Voxels that tell their place: 100·k + 10·j + i."""
    k, j, i = np.indices((slices, rows, columns))
    return (100 * k + 10 * j + i + offset).astype(np.int16)


def opened(folder: Path, *groups) -> Scan:
    """Write groups of instances, each to a folder of its own, and scan."""
    for number, group in enumerate(groups):
        build.save(group, folder / f"group{number}")
    return scan(folder)


def images(found: Scan) -> list[Image]:
    return list(found.images())


def codes(found: Scan) -> set[str]:
    return {finding.code for finding in found.all_findings()}
