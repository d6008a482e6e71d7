"""``unseen train``: settings, penalties, checkpoints, locks."""

import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unseen.cli import main
from unseen.data.load import load, save
from unseen.methods import METHODS
from unseen.methods.saving import load_model
from unseen.training.loop import Monitor

Command = Callable[..., Any]
StartFork = Callable[..., Any]


def test_train_saves_a_model_and_says_what_is_next(
    command: Command, toys: Path, tmp_path: Path, quick: tuple[str, ...]
) -> None:
    run = command("train", toys / "toy.npz", "-o", tmp_path / "model", "--seed", 3, *quick)

    model = load_model(tmp_path / "model")
    assert run.code == 0
    assert model.get_params()["hidden"] == 16
    assert model.get_params()["random_state"] == 3
    assert model.seen_penalty_.selection == "chosen on hidden seen classes"
    assert model.source_.sha256 == load(toys / "toy.npz").source.sha256
    assert model.class_names_[0] == "class_001"
    assert "chosen on hidden seen classes" in run.out
    assert f"next: unseen evaluate {tmp_path / 'model'}" in run.err
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_and_is_evaluated(
    command: Command, toys: Path, tmp_path: Path, method: str
) -> None:
    short = ("--set", "epochs=1") if "epochs" in METHODS[method]().get_params() else ()
    data, model = toys / "toy.npz", tmp_path / "model"
    trained = command("train", data, "-m", method, "-o", model, "--penalty", "none", *short)

    assert trained.code == 0, trained.err
    assert command("evaluate", model, data).code == 0


def test_train_in_json(
    command: Command, toys: Path, tmp_path: Path, quick: tuple[str, ...]
) -> None:
    run = command("train", toys / "toy.npz", "-o", tmp_path / "model", "--json", *quick)

    summary = json.loads(run.out)
    assert summary["method"] == "class-norm"
    assert summary["epochs"] == 3
    assert summary["first_epoch"] == 1
    assert summary["loss"] > 0
    assert summary["model"] == str(tmp_path / "model")


def test_train_takes_the_penalty_of_a_recipe_or_none(
    command: Command, toys: Path, tmp_path: Path, quick: tuple[str, ...]
) -> None:
    argv = ("train", toys / "toy.npz", "-m", "class-norm-notebook", "-o", tmp_path / "model")
    published = command(*argv, "--json", *quick)
    none = command(*argv, "--penalty", "none", "--json", *quick)

    assert json.loads(published.out)["penalty"] == "x0.95 (set by the authors)"
    assert json.loads(none.out)["penalty"] == "none"


def test_train_with_three_seen_classes_chooses_no_penalty(
    command: Command, tmp_path: Path, quick: tuple[str, ...]
) -> None:
    from unseen.data.simulate import simulate_toy

    save(simulate_toy(classes=5, unseen=2), tmp_path / "few.npz")
    run = command("train", tmp_path / "few.npz", "-o", tmp_path / "model", *quick)

    assert run.code == 0
    assert "no penalty on seen classes was chosen. Hiding classes needs at least four" in run.err
    assert load_model(tmp_path / "model").seen_penalty_ is None


def test_train_with_one_row_of_each_seen_class_chooses_no_penalty(
    command: Command, toys: Path, tmp_path: Path, quick: tuple[str, ...]
) -> None:
    toy = load(toys / "toy.npz")
    _, first = np.unique(toy.labels[toy.train], return_index=True)
    save(replace(toy, train=toy.train[first]), tmp_path / "one.npz")
    run = command("train", tmp_path / "one.npz", "-o", tmp_path / "model", *quick)

    assert run.code == 0
    assert "no penalty on seen classes was chosen. While some seen classes are hidden" in run.err
    assert load_model(tmp_path / "model").seen_penalty_ is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "one.npz"]


def test_train_says_where_no_penalty_gains(
    command: Command, toys: Path, tmp_path: Path, quick: tuple[str, ...]
) -> None:
    argv = ("train", toys / "toy.npz", "-o", tmp_path / "model")
    none, some = command(*argv, *quick), command(*argv, "-m", "eszsl")

    assert "seen penalty  0 (chosen on hidden seen classes)" in none.out
    assert "note: the penalty on seen classes is 0" in none.err
    assert "seen penalty  -0.201" in some.out
    assert "penalty on seen classes is 0" not in some.err


def test_train_reads_8_bit_features_in_16_bits(
    command: Command,
    toys: Path,
    tmp_path: Path,
    quick: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from unseen.methods.base import ZeroShotClassifier

    types = []
    fit = ZeroShotClassifier.fit

    def spy(self: Any, X: np.ndarray, *args: Any, **kwargs: Any) -> Any:
        types.append(X.dtype)
        return fit(self, X, *args, **kwargs)

    monkeypatch.setattr(ZeroShotClassifier, "fit", spy)
    command("data", "convert", toys / "toy.npz", tmp_path / "small.npz", "--dtype", "uint8")
    argv = ("train", tmp_path / "small.npz", "-o", tmp_path / "model", "--penalty", "none")

    assert command(*argv, *quick).code == 0
    assert types == [np.float16]


def test_settings_are_typed(
    command: Command, toys: Path, tmp_path: Path, quick: tuple[str, ...]
) -> None:
    texts = ("scale=none", "norm=null", "legacy_smoothing=TRUE", "lr=1")
    more = (word for text in texts for word in ("--set", text))
    run = command("train", toys / "toy.npz", "-o", tmp_path / "model", *quick, *more)

    settings = load_model(tmp_path / "model").get_params()
    assert run.code == 0
    assert (settings["scale"], settings["norm"]) == (None, None)
    assert settings["legacy_smoothing"] is True
    assert isinstance(settings["lr"], float)


def test_resume_after_kill_gives_the_same_weights(
    fork: StartFork, toys: Path, tmp_path: Path
) -> None:
    argv = [toys / "toy.npz", "--penalty", "none", "--set", "epochs=25", "--set", "hidden=64"]
    argv += ["--set", "batch_size=8", "--set", "precision=float32"]
    whole = tmp_path / "whole"
    assert fork("train", *argv, "-o", whole).end().code == 0

    killed = tmp_path / "killed"
    checkpoint = tmp_path / "killed.checkpoint.safetensors"
    process = fork("train", *argv, "-o", killed)
    process.wait_until(checkpoint.exists)
    os.kill(process.pid, signal.SIGKILL)
    assert process.end().code == -signal.SIGKILL
    assert not killed.exists()

    resumed = fork("train", *argv, "-o", killed, "--resume", "--json").end()
    assert resumed.code == 0, resumed.err
    assert json.loads(resumed.out)["first_epoch"] > 1
    weights = "model.safetensors"
    assert (killed / weights).read_bytes() == (whole / weights).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "whole"]


def test_a_run_with_other_settings_does_not_resume(
    command: Command, toys: Path, tmp_path: Path, quick: tuple[str, ...]
) -> None:
    checkpoint = interrupt(toys, tmp_path, quick)
    argv = ("train", toys / "toy.npz", "-o", tmp_path / "model", *quick, "--set", "lr=0.1")

    refused = command(*argv, "--resume")
    assert refused.code == 2
    assert "other settings, seed or data" in refused.err
    assert checkpoint.exists()

    anew = command(*argv)
    assert anew.code == 0
    assert "it is replaced" in anew.err
    assert not checkpoint.exists()


def interrupt(toys: Path, folder: Path, quick: tuple[str, ...]) -> Path:
    """Leaves the checkpoint of an interrupted training."""

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "unseen.training.loop.Monitor",
            lambda _, checkpoint, data_hash: Monitor(stop, checkpoint, data_hash),
        )
        assert main(["train", str(toys / "toy.npz"), "-o", str(folder / "model"), *quick]) == 130

    return folder / "model.checkpoint.safetensors"


def test_an_interrupt_is_one_line_and_keeps_the_checkpoint(
    toys: Path, tmp_path: Path, quick: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = interrupt(toys, tmp_path, quick)

    error = capsys.readouterr().err
    assert checkpoint.exists()
    assert error.startswith(f"interrupted: {checkpoint}")
    assert "--resume" in error
    assert error.count("\n") == 1


def test_a_second_training_into_one_output_is_refused(
    command: Command, toys: Path, tmp_path: Path, quick: tuple[str, ...]
) -> None:
    argv = ("train", toys / "toy.npz", "-o", tmp_path / "two", *quick)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        (tmp_path / "two.lock").write_text(f"{other.pid} {platform.node()}")
        refused = command(*argv)
        other.communicate(b"\n")

    assert refused.code == 2
    assert f"Another training writes to {tmp_path / 'two'} (process {other.pid} on" in refused.err
    assert not (tmp_path / "two").exists()
    assert command(*argv).code == 0  # the other one has ended: its lock is taken over
    assert not (tmp_path / "two.lock").exists()


def test_a_lock_of_another_machine_stands(
    command: Command, toys: Path, tmp_path: Path, quick: tuple[str, ...]
) -> None:
    (tmp_path / "two.lock").write_text("1 elsewhere")
    run = command("train", toys / "toy.npz", "-o", tmp_path / "two", *quick)

    assert run.code == 2
    assert f"delete {tmp_path / 'two.lock'}" in run.err


def test_resume_says_that_a_training_has_finished(
    command: Command, toys: Path, tmp_path: Path, quick: tuple[str, ...]
) -> None:
    argv = ("train", toys / "toy.npz", "-o", tmp_path / "done", *quick)
    assert command(*argv).code == 0

    run = command(*argv, "--resume")
    assert run.code == 0
    assert f"the training of {tmp_path / 'done'} has finished" in run.err
