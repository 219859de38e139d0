"""Diffusion series as vendors store them, built after their public descriptions."""

import numpy as np

from medvox.testing import dicom_builder as build

DIRECTIONS = (
    (0.0, 0.0, 0.0),
    (1.0, 0.0, 0.0),
    (0.0, 1.0, 0.0),
    (0.0, 0.0, 1.0),
    (0.6, 0.8, 0.0),
    (0.48, -0.6, 0.64),
    (-0.36, 0.48, 0.8),
)
B_VALUES = (0.0, *[1000.0] * 6)
OBLIQUE = (0.96, 0.28, 0.0, -0.2688, 0.9216, 0.28)
"""Rotated about z by 16.26°, then about the row by 16.26°."""


def siemens(data, b_value, gradient):
    block = data.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", int(b_value))
    if b_value:
        block.add_new(0x0E, "FD", list(gradient))


def ge(data, b_value, gradient):
    data.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [int(b_value), 8, 0, 0])
    block = data.private_block(0x0019, "GEMS_ACQU_01", create=True)
    for element, part in zip((0xBB, 0xBC, 0xBD), gradient, strict=True):
        block.add_new(element, "DS", str(part))


def philips(data, b_value, gradient):
    data.DiffusionBValue, data.DiffusionGradientOrientation = b_value, list(gradient)
    data.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x03, "FL", b_value)
    block = data.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    for element, part in zip((0xB0, 0xB1, 0xB2), gradient, strict=True):
        block.add_new(element, "FL", part)


def canon(data, b_value, gradient):
    if b_value:
        data.DiffusionBValue = b_value
        x, y, z = gradient
        data.ImageComments = f"b={b_value:g}({x:.3f},{y:.3f},{z:.3f})"


def uih(data, b_value, gradient):
    block = data.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x09, "FD", b_value)
    if b_value:
        block.add_new(0x37, "FD", list(gradient))


MAKERS = {
    "SIEMENS": siemens,
    "GE MEDICAL SYSTEMS": ge,
    "Philips Medical Systems": philips,
    "CANON_MEC": canon,
    "UIH": uih,
}


def series(maker, *, orientation=OBLIQUE, phase="COL", count=4, directions=DIRECTIONS, b_values=B_VALUES):
    """One volume a direction."""
    instances = []
    for n, (gradient, b_value) in enumerate(zip(directions, b_values, strict=True)):
        values = (np.indices((count, 8, 6)).sum(axis=0) + 100 * n + 1).astype(np.uint16)
        stack = build.stack(
            values,
            Manufacturer=maker,
            orientation=orientation,
            origin_mm=(-20.0, 10.0, 5.0),
            spacing_mm=(3.0, 2.0, 2.0),
            first_number=1 + count * n,
            ImageType=["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"],
            SeriesNumber=7,
            AcquisitionNumber=n + 1,
            MRAcquisitionType="2D",
            ScanningSequence="EP",
            RepetitionTime=4000.0,
            EchoTime=80.0,
            SpacingBetweenSlices=3.0,
            PatientPosition="HFS",
            InPlanePhaseEncodingDirection=phase,
            ProtocolName="dwi",
        )
        for k, data in enumerate(stack):
            data.AcquisitionTime = f"1200{4 * n:02d}.{250 * k:03d}"
            MAKERS[maker](data, b_value, gradient)
        instances += stack
    return instances
