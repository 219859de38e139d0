"""The build hook: a wheel without the built client is refused."""

from __future__ import annotations

import os

import hatch_build
import pytest


class App:
    """Where hatchling's hooks show warnings."""

    def __init__(self):
        self.warnings = []

    def display_warning(self, text):
        self.warnings.append(text)


@pytest.fixture
def checkout(tmp_path):
    """A checkout with sources of the client, not built."""
    (tmp_path / "web" / "src").mkdir(parents=True)
    for name in ("package.json", "src/main.ts"):
        (tmp_path / "web" / name).write_text("{}")
        os.utime(tmp_path / "web" / name, (1000, 1000))
    return tmp_path


def hook(root, app=None):
    return hatch_build.WebClientHook(str(root), {}, None, None, str(root / "dist"), "wheel", app)


def built(root, age=2000):
    page = root / "src" / "medvox" / "server" / "static" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("built")
    os.utime(page, (age, age))


def npm_calls(monkeypatch, effect=lambda: None, there=True):
    """Replace npm by something that notes how it is called; return the notes."""
    calls = []

    def run(words, cwd, check):
        calls.append(words[1:])
        effect()

    monkeypatch.setattr(hatch_build.shutil, "which", lambda name: "/usr/bin/npm" if there else None)
    monkeypatch.setattr(hatch_build.subprocess, "run", run)
    return calls


def test_editable_installs_are_left_alone(checkout, monkeypatch):
    calls = npm_calls(monkeypatch)
    hook(checkout).initialize("editable", {})
    assert calls == []


def test_without_npm_the_error_says_what_to_type(checkout, monkeypatch):
    npm_calls(monkeypatch, there=False)
    with pytest.raises(RuntimeError, match=r"Type \./dev build"):
        hook(checkout).initialize("standard", {})


def test_with_npm_the_client_is_built(checkout, monkeypatch):
    calls = npm_calls(monkeypatch, effect=lambda: built(checkout))
    hook(checkout).initialize("standard", {})
    assert calls == [["ci", "--no-audit", "--no-fund"], ["run", "build"]]


def test_a_build_that_leaves_nothing_is_refused(checkout, monkeypatch):
    npm_calls(monkeypatch)
    with pytest.raises(RuntimeError, match="not built"):
        hook(checkout).initialize("standard", {})


def test_a_client_newer_than_its_sources_is_taken_as_it_is(checkout, monkeypatch):
    calls = npm_calls(monkeypatch)
    built(checkout)
    (checkout / "web" / "node_modules").mkdir()
    (checkout / "web" / "node_modules" / "new.js").write_text("newer, but not a source")
    hook(checkout).initialize("standard", {})
    assert calls == []


def test_an_sdist_has_the_client_and_needs_no_npm(tmp_path, monkeypatch):
    npm_calls(monkeypatch, there=False)
    built(tmp_path)
    hook(tmp_path).initialize("standard", {})


def test_an_old_client_without_npm_is_taken_with_a_warning(checkout, monkeypatch):
    npm_calls(monkeypatch, there=False)
    built(checkout, age=500)
    app = App()
    hook(checkout, app).initialize("standard", {})
    assert len(app.warnings) == 1
