"""The DICOM upper layer protocol for TCP/IP (PS3.8 section 9)."""
