"""The lock file's missing platforms, on a lock file written here."""

from __future__ import annotations

from tools import web_lock


def test_missing_optional_packages_are_added_with_their_platform():
    tool = {
        "version": "2.0.0",
        "dev": True,
        "optionalDependencies": {
            "@t/cli-linux-x64": "2.0.0",
            "@t/cli-linux-arm64-musl": "2.0.0",
            "ranged": "~2.3.3",
        },
    }
    here = {"version": "2.0.0", "integrity": "sha512-x"}
    lock = {"packages": {"": {}, "node_modules/tool": tool, "node_modules/@t/cli-linux-x64": here}}
    assert web_lock.complete(lock) == ["@t/cli-linux-arm64-musl"]
    packages = lock["packages"]
    assert packages["node_modules/@t/cli-linux-x64"] == here
    assert packages["node_modules/@t/cli-linux-arm64-musl"] == {
        "version": "2.0.0",
        "optional": True,
        "dev": True,
        "os": ["linux"],
        "cpu": ["arm64"],
        "libc": ["musl"],
    }
    assert list(packages) == sorted(packages)
    assert web_lock.complete(lock) == []
