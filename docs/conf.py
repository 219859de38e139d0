"""Settings of Sphinx. Nothing is fetched from the network: no intersphinx, no fonts, no scripts."""

from __future__ import annotations

import re
import tomllib
import types
from pathlib import Path
from typing import Any

with (Path(__file__).parent.parent / "pyproject.toml").open("rb") as file:
    release = tomllib.load(file)["project"]["version"]

project = "medvox"
author = "The medvox developers"
project_copyright = author
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build", "Thumbs.db", ".DS_Store"]
# Signatures name types without their module: two classes of one name are both meant then.
suppress_warnings = ["config.cache", "ref.python"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_type_aliases = {name: name for name in ("FloatArray", "AnyArray", "ArrayLike")}
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = f"medvox {release}"
html_static_path = ["_static"]
html_copy_source = False
html_show_sphinx = False

# Texts at the root of the repository that are pages of the documentation too.
ROOT = Path(__file__).parent.parent
ROOT_PAGES = {
    "ARCHITECTURE.md": "explanation/architecture",
    "CONTRIBUTING.md": "how-to/contribute",
    "ROADMAP.md": "explanation/roadmap",
}
LINK = re.compile(r"\[([^\]]+)\]\(([^):]+?)\)")


def show_root_text(app: object, name: str, source: list[str]) -> None:
    """Put a text of the root in place of its page, its links turned to where things are in the docs."""
    for file, page in ROOT_PAGES.items():
        if page == name:
            text = (ROOT / file).read_text(encoding="utf-8")
            source[0] = LINK.sub(lambda link: turned_link(link[1], link[2]), text)


def turned_link(text: str, target: str) -> str:
    """Turn a link seen from the root into one seen from a folder of docs/; outside of docs/, drop it."""
    if target in ROOT_PAGES:
        return f"[{text}](../{ROOT_PAGES[target]}.md)"
    inside = target.startswith("docs/")
    return f"[{text}](../{target.removeprefix('docs/')})" if inside else f"`{target}`"


def skip_alias(app: object, kind: str, name: str, member: object, skip: bool, options: object) -> bool | None:
    """Leave out aliases such as `Piece = tuple[int, int]`: autodoc takes them for classes."""
    return True if isinstance(member, types.GenericAlias | types.UnionType) else None


def setup(app: Any) -> None:
    """Sphinx calls this."""
    app.connect("autodoc-skip-member", skip_alias)
    app.connect("source-read", show_root_text)
