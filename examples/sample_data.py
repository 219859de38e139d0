"""Data for the other examples: your own folder, or the demo patient in few voxels, made here once.

Run any of them as `python examples/NAME.py [FOLDER]`; what they write lands in the current folder.
"""

import sys
from pathlib import Path

from medvox.workflows.demo.patient import write_demo
from medvox.workflows.demo.series import DemoPlan


def demo_patient() -> Path:
    """Folder of the demo patient: `patient/` as DICOM, `truth/` with its segments."""
    folder = Path("demo-patient")
    if not folder.exists():
        write_demo(folder, labelled=True, plan=DemoPlan.coarse())
    return folder


def scans() -> Path:
    """The folder named on the command line, else the scans of the demo patient."""
    return Path(sys.argv[1]) if len(sys.argv) > 1 else demo_patient() / "patient"


if __name__ == "__main__":
    print(demo_patient().resolve())
