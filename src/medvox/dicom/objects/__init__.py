"""DICOM objects beside images: segmentations, structure sets, reports, presentation states, models."""
