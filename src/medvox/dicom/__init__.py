"""DICOM: scan, group, sort, decode."""

import logging

# pydicom logs the values that it objects to, patient data among them, and without a handler Python prints
# them to the standard error stream. Who wants its log adds a handler of their own.
logging.getLogger("pydicom").addHandler(logging.NullHandler())
