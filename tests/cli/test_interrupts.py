"""Ctrl-C and SIGTERM, from the first import to the last file."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unseen.cli.interrupts import is_importing, stoppable

StartFork = Callable[..., Any]

COMMAND = "import unseen.cli, sys; sys.exit(unseen.cli.main())"
IMPORTED = """
import os, signal, time
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.2)
except KeyboardInterrupt:
    print("broken")
else:
    print("whole")
"""
IMPORTING = """
import sys, time
from unseen.cli.interrupts import stoppable

def run():
    import imported
    time.sleep(20)
    return 0

sys.exit(stoppable(run))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_interrupts_in_order(
    number: signal.Signals, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before, cleaned = signal.getsignal(number), []

    def run() -> int:
        try:
            signal.raise_signal(number)
            time.sleep(5)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("go on like this.") from None
        finally:
            cleaned.append(True)
        return 0

    assert stoppable(run) == code
    assert cleaned == [True]
    assert capsys.readouterr().err == "interrupted: go on like this.\n"
    assert signal.getsignal(number) is before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as nohup does
    try:
        assert stoppable(lambda: signal.raise_signal(signal.SIGINT) or 0) == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_after_the_work_a_signal_ends_the_process_at_once() -> None:
    code = (
        "import signal; from unseen.cli.interrupts import stoppable; "
        "stoppable(lambda: 0, ends=True); signal.raise_signal(signal.SIGINT)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


def test_an_import_is_let_finish(tmp_path: Path) -> None:
    (tmp_path / "imported.py").write_text(IMPORTED)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, "whole\n", "interrupted\n")
    assert time.perf_counter() - start < 15
    assert not is_importing(sys._getframe())


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.6, 1.0])
def test_ctrl_c_while_it_starts(toys: Path, tmp_path: Path, seconds: float) -> None:
    words = ["train", str(toys / "toy.npz"), "-o", "out", "--set", "epochs=100000"]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    if process.returncode == -signal.SIGINT:  # Python itself had not begun with our code
        return
    assert (process.returncode, err.count("\n")) == (130, 1)
    assert err.startswith("interrupted")


def test_sigterm_leaves_what_goes_on(fork: StartFork, toys: Path, tmp_path: Path) -> None:
    words = ("train", toys / "toy.npz", "-o", "out", "--set", "epochs=100000")
    process = fork(*words, folder=tmp_path)
    process.wait_until((tmp_path / "out.checkpoint.safetensors").exists)
    os.kill(process.pid, signal.SIGTERM)
    run = process.end()

    assert run.code == 143
    assert run.err.startswith("interrupted: out.checkpoint.safetensors has the training so far")
    assert [path.name for path in tmp_path.iterdir()] == ["out.checkpoint.safetensors"]


@pytest.mark.parametrize(
    "words",
    [
        ("benchmark", "-m", "mlp", "--seeds", "300", "--workers", "2", "--selection", "last"),
        ("continual", "--seeds", "300", "--tasks", "3", "--set", "epochs=1"),
    ],
)
def test_sigterm_says_that_the_same_command_goes_on(
    fork: StartFork, toys: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    process = fork(words[0], toys / "toy.npz", "-o", "runs", *words[1:], folder=tmp_path)
    file = tmp_path / "runs" / "runs.jsonl"
    process.wait_until(lambda: file.exists() and file.stat().st_size > 0)
    os.kill(process.pid, signal.SIGTERM)
    run = process.end()

    assert run.code == 143
    assert "of 300 runs are in runs/runs.jsonl; the same command goes on." in run.err
    assert "Traceback" not in run.err
    assert not list(tmp_path.rglob("*.lock"))
