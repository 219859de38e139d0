"""Findings: oddities in the data, told to the user instead of guessed away or hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from medvox.core.errors import MedvoxError


class Level(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


EXPLANATIONS: Mapping[str, str] = MappingProxyType(
    {
        # reading
        "unreadable-file": "The file could not be read; the reason is in the text. Other files are not affected.",
        "unknown-format": "No known format recognises the content of the file.",
        "not-an-image": "The file is valid but holds no image (a report, a presentation state, raw data); it is listed only.",
        "no-preamble": "The DICOM file has no 128-byte preamble (PS3.10 7.1); it was read from its data elements.",
        "no-file-meta": "The DICOM file has no file meta information; the transfer syntax was found from the bytes.",
        "wrong-transfer-syntax": "The data set is encoded otherwise than the file meta information says.",
        "truncated-header": "The file ends inside a data element; what came before it was read.",
        "truncated-pixel-data": "The pixel data end early; the missing part cannot be shown.",
        "wrong-pixel-length": "The pixel data are longer or shorter than rows, columns and frames need.",
        "unsupported-codec": "The pixel data use a compression that cannot be decoded here.",
        "nested-archive": "An archive inside an archive is not opened.",
        "limit-reached": "A limit on size or number was reached; what lies beyond was not read.",
        "symlink-cycle": "A folder leads back to itself through a symbolic link; it was visited once.",
        # archive
        "damaged-record": "Bytes in the store are no whole record: the disk has damaged them. What lies before and after is not affected.",
        "torn-record": "The last record was being written when the power failed or the program ended; its sender was never told that it is kept.",
        "damaged-content": "The stored bytes of an instance are not those that were received, or cannot be read.",
        "not-compressed": "An image in the archive could not be compressed; it stays as it is.",
        "not-stored": "A file could not be taken into the archive; the reason is in the text. Other files are not affected.",
        # identity
        "mixed-patients": "Files of more than one patient are in the folder; they are kept apart.",
        "mixed-series": "Instances with one Series Instance UID differ in what no series may differ in; they were split.",
        "duplicate-instance": "The same SOP Instance UID was met more than once; the first copy is used.",
        "conflicting-instance": "One SOP Instance UID was met with different content; all copies are listed, the first is used.",
        # geometry
        "gantry-tilt": "The slices are shifted against each other (tilted gantry): the stored grid is sheared.",
        "uneven-spacing": "The distance between slices is not constant; every slice keeps its own position.",
        "missing-slice": "A slice is missing: one gap is a whole multiple of the usual distance.",
        "duplicate-position": "Several slices lie at one position and nothing in the header tells them apart.",
        "mixed-orientation": "Slices of different orientation are in one series (a localizer, perhaps); they were split.",
        "no-geometry": "No position or orientation is given: the image has no place in patient space.",
        "no-spacing": "No pixel spacing is given: distances can be stated in pixels only.",
        "zero-spacing": "A spacing of zero, below zero or not a number was found and cannot be used.",
        "spacing-assumed": "The slice distance is not given by positions; it was taken from the attribute named.",
        "detector-spacing": "Pixel spacing is measured at the detector: distances in the patient are smaller.",
        "regular-copy": "Reformats and 3D use a regular copy computed from the stored slices.",
        "bad-affine": "The stored matrix is singular or not finite and cannot be used.",
        "affine-conflict": "Two descriptions of the geometry in the file disagree; the one named was used.",
        "geometry-assumed": "The file gives no orientation; the format's default was assumed.",
        "left-right-assumed": "Nothing in the file says which side is left; the format's usual default was taken.",
        # time and other axes
        "split-series": "The series holds several volumes; the attribute that tells them apart is named.",
        "four-d": "The series is a volume over another axis; the proof is in the text.",
        "incomplete-time-point": "The last time point lacks slices (an aborted scan, perhaps); it is kept apart.",
        "ambiguous-4d": "Slices repeat and the header does not settle how; choose one of the splits named.",
        "projection-data": "The file holds sinograms or projections, not a volume in the patient; its slices can be looked at one by one.",
        # values
        "varying-rescale": "Rescale slope or intercept differ from slice to slice; each slice keeps its own.",
        "philips-scaling": "Philips files hold two scalings (display and precise values); the one used is named.",
        "signedness-repaired": "Pixel Representation contradicts the values or the padding value; it was repaired.",
        "high-bit-repaired": "High Bit does not equal Bits Stored - 1; the bits were read as they are stored.",
        "overlay-bits": "Unused high bits hold an overlay; it was separated from the image.",
        "lossy-compression": "The pixel data were compressed with loss.",
        "non-finite-values": "The image holds values that are not finite numbers.",
        "real-world-value": "The file maps stored values to real-world values; the mapping is named and offered as a scaling.",
        "odd-attribute": "An attribute for analysis contradicts another or cannot be used; the text says what was done.",
        "derived-volume": "Volumes that were computed from others (trace images) lie on the same axis; they are named.",
        "private-scaling": "A private attribute scales the values; it is named and offered as a scaling.",
        "bad-rescale": "The slope or intercept in the header is not a finite number; stored values are shown as they are.",
        "scale-assumed": "The file gives no scale for its values; the format's default was assumed.",
        "alpha-dropped": "The picture has a transparency channel; it was left out, the colours are kept.",
        "exif-orientation": "Exif data ask to show the picture turned or mirrored; rows and columns are as stored.",
        "more-pictures": "The file holds more pictures than can be read; the text says which are left out.",
        # segmentations, outlines, reports
        "missing-reference": "An object refers to images that are not among the files opened; their number is in the text.",
        "empty-segment": "A segment or structure has no frame or contour; it is kept, empty.",
        "overlapping-segments": "Segments share voxels; all of them are kept, in layers.",
        "odd-contour": "A contour cannot be used as it is stored; the text says what was done and how many there are.",
        "odd-segment": "A segment is described against the standard; the text says what was done.",
        "grid-from-frames": "The object holds only slices that show something; the slices between are empty, those beyond are not known without the source images.",
        "report-content": "A part of the report is not understood; the text says which and how often.",
        # contours
        "contour-sub-voxel": "A region is so small that no voxel centre lies in it: the rule of pixel centres gives it no voxel.",
        "contour-thin": "A region is narrower than three pixels somewhere: outlines traced from its voxels differ from it there.",
        "contour-off-slice": "Contours do not lie on the slices of the image; each was taken for the nearest slice.",
        "contour-beside": "Contours lie closer to each other than the slices of the image; of each slice the nearest ones count.",
        "contour-oblique": "Contours are not parallel to the slices of the image; voxels were set by the nearest contour plane.",
        "contour-outside": "Contours lie outside the image; what is outside has no voxels.",
        "contour-gap": "Slices between contours have none; they stay empty unless interpolation is asked for.",
        "contour-open": "Open curves and points enclose no area; they are kept as contours but give no voxels.",
        "contour-nested": "A ring lies inside another one: it was taken as a hole (or as an island in a hole).",
        "contour-keyhole": "A hole is joined to the outside by a channel of no width; it was made a ring of its own.",
        "contour-crossing": "A ring crosses itself; what it goes around an odd number of times was taken as inside.",
        "contour-overlap": "Rings of one plane overlap in part; the text says how they were joined.",
        "contour-not-flat": "The points of a ring do not lie in one plane; the plane that fits best was taken.",
        "contour-degenerate": "A ring encloses no area (fewer than three different points, or all on a line) and gives no region.",
        "outline-units-assumed": "An outline file does not say its units; those named were taken.",
        "outline-plane-assumed": "An outline file does not say where in space its planes lie; the text says what was taken.",
        "outline-not-closed": "Boundaries that must be closed did not repeat their first point; they were closed.",
        "outline-curve": "Curves of a drawing were made polylines; the text says how closely.",
        "outline-skipped": "A drawing holds things that are no lines or points; they were not read.",
        # grouping
        "dicomdir-stale": "The DICOMDIR names files that are not there.",
        "vendor-quirk": "A vendor's way of storing was met and handled; the text names it.",
        "irregular-stack": "The pictures of a stack differ in size or kind; they were not joined.",
        # preparation
        "not-converged": "An optimisation ran out of its iterations before it settled; look at the result before "
        "you use it, or allow more iterations.",
    }
)
"""What each code means, in plain words: the source of docs/reference/findings."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One oddity met in the data.

    Parameters
    ----------
    code
        A key of `EXPLANATIONS`.
    level
        How much it matters.
    where
        File, series or slice, without patient data.
    text
        What was found, with the numbers.
    reference
        The rule it concerns, e.g. ``"PS3.3 C.7.6.2.1.1"``.
    """

    code: str
    level: Level
    where: str
    text: str
    reference: str | None = None

    def __post_init__(self) -> None:
        if self.code not in EXPLANATIONS:
            raise MedvoxError(
                "unknown finding code",
                got=self.code,
                advice="Add it to medvox.core.finding.EXPLANATIONS",
            )
