"""Pixels: how they are stored, and reading them from any transfer syntax that can be decoded here."""

from medvox.dicom.pixels.format import PixelFormat, common_dtype
from medvox.dicom.pixels.joined import joined_findings
from medvox.dicom.pixels.length import check_length, present_frames
from medvox.dicom.pixels.overlays import Overlay, read_overlays
from medvox.dicom.pixels.reader import FrameRef, frame_reader
from medvox.dicom.pixels.transfer_syntaxes import TransferSyntax, transfer_syntax

__all__ = [
    "FrameRef",
    "Overlay",
    "PixelFormat",
    "TransferSyntax",
    "check_length",
    "common_dtype",
    "frame_reader",
    "joined_findings",
    "present_frames",
    "read_overlays",
    "transfer_syntax",
]
