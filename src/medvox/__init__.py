"""medvox: one system for 3D medical imaging.

>>> import medvox as mv                       # doctest: +SKIP
>>> scan = mv.scan("folder")                  # what is in it, from headers alone
>>> volume = mv.read("scan.nii.gz")           # one volume, its values lazy
>>> mv.write(volume, "scan.mha")

Importing medvox pulls in nothing heavier than numpy; the parts load when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from medvox.core.contour import ContourSet
from medvox.core.errors import MedvoxError
from medvox.core.finding import Finding
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.mesh import Mesh
from medvox.core.provenance import VERSION
from medvox.core.study import Scan, Series, Study
from medvox.core.transform import AffineTransform
from medvox.core.volume import Volume

if TYPE_CHECKING:
    from medvox.workflows.convert import convert
    from medvox.workflows.demo.patient import write_demo
    from medvox.workflows.labels import read_labels, write_labels
    from medvox.workflows.open_folder import read, scan
    from medvox.workflows.outlines import read_contours, write_contours
    from medvox.workflows.save import write

__version__ = VERSION

__all__ = [
    "AffineTransform",
    "ContourSet",
    "Finding",
    "Grid",
    "LabelMap",
    "MedvoxError",
    "Mesh",
    "Scan",
    "Segment",
    "Series",
    "Study",
    "Volume",
    "convert",
    "read",
    "read_contours",
    "read_labels",
    "scan",
    "write",
    "write_contours",
    "write_demo",
    "write_labels",
]

_LAZY = {
    "scan": "medvox.workflows.open_folder",
    "read": "medvox.workflows.open_folder",
    "write": "medvox.workflows.save",
    "convert": "medvox.workflows.convert",
    "write_demo": "medvox.workflows.demo.patient",
    "read_labels": "medvox.workflows.labels",
    "write_labels": "medvox.workflows.labels",
    "read_contours": "medvox.workflows.outlines",
    "write_contours": "medvox.workflows.outlines",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'medvox' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
