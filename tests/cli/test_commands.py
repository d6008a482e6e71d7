"""What is true of every command: help, start, colours, exit codes; and the demo."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unseen.cli.app import app

HELP_SECONDS, IMPORT_SECONDS = 0.5, 0.3

Command = Callable[..., Any]


def test_demo_compares_two_methods(command: Command, tmp_path: Path) -> None:
    run = command("demo", "-o", tmp_path / "new")

    assert run.code == 0
    assert run.out.count("hidden-class penalty") == 2
    assert (tmp_path / "new" / "demo-curve.png").read_bytes().startswith(b"\x89PNG")


def test_help_and_import_are_fast() -> None:
    """Half a second for help; on a busy machine, thrice what the libraries of the command take."""

    def fastest(code: str) -> float:
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
            seconds.append(time.perf_counter() - start)
        return min(seconds)

    libraries = fastest("import cyclopts, rich.table, rich.progress")
    helping = fastest("import unseen.cli, sys; sys.exit(unseen.cli.main(['--help']))")
    assert helping < max(HELP_SECONDS, 3 * libraries)
    assert fastest("import unseen") < IMPORT_SECONDS


def test_help_loads_nothing_heavy() -> None:
    code = "import unseen.cli, sys; unseen.cli.main(['train', '--help']); print(list(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    for name in ("torch", "numpy", "scipy", "sklearn", "matplotlib"):
        assert f"'{name}'" not in out.stdout


COMMANDS = [name for name in app if not name.startswith("-")]
COMMANDS += [f"data {name}" for name in app["data"] if not name.startswith("-")]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(command: Command, name: str) -> None:
    run = command(*name.split(), "--help")

    assert run.code == 0
    assert run.out.startswith(f"Usage: unseen {name}")
    assert "``" not in run.out


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "data"])
def test_every_command_has_eight_flags_at_most_and_explains_them(name: str) -> None:
    command = app
    for word in name.split():
        command = command[word]
    arguments = command.assemble_argument_collection(parse_docstring=True)

    assert len([argument for argument in arguments if argument.name.startswith("-")]) <= 8
    assert all(argument.parameter.help for argument in arguments)


def test_version(command: Command) -> None:
    import unseen

    assert command("--version").out == f"{unseen.__version__}\n"


def test_narrow_terminals_can_read_the_table(
    command: Command, toys: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    run = command("evaluate", model, toys / "toy.npz", "--per-class")
    table = run.out.partition("penalty on seen")[0]

    assert all(len(line.rstrip()) <= 60 for line in table.splitlines())
    assert "…" not in run.out
    assert command("methods", "class-norm").code == 0


def test_colours_only_where_they_are_wanted(
    command: Command, toys: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv, red = ("evaluate", model, toys / "toy.npz"), "\x1b[31m"
    assert "\x1b[" not in command(*argv).out

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert red in command(*argv).out  # the oracle

    monkeypatch.setenv("NO_COLOR", "1")
    assert red not in command(*argv).out


def test_defects_of_ours_are_not_hidden(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr("unseen.data.load.load", broken)
    with pytest.raises(KeyError):
        command("data", "info", "digits")
