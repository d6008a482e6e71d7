"""Where output goes, and what becomes of it if nobody takes it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unseen.cli import console
from unseen.cli.console import progress, show_next
from unseen.data.load import load, save

COMMAND = "import unseen.cli, sys; sys.exit(unseen.cli.main())"
FULL = Path("/dev/full")
Command = Callable[..., Any]
StartFork = Callable[..., Any]


def shell(line: str, *words: object, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command by the shell, with redirections."""
    script = f'"{sys.executable}" -c "{COMMAND}" "$@" {line}'

    return subprocess.run(
        ["bash", "-c", script, "bash", *map(str, words)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_notes_on_a_full_disk_do_not_end_the_work(
    fork: StartFork, toys: Path, tmp_path: Path
) -> None:
    words = ("benchmark", toys / "toy.npz", "-m", "eszsl", "--seeds", 2, "-o", tmp_path / "runs")
    run = fork(*words, "--selection", "last", "--workers", 1, err="/dev/full").end()

    assert run.code == 0
    assert "eszsl" in run.out
    assert len((tmp_path / "runs" / "runs.jsonl").read_text().splitlines()) == 2
    assert shell("2>/dev/full", "nosuch").returncode == 2


def test_an_error_that_nobody_reads_has_its_exit_code() -> None:
    run = shell("2>&-", "data", "info", "nosuch.npz")

    assert (run.returncode, run.stdout) == (2, "")


def test_a_reader_of_notes_that_has_gone_does_not_end_the_work(toys: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    words = ["benchmark", str(toys / "toy.npz"), "-m", "eszsl", "--seeds", "1"]
    words += ["--selection", "last", "--workers", "1", "-o", str(tmp_path / "runs")]
    try:
        run = subprocess.run(
            [sys.executable, "-c", COMMAND, *words],
            stdout=subprocess.PIPE,
            stderr=writing,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)

    assert run.returncode == 0
    assert "eszsl" in run.stdout


@pytest.mark.parametrize(
    "words", [("--version",), ("methods", "--json"), ("data", "info", "digits")]
)
def test_closed_results_are_no_defect(words: tuple[str, ...]) -> None:
    run = shell(">&-", *words)

    assert run.returncode == 0
    assert "Traceback" not in run.stderr


def test_predictions_into_a_closed_stdout_are_no_defect(model: Path, toys: Path) -> None:
    run = shell(">&-", "predict", model, toys / "toy.npz")

    assert (run.returncode, run.stderr) == (0, "")


def test_what_an_ascii_terminal_cannot_show_becomes_a_question_mark(
    command: Command, tmp_path: Path
) -> None:
    data = load("digits")
    names = ("zéro", *data.class_names[1:])
    path = tmp_path / "d.npz"
    save(replace(data, class_names=names), path)
    model = tmp_path / "m"
    plain = {"PYTHONIOENCODING": "ascii"}
    assert command("train", path, "-m", "eszsl", "-o", model, "--penalty", "none").code == 0
    run = shell("", "predict", model, path, **plain)

    assert run.returncode == 0, run.stderr
    assert "z?ro" in run.stdout
    assert json.loads(shell("", "evaluate", model, path, "--json", **plain).stdout)


def test_a_path_that_begins_with_a_dash_is_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    show_next("evaluate", Path("-x"), "digits", "--attributes", "a b")

    assert capsys.readouterr().err == "next: unseen evaluate ./-x digits --attributes 'a b'\n"


def test_a_log_gets_a_line_of_progress_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 1000, 7))  # seconds
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    with progress() as bar:
        task = bar.add_task("training", total=None, detail="")
        for epoch in range(1, 11):
            bar.update(task, total=10, completed=epoch, detail=f"{epoch}/10, loss 0.500")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "training: 5/10, loss 0.500"  # none in the first 30 seconds
    assert len(lines) == 2


def test_a_short_run_says_nothing_of_its_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as bar:
        bar.update(bar.add_task("training", detail=""), completed=1, detail="1/1")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "words", [("methods",), ("methods", "--json"), ("--help",), ("data", "info", "digits")]
)
def test_a_reader_that_has_seen_enough_is_no_error(words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        run = subprocess.run(
            [sys.executable, "-c", COMMAND, *words],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writing)

    assert (run.returncode, run.stderr) == (0, b"")


def test_errors_leave_stdout_empty(fork: StartFork, toys: Path) -> None:
    run = fork("train", toys / "toi.npz", "-o", "nowhere").end()

    assert run.code == 2
    assert run.out == ""
    assert run.err.startswith("error: ")
    assert "Traceback" not in run.err


def test_a_closed_pipe_is_quiet(toys: Path, model: Path) -> None:
    words = ["predict", str(model), str(toys / "toy.npz"), "--top", "12"]
    argv = [sys.executable, "-c", COMMAND, *words]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""

    assert process.returncode == 0
