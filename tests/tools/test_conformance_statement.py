"""The conformance statement is what the node does now."""

import subprocess
import sys

from tools import conformance_statement


def test_the_page_in_the_repository_is_what_would_be_written_now():
    # in a process of its own: other packages add UIDs to pydicom's dictionary
    told = subprocess.run([sys.executable, conformance_statement.__file__, "--check"], check=False)
    assert told.returncode == 0, "run: python tools/conformance_statement.py"


def test_what_the_standard_has_is_there():
    page = conformance_statement.PAGE.read_text(encoding="utf-8")
    for uid in ("1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.2.2.3"):
        assert page.count(f"`{uid}`") == 1
    assert page.count("pixel data stay encoded as they came") == 1
    assert "| PatientName | (0010,0010) | single value, wildcard" in page
