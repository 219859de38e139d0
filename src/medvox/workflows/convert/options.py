"""How to convert."""

from __future__ import annotations

from dataclasses import dataclass

from medvox.core.errors import UsageError
from medvox.core.settings import MOST_COMPRESSION
from medvox.dicom.writing import DicomWriteOptions
from medvox.workflows import names
from medvox.workflows.convert.order import ORDERS

SCALINGS = ("precise", "display")
INTERPOLATIONS = ("nearest", "linear", "cubic")


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """How to convert.

    Parameters
    ----------
    to
        Key of the format to write, ``"nifti"``, ``"dicom"``; None: as the target's name says,
        NIfTI for folders.
    template
        Names of the files, see `medvox.workflows.names.LETTERS`; ``/`` makes folders.
    tree
        Whether outputs go into the same folders below the target as their sources below the source.
    series
        Which images: numbers of series, or texts that descriptions or labels hold; none: all.
    keep_identity
        Whether names and sidecars may say who the patient is, and where the files were.
    scaling
        Philips files: ``"precise"`` (default) or ``"display"`` values.
    order
        Order of voxels in the file: ``"dcm2niix"`` (rows from posterior to anterior; 3D acquisitions
        turned to RAS), as ``"stored"``, or nearest to ``"ras"``. Only flips and transposes; every voxel
        stays where it is in space. None: dcm2niix's in NIfTI files, as stored in all others.
    resample
        None: values stay as they are. Else the spacing in mm (``"1"``, or ``"2,0.5,0.5"`` for slices, rows,
        columns), or a file whose grid is taken.
    interpolation
        ``"nearest"``, ``"linear"`` or ``"cubic"``, for `resample`.
    sidecar
        Whether to write NAME.json and, for diffusion, NAME.bval and NAME.bvec.
    sources
        Whether to write NAME.slices.csv beside the sidecar.
    spacing_mm
        Slice, row and column distance for stacks of pictures that say none.
    raw
        What the source holds as raw values, as for `medvox.workflows.open_folder.scan`.
    overwrite
        Whether files that are there already may be replaced.
    skip_existing
        Whether images whose files are there already are passed over: goes on where a run was stopped.
    compression
        Level of gzip and zlib streams, 1 (fast) to 9 (small); 3 gives about the size of zlib's 6.
    report
        Whether to write ``convert.json`` into the target folder.
    dicom_kind, dicom_compression
        Of written DICOM files, see `medvox.dicom.writing.DicomWriteOptions`. With `keep_identity` they
        continue patient and study of their source, without they name nobody.
    """

    to: str | None = None
    template: str = names.DEFAULT
    tree: bool = False
    series: tuple[str, ...] = ()
    keep_identity: bool = False
    scaling: str = "precise"
    order: str | None = None
    resample: str | None = None
    interpolation: str = "linear"
    sidecar: bool = True
    sources: bool = True
    spacing_mm: tuple[float, float, float] | None = None
    raw: str | None = None
    overwrite: bool = False
    skip_existing: bool = False
    compression: int = 3
    report: bool = False
    dicom_kind: str | None = None
    dicom_compression: str = "none"

    def check(self) -> None:
        """Check what can be checked before anything is read.

        Raises
        ------
        UsageError
            If an option makes no sense, or the template names the patient without `keep_identity`.
        """
        for what, got, expected in (
            ("voxel order", self.order or ORDERS[0], ORDERS),
            ("scaling", self.scaling, SCALINGS),
            ("interpolation", self.interpolation, INTERPOLATIONS),
        ):
            if got not in expected:
                raise UsageError(f"unknown {what}", got=got, expected=expected)
        if not 1 <= self.compression <= MOST_COMPRESSION:
            raise UsageError("the compression level is 1 to 9", got=self.compression)
        if self.overwrite and self.skip_existing:
            raise UsageError("files that are there are either replaced or passed over, not both")
        DicomWriteOptions(kind=self.dicom_kind, compression=self.dicom_compression)
        names.check(self.template, self.keep_identity)
