"""Complete web/package-lock.json for platforms that this machine cannot fetch.

`npm ci` refuses a lock file that lacks an optional package, and npm leaves out those that it could not fetch
(a tool's binaries for other systems, say). This adds them with version and platform, without a checksum, so
that one lock file serves every system. Run after `npm install`: `.venv/bin/python tools/web_lock.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parent.parent / "web" / "package-lock.json"
SYSTEMS = {
    "aix",
    "android",
    "darwin",
    "freebsd",
    "linux",
    "netbsd",
    "openbsd",
    "openharmony",
    "sunos",
    "win32",
}
PROCESSORS = {"arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"}


def complete(lock: dict[str, Any]) -> list[str]:
    """Add what is missing to a lock file (version 3) and return the names added."""
    packages = lock["packages"]
    present = {place.rpartition("node_modules/")[2] for place in packages}
    added = {}
    for facts in packages.values():
        for name, version in facts.get("optionalDependencies", {}).items():
            if name not in present and version[0].isdigit():  # a range names no version to lock
                added[f"node_modules/{name}"] = entry(name, version) | (
                    {"dev": True} if facts.get("dev") else {}
                )
    lock["packages"] = dict(sorted((packages | added).items()))
    return [place.removeprefix("node_modules/") for place in sorted(added)]


def entry(name: str, version: str) -> dict[str, Any]:
    """Describe an optional package by what its name says: "@x/cli-linux-arm64-musl"."""
    words = name.replace("_", "-").replace("/", "-").split("-")
    facts: dict[str, Any] = {"version": version, "optional": True}
    for key, known in (("os", SYSTEMS), ("cpu", PROCESSORS), ("libc", {"musl"})):
        if found := [word for word in words if word in known]:
            facts[key] = found
    return facts


def main() -> None:
    """Complete the lock file in place."""
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    added = complete(lock)
    LOCK.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(added)} added: {', '.join(added) or 'nothing was missing'}")


if __name__ == "__main__":
    sys.exit(main())
