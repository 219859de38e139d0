"""The script `dev`, run in small repositories made here; nothing is installed."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def repository(tmp_path):
    """A repository with the script and the files that it reads."""
    for name in ("dev", "pyproject.toml", "constraints.txt", "apt.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def dev(repository):
    """The script of that repository as a module."""
    loader = importlib.machinery.SourceFileLoader("dev_script", str(repository / "dev"))
    spec = importlib.util.spec_from_loader("dev_script", loader)
    module = importlib.util.module_from_spec(spec)
    module.__dict__["__file__"] = str(repository / "dev")
    loader.exec_module(module)
    return module


def call(repository, *words, **environment):
    return subprocess.run(
        [sys.executable, "dev", *words],
        cwd=repository, capture_output=True, text=True, env=os.environ | environment,
    )  # fmt: skip


def test_without_a_word_it_prints_the_table_and_exits_with_2(repository):
    answer = call(repository)
    assert answer.returncode == 2
    assert all(f"  {word} " in answer.stdout for word in ("open", "test", "check", "bench", "build"))


def test_help_exits_with_0(repository):
    assert call(repository, "--help").returncode == 0
    assert "mypy" in call(repository, "types", "--help").stdout


def test_help_of_a_word_installs_nothing(repository):
    for word in ("open", "test", "bench", "fuzz", "faults"):
        answer = call(repository, word, "--help")
        assert (answer.returncode, f"./dev {word}: " in answer.stdout) == (0, True)
    assert not (repository / ".venv").exists()


def test_an_unknown_word_is_a_usage_error(repository):
    answer = call(repository, "opne")
    assert answer.returncode == 2
    assert "no such word: opne" in answer.stderr


def test_offline_never_installs(repository):
    answer = call(repository, "--offline", "lint")
    assert answer.returncode == 1
    assert "no complete .venv" in answer.stderr
    assert not (repository / ".venv").exists()


def test_a_command_that_fails_ends_the_script_with_its_exit_code(dev, capfd):
    with pytest.raises(SystemExit) as stop:
        dev.run(sys.executable, "-c", "raise SystemExit(7)")
    assert stop.value.code == 7
    assert "exit code 7" in capfd.readouterr().err


def test_a_program_that_is_not_there_is_named(dev, capfd):
    with pytest.raises(SystemExit) as stop:
        dev.run("surely-no-such-program")
    assert stop.value.code == 127
    assert "surely-no-such-program does not start" in capfd.readouterr().err


def fake_environment(dev, monkeypatch):
    """Pretend that .venv is made; return the list of commands that the script then gives."""
    commands = []
    monkeypatch.setattr(dev, "run", lambda *words, **more: commands.append([str(word) for word in words]))
    for name in ("python", "pip"):
        dev.tool(name).parent.mkdir(parents=True, exist_ok=True)
        dev.tool(name).touch()
    return commands


def test_the_environment_is_renewed_only_when_the_projects_files_change(dev, repository, monkeypatch):
    commands = fake_environment(dev, monkeypatch)
    dev.python_environment(full=False)
    assert commands[-2][-4:] == ["-c", "constraints.txt", "-e", "."]
    assert commands[-1][-1] == "medvox.workflows.warm_up"
    commands.clear()
    dev.python_environment(full=False)
    assert commands == []
    with (repository / "constraints.txt").open("a") as file:
        file.write("# changed\n")
    dev.python_environment(full=False)
    assert len(commands) == 3  # pip, the packages, the kernels


def test_a_full_environment_names_torch_and_stays_full(dev, repository, monkeypatch):
    commands = fake_environment(dev, monkeypatch)
    dev.python_environment(full=False)
    dev.python_environment(full=True)
    assert commands[-2][-5:] == ["torch==2.13.0", "-e", ".[highdicom]", "--group", "dev"]
    (repository / "pyproject.toml").write_text("# changed\n")
    dev.python_environment(full=False)
    assert "--group" in commands[-2]


def test_an_environment_of_another_folder_is_made_anew(dev, repository, monkeypatch):
    commands = fake_environment(dev, monkeypatch)
    dev.STAMP.write_text('{"home": "/elsewhere", "base": "x", "full": ""}')
    dev.python_environment(full=False)
    assert commands[0][1:4] == ["-m", "venv", "--clear"]


def test_an_interrupted_installation_is_not_taken_for_a_finished_one(dev, monkeypatch):
    fake_environment(dev, monkeypatch)
    dev.python_environment(full=True)

    def broken(*words, **more):
        raise dev.Failed(1)

    monkeypatch.setattr(dev, "run", broken)
    (dev.ROOT / "constraints.txt").write_text("# changed\n")
    with pytest.raises(SystemExit):
        dev.python_environment(full=True)
    assert not dev.STAMP.exists()


def test_without_ensurepip_the_line_to_type_is_printed(dev, monkeypatch, capsys):
    monkeypatch.setattr(dev.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        dev.make_venv()
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert f"apt-get install -y python{version}-venv" in capsys.readouterr().err


def test_system_packages_are_read_without_their_reasons(dev, monkeypatch):
    monkeypatch.setattr(dev.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(dev, "output", lambda *words: "libegl1 installed\nlibgl1 not-installed\n")
    missing = dev.missing_system_packages()
    assert "chromium" in missing
    assert "libgl1" in missing
    assert "libegl1" not in missing


def test_tests_run_even_where_system_packages_cannot_be_had(dev, monkeypatch, capsys):
    def refused():
        raise dev.Failed(100)

    monkeypatch.setattr(dev, "system_packages", refused)
    monkeypatch.setattr(dev, "setup", lambda arguments: None)
    monkeypatch.setattr(dev, "run", lambda *words: dev.fail("reached", 9))
    with pytest.raises(SystemExit) as stop:
        dev.test([])
    assert stop.value.code == 9
    assert "Going on without them" in capsys.readouterr().out


def test_without_a_web_client_it_says_so_and_goes_on(dev, capsys):
    dev.web_client()
    assert "going on without the web client" in capsys.readouterr().out


def test_the_web_client_is_built_only_when_its_sources_change(dev, repository, monkeypatch):
    calls = []

    def npm(*words):
        calls.append(words)
        (repository / "web" / "node_modules").mkdir(exist_ok=True)
        dev.STATIC.mkdir(parents=True, exist_ok=True)
        (dev.STATIC / "index.html").write_text("built")

    monkeypatch.setattr(dev, "npm", npm)
    (repository / "web" / "src").mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "src/main.ts"):
        (repository / "web" / name).write_text("{}")
    dev.web_client()
    assert calls == [("ci", "--no-audit", "--no-fund"), ("run", "build")]
    dev.web_client()
    assert len(calls) == 2
    (repository / "web" / "src" / "main.ts").write_text("changed")
    dev.web_client()
    assert calls[2:] == [("run", "build")]
    (dev.STATIC / "index.html").unlink()
    dev.web_client()
    assert len(calls) == 4


@pytest.mark.parametrize(
    ("version", "taken"), [("v20.19.0", True), ("v24.1.0", True), ("v20.18.9", False), ("", False)]
)
def test_node_must_be_new_enough(dev, monkeypatch, version, taken):
    commands = []
    monkeypatch.setattr(dev.shutil, "which", lambda name, path=None: f"/usr/bin/{name}")
    monkeypatch.setattr(dev, "output", lambda *words: version)
    monkeypatch.setattr(dev, "run", lambda *words: commands.append(words))
    path = dev.node_environment()["PATH"]
    assert (commands == []) is taken
    assert path.startswith(str(dev.BIN)) is not taken


@pytest.mark.parametrize(("words", "code"), [(["--no-skips"], 1), ([], None)])
def test_no_skips_counts_skips_but_not_expected_failures(dev, repository, monkeypatch, words, code):
    (repository / "test_three.py").write_text(
        "import pytest\ndef test_a(): pytest.skip('why')\n"
        "@pytest.mark.xfail\ndef test_b(): assert 0\ndef test_c(): pass\n"
    )
    monkeypatch.setattr(dev, "system_packages", lambda: None)
    monkeypatch.setattr(dev, "setup", lambda arguments: None)
    monkeypatch.setattr(dev, "tool", lambda name: Path(sys.executable))
    arguments = [*words, "-n0", "-c", os.devnull, "-p", "no:cacheprovider", "test_three.py"]
    if code is None:
        dev.test(arguments)
        return
    with pytest.raises(SystemExit) as stop:
        dev.test(arguments)
    assert stop.value.code == code


def test_check_goes_on_after_a_failure_and_fails_at_the_end(dev, monkeypatch, capsys):
    ran = []
    for name in ("lint", "types", "layers", "licences", "docs", "web_check"):

        def step(arguments, name=name):
            ran.append(name)
            if name == "types":
                raise dev.Failed(3)

        step.__name__ = name
        monkeypatch.setattr(dev, name, step)
    monkeypatch.setattr(dev, "setup", lambda arguments: None)
    with pytest.raises(SystemExit) as stop:
        dev.check([])
    assert stop.value.code == 1
    assert len(ran) == 6
    summary = capsys.readouterr().out.split("Summary")[1]
    assert "types      FAILED (3)" in summary
    assert "lint       ok" in summary
