"""Names, codes and colors of the phantom's structures."""

from __future__ import annotations

import numpy as np

from medvox.core.labels import Code, LabelMap, Segment
from medvox.core.provenance import Provenance
from medvox.simulation.phantom.canvas import Canvas

ANATOMY = Code("123037004", "SCT", "Anatomical Structure")
TISSUE = Code("85756007", "SCT", "Tissue")
ABNORMAL = Code("49755003", "SCT", "Morphologically Altered Structure")

BONE_COLOR = (226, 212, 178)
ARTERY_COLOR = (216, 60, 50)
VEIN_COLOR = (70, 110, 200)
LESION_COLOR = (255, 220, 0)

_CODED: dict[str, tuple[str, str, tuple[int, int, int]]] = {
    "skin": ("39937001", "Skin", (233, 196, 170)),
    "skeletal muscle": ("127954009", "Skeletal muscle", (178, 84, 76)),
    "spinal cord": ("2748008", "Spinal cord", (244, 214, 49)),
    "sternum": ("56873002", "Sternum", BONE_COLOR),
    "sacrum": ("54735007", "Sacrum", BONE_COLOR),
    "skull": ("89546000", "Skull", BONE_COLOR),
    "mandible": ("91609006", "Mandible", BONE_COLOR),
    "eye": ("81745001", "Eye", (120, 190, 230)),
    "trachea": ("44567001", "Trachea", (160, 210, 230)),
    "esophagus": ("32849002", "Esophagus", (204, 140, 110)),
    "thyroid gland": ("69748006", "Thyroid gland", (200, 100, 140)),
    "left ventricle": ("87878005", "Left ventricle", ARTERY_COLOR),
    "right atrium": ("73829009", "Right atrium", VEIN_COLOR),
    "left atrium": ("82471001", "Left atrium", (230, 110, 90)),
    "aorta": ("15825003", "Aorta", ARTERY_COLOR),
    "portal vein": ("32764006", "Portal vein", (80, 140, 190)),
    "liver": ("10200004", "Liver", (165, 70, 50)),
    "gallbladder": ("28231008", "Gallbladder", (110, 160, 60)),
    "spleen": ("78961009", "Spleen", (150, 60, 100)),
    "pancreas": ("15776009", "Pancreas", (240, 180, 110)),
    "stomach": ("69695003", "Stomach", (216, 132, 105)),
    "colon": ("71854001", "Colon", (200, 160, 110)),
    "small bowel": ("30315005", "Small intestine", (215, 170, 140)),
    "rectum": ("34402009", "Rectum", (190, 140, 100)),
    "urinary bladder": ("89837001", "Urinary bladder", (222, 200, 80)),
    "prostate": ("41216001", "Prostate", (210, 150, 160)),
    "corpus callosum": ("88442005", "Corpus callosum", (240, 235, 220)),
    "cerebellum": ("113305005", "Cerebellum", (210, 170, 160)),
    "pituitary gland": ("56329008", "Pituitary", (220, 150, 120)),
}
"""Structure: SNOMED CT code, its meaning, color. Only codes that pydicom's dictionary confirms."""

_VERTEBRAE = dict(
    zip(
        [f"C{n}" for n in range(1, 8)] + [f"T{n}" for n in range(1, 13)] + [f"L{n}" for n in range(1, 6)],
        (
            "14806007",
            "39976000",
            "113205007",
            "5329002",
            "36978003",
            "36054005",
            "87391001",
            "64864005",
            "53733008",
            "1626008",
            "73071006",
            "56401006",
            "45296009",
            "62487009",
            "11068009",
            "82687006",
            "7610001",
            "12989004",
            "23215003",
            "66794005",
            "14293000",
            "36470004",
            "11994002",
            "49668003",
        ),
        strict=True,
    )
)
_FAMILIES: dict[str, tuple[str, str, tuple[int, int, int]]] = {
    "rib": ("113197003", "Rib", BONE_COLOR),
    "clavicle": ("51299004", "Clavicle", BONE_COLOR),
    "scapula": ("79601000", "Scapula", BONE_COLOR),
    "humerus": ("85050009", "Humerus", BONE_COLOR),
    "femur": ("71341001", "Femur", BONE_COLOR),
    "lung": ("39607008", "Lung", (190, 130, 140)),
    "kidney": ("64033007", "Kidney", (185, 80, 70)),
    "lung nodule": ("27925004", "Nodule", LESION_COLOR),
    "lymph node": ("4147007", "Mass", LESION_COLOR),
    "liver metastasis": ("4147007", "Mass", LESION_COLOR),
    "brain metastasis": ("4147007", "Mass", LESION_COLOR),
}
_PLAIN_COLORS: dict[str, tuple[int, int, int]] = {
    "artery": ARTERY_COLOR, "pulmonary vein": ARTERY_COLOR, "vein": VEIN_COLOR, "vena cava": VEIN_COLOR,
    "hepatic vein": VEIN_COLOR, "pulmonary artery": VEIN_COLOR, "subcutaneous fat": (235, 205, 120),
    "internal fat": (240, 220, 150), "heart muscle": (190, 70, 70), "right ventricle": VEIN_COLOR,
    "cerebral cortex": (200, 160, 160), "cerebral white matter": (238, 232, 222), "ventricle": (90, 150, 210),
    "brain fluid": (120, 180, 225), "deep grey matter": (180, 130, 130), "costal cartilage": (190, 205, 205),
    "teeth": (255, 252, 240), "brain stem": (200, 180, 150), "intervertebral disc": (150, 190, 210),
    "tongue": (205, 110, 110),
}  # fmt: skip
_LESIONS = ("lung nodule", "lymph node", "liver metastasis", "brain metastasis")


def describe(name: str, number: int) -> Segment:
    """Make the segment of a structure, coded where the code is sure."""
    if name.startswith("vertebra "):
        level = name.removeprefix("vertebra ")
        kind = Code(_VERTEBRAE[level], "SCT", f"{level} vertebra")
        return Segment(number, name, 0, ANATOMY, kind, BONE_COLOR)
    family = next((f for f in sorted(_FAMILIES, key=len, reverse=True) if name.startswith(f)), None)
    entry = _CODED.get(name) or (_FAMILIES[family] if family else None)
    if entry is not None:
        category = ABNORMAL if name.startswith(_LESIONS) else ANATOMY
        return Segment(number, name, 0, category, Code(entry[0], "SCT", entry[1]), entry[2])
    bony = name.startswith(("hip bone", "radius", "ulna", "hand"))
    plain = BONE_COLOR if bony else _PLAIN_COLORS.get(name, _color(number))
    return Segment(number, name, 0, None, None, plain)


def _color(number: int) -> tuple[int, int, int]:
    rng = np.random.default_rng(number)
    red, green, blue = rng.integers(90, 230, 3)
    return int(red), int(green), int(blue)


def label_map(canvas: Canvas) -> LabelMap:
    """Truth of a painted body: each voxel belongs to the structure that fills most of it.

    Segments are numbered in the order in which they were first painted, the same on every grid.
    """
    names = list(dict.fromkeys(p.structure for p in canvas.parts if p.structure))
    number = {name: n for n, name in enumerate(names, start=1)}
    table = np.zeros(256, np.uint8)
    for part in canvas.parts:
        table[part.number] = number.get(part.structure, 0)
    segments = tuple(describe(name, n) for name, n in number.items())
    data = table[canvas.main()][None]
    return LabelMap(data, canvas.grid, segments, provenance=Provenance(canvas.grid, operation="simulated"))


def volumes_ml(canvas: Canvas) -> dict[str, float]:
    """Volume of every structure, each voxel counted by the shares of its parts."""
    voxel = float(canvas.grid.voxel_volumes_mm3[0]) / 1000
    top = np.bincount(canvas.top.ravel(), canvas.cover.ravel() / 255.0, 256)
    under = np.bincount(canvas.under.ravel(), 1 - canvas.cover.ravel() / 255.0, 256)
    result: dict[str, float] = {}
    for part in canvas.parts:
        if part.structure:
            share = float(top[part.number] + under[part.number]) * voxel
            result[part.structure] = result.get(part.structure, 0.0) + share
    return result
