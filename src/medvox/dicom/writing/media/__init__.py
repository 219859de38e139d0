"""Standard media: a folder with DICOMDIR, an ISO image, a ZIP archive."""

from medvox.dicom.writing.media.medium import write_media

__all__ = ["write_media"]
