"""Real images for the demo: small DICOM files that pydicom ships in its package."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RealImage:
    """One file inside the pydicom package, and where its authors say it is from."""

    file: str
    what: str
    origin: str


REAL_IMAGES = (
    RealImage(
        "CT_small.dcm", "CT slice, 128 x 128", "CT1_UNC of the DICOM working group 4 set, made smaller"
    ),
    RealImage("MR_small.dcm", "MR slice, 64 x 64", "MR1_UNC of the DICOM working group 4 set, made smaller"),
    RealImage("examples_rgb_color.dcm", "ultrasound, RGB", "US1 of the DICOM working group 4 set"),
    RealImage("examples_palette.dcm", "echocardiogram, palette color", "pydicom's example files"),
    RealImage(
        "examples_ybr_color.dcm", "ultrasound cine of 30 frames, JPEG baseline", "pydicom's example files"
    ),
    RealImage(
        "examples_jpeg2k.dcm", "ultrasound, JPEG 2000 lossless", "US1 of the DICOM working group 4 set"
    ),
    RealImage("examples_overlay.dcm", "MR picture with an overlay plane", "pydicom's example files"),
    RealImage(
        "JPGExtended.dcm", "bone scan, JPEG extended 12 bit", "NM1 of the DICOM working group 4 set, mended"
    ),
    RealImage("JPEG2000.dcm", "bone scan, JPEG 2000", "NM1 of the DICOM working group 4 set"),
    RealImage("image_dfl.dcm", "secondary capture, deflated", "D. Clunie's compressed sample images"),
)


def write_real(folder: Path) -> list[Path]:
    """Copy the real images that this pydicom ships, and say where they are from in ``SOURCES.md``.

    Files that another version of pydicom does not ship are left out; nothing is ever downloaded.
    """
    import pydicom
    from pydicom.data.data_manager import DATA_ROOT

    folder.mkdir(parents=True, exist_ok=True)
    shipped = Path(DATA_ROOT) / "test_files"
    copied = []
    lines = [
        "# Sources of these images",
        "",
        f"Copies of test files inside the Python package pydicom {pydicom.__version__}",
        "(<https://github.com/pydicom/pydicom>, MIT licence). Its read-me for them says that their",
        "collector knows of no restriction on their use; pictures were made smaller and names replaced.",
        "They show encodings that the simulated patient does not have. Not for diagnosis.",
        "",
        "| file | what | where pydicom has it from |",
        "|---|---|---|",
    ]
    for image in REAL_IMAGES:
        source = shipped / image.file
        if not source.is_file():
            continue
        shutil.copyfile(source, folder / image.file)
        copied.append(folder / image.file)
        lines.append(f"| {image.file} | {image.what} | {image.origin} |")
    (folder / "SOURCES.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return copied
