"""What became of contours when they were filled: everything counted, nothing dropped in silence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from medvox.core.finding import Finding, Level


@dataclass(frozen=True, slots=True)
class SubVoxel:
    """A region that covers no voxel centre.

    Parameters
    ----------
    segment
        Name.
    slice_index
        Slice that it lies in.
    area_mm2
        Its area.
    voxel
        (k, j, i) voxel nearest to its middle: the one set with ``small="keep"``.
    """

    segment: str
    slice_index: int
    area_mm2: float
    voxel: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class SegmentFill:
    """What became of the contours of one segment.

    Parameters
    ----------
    name
        Segment.
    planes, regions, curves
        How many there were. Open curves enclose nothing: none is filled.
    voxels
        Voxels of the segment afterwards (rule of centres).
    volume_ml
        Volume afterwards, with partial volumes.
    sub_voxel
        Regions that cover no voxel centre.
    thin
        Regions with parts narrower than three pixels: shape is lost there. None if not counted.
    off_slice, farthest_mm
        Planes that do not lie on the slice that they were filled into, and how far off the farthest was.
    beside
        Planes of which another one lies closer to the middle of the same slice; not filled.
    oblique
        Planes that are not parallel to the slices; filled by the voxels near them.
    outside, clipped
        Planes beyond the grid, not filled; regions that reach beyond it and were cut.
    gaps
        Slices without contours between others with contours.
    """

    name: str
    planes: int = 0
    regions: int = 0
    curves: int = 0
    voxels: int = 0
    volume_ml: float = 0.0
    sub_voxel: tuple[SubVoxel, ...] = ()
    thin: int | None = 0
    off_slice: int = 0
    farthest_mm: float = 0.0
    beside: int = 0
    oblique: int = 0
    outside: int = 0
    clipped: int = 0
    gaps: int = 0


@dataclass(frozen=True, slots=True)
class FillReport:
    """What became of all contours.

    Parameters
    ----------
    rule
        ``"center"`` or ``"area"``.
    segments
        One entry a segment.
    layers
        Layers that the segments needed: more than one where they overlap.
    """

    rule: str
    segments: tuple[SegmentFill, ...]
    layers: int

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the user should know, in words."""
        return tuple(finding for part in self.segments for finding in _findings(part))

    def as_json(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            "rule": self.rule,
            "layers": self.layers,
            "segments": [asdict(part) for part in self.segments],
            "findings": [asdict(finding) for finding in self.findings],
        }


def _findings(part: SegmentFill) -> list[Finding]:
    area = sum(small.area_mm2 for small in part.sub_voxel)
    told = (
        (
            "contour-sub-voxel",
            Level.WARNING,
            len(part.sub_voxel),
            f"{len(part.sub_voxel)} regions ({area:.4g} mm²) cover no voxel centre",
        ),
        (
            "contour-thin",
            Level.INFO,
            part.thin or 0,
            f"{part.thin} regions are narrower than three pixels somewhere",
        ),
        (
            "contour-off-slice",
            Level.INFO,
            part.off_slice,
            f"{part.off_slice} planes lie up to {part.farthest_mm:.4g} mm off their slices",
        ),
        (
            "contour-beside",
            Level.WARNING,
            part.beside,
            f"{part.beside} planes were left out: another one lies closer to the middle of the slice",
        ),
        (
            "contour-oblique",
            Level.INFO,
            part.oblique,
            f"{part.oblique} planes are not parallel to the slices",
        ),
        (
            "contour-outside",
            Level.WARNING,
            part.outside + part.clipped,
            f"{part.outside} planes lie beyond the image, {part.clipped} regions reach beyond it",
        ),
        ("contour-gap", Level.INFO, part.gaps, f"{part.gaps} slices between contours have none"),
        ("contour-open", Level.INFO, part.curves, f"{part.curves} open curves or points enclose nothing"),
    )
    return [Finding(code, level, part.name, f"{text}.") for code, level, count, text in told if count]
