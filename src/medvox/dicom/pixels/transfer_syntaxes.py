"""Transfer syntaxes: how the pixel data of a file are encoded, and what each is called (PS3.6 A-1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Codec(StrEnum):
    """What decodes a frame."""

    NATIVE = "native"
    NATIVE_FRAGMENTS = "native in fragments"
    DEFLATED_FRAMES = "deflated frames"
    RLE = "RLE"
    JPEG = "JPEG"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    HTJ2K = "HTJ2K"
    JPEG_XL = "JPEG XL"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """One way of encoding.

    Parameters
    ----------
    uid
        Its UID.
    name
        Its name in PS3.6, without "Transfer Syntax".
    codec
        What decodes its frames; `Codec.NONE` where nothing here can.
    advice
        What a user can do where nothing here decodes it.
    """

    uid: str
    name: str
    codec: Codec
    advice: str = ""

    @property
    def is_encapsulated(self) -> bool:
        """Whether frames lie in fragments (PS3.5 A.4)."""
        return self.codec is not Codec.NATIVE

    @property
    def is_lossy(self) -> bool:
        """Whether it always loses detail: the processes of JPEG with a cosine transform."""
        return self.uid in _LOSSY

    def __str__(self) -> str:
        return f"{self.name} ({self.uid})"


DICOM = "1.2.840.10008.1.2"
GE_PRIVATE = "1.2.840.113619.5.2"
DEFLATED = f"{DICOM}.1.99"
BIG_ENDIAN = f"{DICOM}.2"

_VIDEO = "Video cannot be decoded here: take it out with a video tool, or convert it to still frames"
_JPIP = "The pixels are on a JPIP server, not in the file: fetch the images from it"
_CONVERT = "Convert the file to an uncompressed transfer syntax with the tools of its maker"

_KNOWN = (
    ("", "Implicit VR Little Endian", Codec.NATIVE, ""),
    (".1", "Explicit VR Little Endian", Codec.NATIVE, ""),
    (".1.98", "Encapsulated Uncompressed Explicit VR Little Endian", Codec.NATIVE_FRAGMENTS, ""),
    (".1.99", "Deflated Explicit VR Little Endian", Codec.NATIVE, ""),
    (".2", "Explicit VR Big Endian", Codec.NATIVE, ""),
    (".4.50", "JPEG Baseline (Process 1)", Codec.JPEG, ""),
    (".4.51", "JPEG Extended (Process 2 & 4)", Codec.JPEG, ""),
    (".4.52", "JPEG Extended (Process 3 & 5)", Codec.JPEG, _CONVERT),
    (".4.53", "JPEG Spectral Selection, Non-Hierarchical (Process 6 & 8)", Codec.JPEG, ""),
    (".4.54", "JPEG Spectral Selection, Non-Hierarchical (Process 7 & 9)", Codec.JPEG, _CONVERT),
    (".4.55", "JPEG Full Progression, Non-Hierarchical (Process 10 & 12)", Codec.JPEG, ""),
    (".4.56", "JPEG Full Progression, Non-Hierarchical (Process 11 & 13)", Codec.JPEG, _CONVERT),
    (".4.57", "JPEG Lossless, Non-Hierarchical (Process 14)", Codec.JPEG, ""),
    (".4.58", "JPEG Lossless, Non-Hierarchical (Process 15)", Codec.JPEG, _CONVERT),
    (".4.59", "JPEG Extended, Hierarchical (Process 16 & 18)", Codec.NONE, _CONVERT),
    (".4.60", "JPEG Extended, Hierarchical (Process 17 & 19)", Codec.NONE, _CONVERT),
    (".4.61", "JPEG Spectral Selection, Hierarchical (Process 20 & 22)", Codec.NONE, _CONVERT),
    (".4.62", "JPEG Spectral Selection, Hierarchical (Process 21 & 23)", Codec.NONE, _CONVERT),
    (".4.63", "JPEG Full Progression, Hierarchical (Process 24 & 26)", Codec.NONE, _CONVERT),
    (".4.64", "JPEG Full Progression, Hierarchical (Process 25 & 27)", Codec.NONE, _CONVERT),
    (".4.65", "JPEG Lossless, Hierarchical (Process 28)", Codec.NONE, _CONVERT),
    (".4.66", "JPEG Lossless, Hierarchical (Process 29)", Codec.NONE, _CONVERT),
    (".4.70", "JPEG Lossless, First-Order Prediction (Process 14, Selection Value 1)", Codec.JPEG, ""),
    (".4.80", "JPEG-LS Lossless", Codec.JPEG_LS, ""),
    (".4.81", "JPEG-LS Near-Lossless", Codec.JPEG_LS, ""),
    (".4.90", "JPEG 2000 Lossless Only", Codec.JPEG_2000, ""),
    (".4.91", "JPEG 2000", Codec.JPEG_2000, ""),
    (".4.92", "JPEG 2000 Part 2 Multi-component Lossless Only", Codec.JPEG_2000, _CONVERT),
    (".4.93", "JPEG 2000 Part 2 Multi-component", Codec.JPEG_2000, _CONVERT),
    (".4.94", "JPIP Referenced", Codec.NONE, _JPIP),
    (".4.95", "JPIP Referenced Deflate", Codec.NONE, _JPIP),
    (".4.100", "MPEG2 Main Profile / Main Level", Codec.NONE, _VIDEO),
    (".4.100.1", "Fragmentable MPEG2 Main Profile / Main Level", Codec.NONE, _VIDEO),
    (".4.101", "MPEG2 Main Profile / High Level", Codec.NONE, _VIDEO),
    (".4.101.1", "Fragmentable MPEG2 Main Profile / High Level", Codec.NONE, _VIDEO),
    (".4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1", Codec.NONE, _VIDEO),
    (".4.102.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1", Codec.NONE, _VIDEO),
    (".4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", Codec.NONE, _VIDEO),
    (".4.103.1", "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", Codec.NONE, _VIDEO),
    (".4.104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", Codec.NONE, _VIDEO),
    (".4.104.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", Codec.NONE, _VIDEO),
    (".4.105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", Codec.NONE, _VIDEO),
    (".4.105.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", Codec.NONE, _VIDEO),
    (".4.106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", Codec.NONE, _VIDEO),
    (".4.106.1", "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", Codec.NONE, _VIDEO),
    (".4.107", "HEVC/H.265 Main Profile / Level 5.1", Codec.NONE, _VIDEO),
    (".4.108", "HEVC/H.265 Main 10 Profile / Level 5.1", Codec.NONE, _VIDEO),
    (".4.110", "JPEG XL Lossless", Codec.JPEG_XL, ""),
    (".4.111", "JPEG XL JPEG Recompression", Codec.JPEG_XL, ""),
    (".4.112", "JPEG XL", Codec.JPEG_XL, ""),
    (".4.201", "High-Throughput JPEG 2000 Lossless Only", Codec.HTJ2K, ""),
    (".4.202", "High-Throughput JPEG 2000 with RPCL Options Lossless Only", Codec.HTJ2K, ""),
    (".4.203", "High-Throughput JPEG 2000", Codec.HTJ2K, ""),
    (".4.204", "JPIP HTJ2K Referenced", Codec.NONE, _JPIP),
    (".4.205", "JPIP HTJ2K Referenced Deflate", Codec.NONE, _JPIP),
    (".5", "RLE Lossless", Codec.RLE, ""),
    (".7.1", "SMPTE ST 2110-20 Uncompressed Progressive Active Video", Codec.NONE, _VIDEO),
    (".7.2", "SMPTE ST 2110-20 Uncompressed Interlaced Active Video", Codec.NONE, _VIDEO),
    (".7.3", "SMPTE ST 2110-30 PCM Digital Audio", Codec.NONE, _VIDEO),
    (".8.1", "Deflated Image Frame Compression", Codec.DEFLATED_FRAMES, ""),
)

_LOSSY = frozenset(f"{DICOM}.4.{number}" for number in (*range(50, 57), *range(59, 65), 111))

TRANSFER_SYNTAXES: dict[str, TransferSyntax] = {
    DICOM + tail: TransferSyntax(DICOM + tail, name, codec, advice) for tail, name, codec, advice in _KNOWN
}
for _uid, _name in (
    ("1.2.840.10008.1.20", "Papyrus 3 Implicit VR Little Endian"),
    (GE_PRIVATE, "GE Private Implicit VR Little Endian with Big Endian Pixel Data"),
):
    TRANSFER_SYNTAXES[_uid] = TransferSyntax(_uid, _name, Codec.NATIVE)


def transfer_syntax(uid: str, *, encapsulated: bool = False) -> TransferSyntax:
    """Look a transfer syntax up.

    Parameters
    ----------
    uid
        Its UID; empty where the file does not say.
    encapsulated
        Whether the pixel data have undefined length: a private syntax without it is native, as all
        private syntaxes met so far are.
    """
    known = TRANSFER_SYNTAXES.get(uid)
    if known is not None:
        return known
    if not encapsulated:
        return TransferSyntax(uid, "Private" if uid else "Unnamed", Codec.NATIVE)
    return TransferSyntax(uid, "Unknown", Codec.NONE, _CONVERT)
