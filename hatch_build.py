"""Build hook: puts the built web client into the wheel and the sdist.

A wheel without the client would install and then show nothing, so a build that cannot have it fails
and says what to type. Editable installs are left alone: `./dev` builds the client for them.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MADE = {"node_modules", "dist", "coverage", "test-results"}
ADVICE = (
    "The web client is not built (src/medvox/server/static/index.html). Type ./dev build, which "
    "brings its own Node, or install Node >= 20.19 with npm and repeat."
)


class WebClientHook(BuildHookInterface[Any]):
    """Builds `web/` into `src/medvox/server/static/` unless that is there and newer."""

    PLUGIN_NAME = "web-client"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make sure that the client is there before hatchling collects the files."""
        if version == "editable":
            return
        root = Path(self.root)
        page, web = root / "src" / "medvox" / "server" / "static" / "index.html", root / "web"
        if page.exists() and page.stat().st_mtime >= newest_source(web):
            return
        npm = shutil.which("npm")
        if npm and (web / "package.json").exists():
            subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=web, check=True)
            subprocess.run([npm, "run", "build"], cwd=web, check=True)
        if not page.exists():
            raise RuntimeError(ADVICE)
        if page.stat().st_mtime < newest_source(web):
            self.app.display_warning(f"{page} is older than its sources in {web}")


def newest_source(web: Path) -> float:
    """Return the time of the latest change in `web/`, 0 when there is nothing."""
    files = (path for path in web.rglob("*") if not MADE.intersection(path.relative_to(web).parts))
    return max((path.stat().st_mtime for path in files if path.is_file()), default=0.0)
