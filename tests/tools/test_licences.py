"""The licence check, on metadata written here."""

from __future__ import annotations

import json
from email.message import Message
from importlib.metadata import Distribution

import pytest
from packaging.requirements import Requirement

from tools import licences


class Written(Distribution):
    """A distribution whose METADATA is given as text; nothing else of it exists."""

    def __init__(self, *lines):
        self.text = "\n".join(lines)

    def read_text(self, filename):
        return self.text if filename == "METADATA" else None

    def locate_file(self, path):
        raise NotImplementedError


def metadata(**fields):
    message = Message()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize(
    ("expression", "fine"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND (GPL-3.0-only OR BSD-3-Clause)", True),
        ("BSD-2-Clause AND Apache-2.0 WITH LLVM-exception", True),
        ("LGPL-3.0-only", True),
        ("AGPL-3.0-or-later", False),
        ("MPL-2.0", False),
        ("", False),
        ("Copyright by somebody, see the file", False),
    ],
)
def test_spdx_expressions(expression, fine):
    assert licences.allowed(expression) is fine


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        ({"License_Expression": "MIT", "License": "GPL"}, "MIT"),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, "BSD-3-Clause"),
        ({"Classifier": "License :: OSI Approved", "License": "Apache 2.0"}, "Apache-2.0"),
        ({"Classifier": "License :: OSI Approved :: GNU Affero GPL v3"}, "GNU-Affero-GPL-v3"),
        ({"License": "All rights reserved; ask us.\nSecond line"}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_licence_of_metadata(fields, expression):
    assert licences.licence(metadata(**fields)) == expression


def test_closure_follows_extras_and_reports_what_is_missing():
    installed = {
        "a": Written("Name: a", "Requires-Dist: b[fast]", "Requires-Dist: never; extra == 'docs'"),
        "b": Written("Name: b", "Requires-Dist: c; extra == 'fast'", "Requires-Dist: gone"),
        "c": Written("Name: c", "Requires-Dist: a"),
        "unused": Written("Name: unused"),
    }
    found, missing = licences.closure([Requirement("A>=1")], installed)
    assert found == {"a", "b", "c"}
    assert missing == {"gone"}


def test_problems_name_the_package(monkeypatch):
    monkeypatch.setattr(licences, "product_requirements", lambda: [Requirement("good"), Requirement("bad")])
    installed = {
        "good": Written("Name: good", "License-Expression: MIT"),
        "bad": Written("Name: bad", "License-Expression: GPL-3.0-only"),
        "hypothesis": Written("Name: hypothesis", "License-Expression: MPL-2.0"),
        "tool": Written("Name: tool", "License-Expression: GPL-2.0-only"),
    }
    assert licences.python_problems(installed) == [
        "bad: GPL-3.0-only: the product may not depend on it",
        "tool: GPL-2.0-only: not on the list TOOLS of tools/licences.py",
    ]


def test_web_packages_that_ship_are_checked(tmp_path):
    packages = {
        "": {"license": "Apache-2.0"},
        "node_modules/good": {"license": "(MIT OR CC0-1.0)"},
        "node_modules/good/node_modules/@x/bad": {"license": "GPL-3.0"},
        "node_modules/builder": {"license": "GPL-3.0", "dev": True},
        "node_modules/unclear": {},
    }
    lock = tmp_path / "package-lock.json"
    lock.write_text(json.dumps({"packages": packages}))
    assert licences.web_problems(lock) == [
        "web: @x/bad: GPL-3.0: the client may not ship it",
        "web: unclear: unclear: the client may not ship it",
    ]
    assert licences.web_problems(tmp_path / "none.json") == []
