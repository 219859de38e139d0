"""DICOM message exchange: commands, messages, services as provider (SCP) and user (SCU) (PS3.7, PS3.4)."""
