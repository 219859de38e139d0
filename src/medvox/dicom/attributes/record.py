"""The typed record of an image: one read of its first instance, on demand."""

from __future__ import annotations

import warnings

from medvox.core.acquisition import Acquisition
from medvox.core.errors import FormatError, MedvoxError
from medvox.dicom.attributes.diffusion import diffusion
from medvox.dicom.attributes.exposure import contrast, ct_exposure
from medvox.dicom.attributes.mr import mr_acquisition, phase_encoding
from medvox.dicom.attributes.pet import pet
from medvox.dicom.attributes.scalings import scalings
from medvox.dicom.attributes.slice_timing import slice_timing
from medvox.dicom.elements.facts import Elements
from medvox.dicom.stacks import Stack


def acquisition_of(stack: Stack, where: str) -> Acquisition:
    """Attributes for analysis of one image.

    The data set of its first instance is read in full, of GE time series also those of the second volume;
    everything else comes from the headers that are there.

    Parameters
    ----------
    where
        Name of the series, for findings.

    Raises
    ------
    MedvoxError
        If the instance cannot be read any more.
    """
    first = stack.slices[0]
    data = first.header.dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of odd values: what cannot be read is absent
        try:
            return _read(stack, Elements.of(data, first.frame + 1), where)
        except MedvoxError:
            raise
        except Exception as error:  # values are converted late, with errors of many classes
            text = f"attributes cannot be read: {type(error).__name__}"
            raise FormatError(text, where=first.header.name) from error


def _read(stack: Stack, elements: Elements, where: str) -> Acquisition:
    first = stack.slices[0]
    weighting, notes = diffusion(stack, where)
    emission, more = pet(elements, stack.slices, where)
    mr = mr_acquisition(elements, first.header)
    return Acquisition(
        mr=mr,
        phase_encoding=phase_encoding(elements, first.header, (first.rows, first.columns)) if mr else None,
        slice_timing=slice_timing(elements, stack) if mr else None,
        diffusion=weighting,
        ct=ct_exposure(elements),
        contrast=contrast(elements),
        pet=emission,
        scalings=scalings(elements, first),
        findings=(*notes, *more),
    )
