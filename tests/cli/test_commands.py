"""Every command from end to end, on toy data and in seconds."""

import csv
import io
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from unseen.cli import main
from unseen.cli.app import app
from unseen.data.load import attribute_tables, load, save
from unseen.data.simulate import write_xlsa17_folder
from unseen.decide import SeenPenalty
from unseen.methods import METHODS
from unseen.methods.saving import load_model
from unseen.training.loop import Monitor

MEASURES = {"zsl_accuracy", "unseen_accuracy", "seen_accuracy", "harmonic_mean", "ausuc"}
PENALTIES = ("no_penalty", "hidden_class_penalty", "oracle")
COMMAND = "import unseen.cli, sys; sys.exit(unseen.cli.main())"
HELP_SECONDS, IMPORT_SECONDS = 0.5, 0.3

Command = Callable[..., Any]
StartFork = Callable[..., Any]


# unseen data


@pytest.mark.parametrize("name", ["toy.npz", "toy.safetensors", "tables", "TOY"])
def test_info_and_check_know_every_format(command: Command, toys: Path, name: str) -> None:
    info = command("data", "info", toys / name, "--json")
    check = command("data", "check", toys / name, "--json")

    summary = json.loads(info.out)
    assert (summary["rows"], summary["features"], summary["classes"]) == (240, 16, 12)
    assert summary["splits"] == {"train": 128, "test_seen": 32, "test_unseen": 80}
    assert summary["attributes"] == 8
    assert (info.code, check.code) == (0, 0)
    assert json.loads(check.out)["problems"] == []


def test_info_shows_the_other_class_tables(command: Command, toys: Path) -> None:
    run = command("data", "info", toys / "toy.npz")

    assert "8 with --attributes words" in run.out
    assert "12: 8 seen, 4 unseen" in run.out


def test_info_and_check_tell_of_images(command: Command, real_data: Path) -> None:
    path = real_data / "gtsrb_images.npz"
    shown, info = command("data", "info", path), command("data", "info", path, "--json")
    summary = json.loads(info.out)

    assert summary["image_shape"] == [32, 32, 3]
    assert (summary["features"], summary["feature_type"]) == (3072, "uint8")
    assert "32 x 32 pixels, channels: 3" in shown.out
    assert "pixels, of images of 32 x 32 with 3 channels" in command("data", "check", path).out
    assert json.loads(command("data", "info", "digits", "--json").out)["image_shape"] is None


def test_check_shows_what_splits_share(command: Command, toys: Path) -> None:
    run = command("data", "check", toys / "TOY")

    assert run.code == 0
    assert re.search(r"trainval_loc +128", run.out)
    assert "no problems found" in run.out


@pytest.mark.parametrize(
    ("name", "rows"), [("SUN", 2320), ("AWA1", 3404), ("AWA2", 4031), ("FLO", 1173)]
)
def test_check_finds_the_leak_of_the_real_splits(
    command: Command, real_data: Path, name: str, rows: int
) -> None:
    run = command("data", "check", real_data / "xlsa17" / name)

    assert run.code == 0
    assert f"train_loc has {rows:,} rows of test_seen_loc" in run.out


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_convert_carries_every_table(
    command: Command, toys: Path, tmp_path: Path, dtype: str
) -> None:
    out = tmp_path / "out.safetensors"
    run = command(
        "data", "convert", toys / "toy.npz", out, "--dtype", dtype, "--attributes", "words"
    )

    source = load(toys / "toy.npz")
    converted = load(out, attributes="former_default")
    assert run.code == 0
    assert converted.features.dtype == dtype
    np.testing.assert_allclose(
        converted.subset("train").features, source.subset("train").features, atol=0.01
    )
    np.testing.assert_array_equal(converted.class_attributes, source.class_attributes)
    np.testing.assert_array_equal(
        load(out).class_attributes, attribute_tables(toys / "toy.npz")["words"]
    )


def test_convert_keeps_the_names_of_the_benchmarks_tables(
    command: Command, toy: Any, tmp_path: Path
) -> None:
    folder, out = tmp_path / "TOY", tmp_path / "toysent.npz"
    write_xlsa17_folder(toy, folder)
    sent = replace(toy, class_attributes=toy.class_attributes[:, :5])
    write_xlsa17_folder(sent, tmp_path / "SENT")
    (tmp_path / "SENT" / "att_splits.mat").rename(folder / "sent_splits.mat")
    run = command("data", "convert", folder, out, "--attributes", "sent")

    assert run.code == 0
    assert "class tables: sent (default), att" in run.out
    assert load(out).class_attributes.shape[1] == 5
    for name in ("att", "sent"):
        np.testing.assert_array_equal(
            load(out, name).class_attributes, load(folder, name).class_attributes
        )
    again = command("data", "convert", out, tmp_path / "again.npz", "--attributes", "att")
    assert "class tables: att (default)" in again.out
    assert set(attribute_tables(tmp_path / "again.npz")) == set(attribute_tables(folder))


@pytest.mark.parametrize("name", ["out.npz", "out/rows.csv"])
def test_convert_replaces_nothing(command: Command, toys: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    assert command("data", "convert", toys / "toy.npz", out).code == 0
    before = out.read_bytes()
    if out.suffix == ".csv":
        out = out.with_suffix(".parquet")  # beside it, one could not tell which is meant
    run = command("data", "convert", toys / "toy.npz", out)

    assert run.code == 2
    assert "exists already. Choose another name" in run.err
    assert (tmp_path / name).read_bytes() == before


def test_convert_leaves_no_classes_without_rows(
    command: Command, toys: Path, tmp_path: Path, full_disk: Callable[[int], Any]
) -> None:
    words = ("data", "convert", toys / "toy.npz", tmp_path / "rows.csv")
    with full_disk(4096):  # enough for the classes
        run = command(*words)

    assert run.code == 2
    assert "rows.csv: Cannot be written" in run.err
    assert not list(tmp_path.iterdir())
    assert command(*words).code == 0


def test_check_marks_the_leaks_of_every_split_file(
    command: Command, toy: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "TOY"
    write_xlsa17_folder(toy, folder)
    splits = loadmat(folder / "att_splits.mat")
    splits = {key: value for key, value in splits.items() if not key.startswith("__")}
    rows = np.concatenate([splits["trainval_loc"].ravel(), splits["test_seen_loc"].ravel()])
    savemat(folder / "sent_splits.mat", {**splits, "train_loc": rows, "val_loc": rows[:5]})
    run = command("data", "check", folder)

    assert run.code == 0
    assert re.search(r"train_loc +32 +8 +leak", run.out)
    assert "note: sent_splits.mat: train_loc has 32 rows of test_seen_loc" in run.out


def test_fetch_unpacks_and_says_where(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(folder: Path, url: str, sha256: str | None, progress: Callable) -> Path:
        progress(5, 10)
        assert (url, sha256) == ("http://127.0.0.1/a.zip", None)
        return folder / "a"

    monkeypatch.setattr("unseen.data.fetch.fetch", fetch)
    run = command("data", "fetch", tmp_path, "--url", "http://127.0.0.1/a.zip")

    assert run.code == 0
    assert run.out == f"{tmp_path / 'a'}: complete; SHA-256 in {tmp_path / 'a.zip.sha256'}\n"


# unseen train


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
    from unseen.data.load import save
    from unseen.data.simulate import simulate_toy

    save(simulate_toy(classes=5, unseen=2), tmp_path / "few.npz")
    run = command("train", tmp_path / "few.npz", "-o", tmp_path / "model", *quick)

    assert run.code == 0
    assert "with 3 seen classes" in run.err
    assert load_model(tmp_path / "model").seen_penalty_ is None


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


# unseen evaluate


def test_without_unseen_test_rows_there_is_no_oracle(
    command: Command, toy: Any, tmp_path: Path, quick: tuple[str, ...]
) -> None:
    data = tmp_path / "seen.npz"
    tied = toy.class_attributes.copy()
    tied[1] = tied[0]
    kept = np.flatnonzero(toy.seen[toy.labels])
    seen_only = replace(
        toy,
        features=toy.features[kept],
        labels=toy.labels[kept],
        class_attributes=tied,
        train=np.searchsorted(kept, toy.train),
        test_seen=np.searchsorted(kept, toy.test_seen),
        test_unseen=toy.test_unseen[:0],
    )
    save(seen_only, data)
    trained = command("train", data, "-o", tmp_path / "model", *quick)
    run = command("evaluate", tmp_path / "model", data)

    assert (trained.code, run.code) == (0, 0)
    assert "oracle" not in run.out
    for err in (trained.err, run.err):
        assert "note: `test_unseen` is empty" in err
        assert f"1 group of classes share one description: `unseen data check {data}`" in err
        assert "class 0" not in err  # the names are where the note points to
    assert "class 0 ('class_001') = class 1" in command("data", "check", data).out


def test_check_names_equal_descriptions_of_every_class_table(
    command: Command, toy: Any, tmp_path: Path
) -> None:
    tied = toy.class_attributes.copy()
    tied[4] = tied[2]
    save(toy, tmp_path / "toy.npz", tables={"words": tied})
    run = command("data", "check", tmp_path / "toy.npz")

    assert run.out.count("class 2 ('class_003') = class 4") == 1
    assert "note: class table 'words': 1 group of classes share one description" in run.out


def test_evaluate_names_the_table_that_fits(
    command: Command, toy: Any, model: Path, tmp_path: Path
) -> None:
    narrow = replace(toy, class_attributes=toy.class_attributes[:, :5])
    save(narrow, tmp_path / "narrow.npz", tables={"wide": toy.class_attributes})
    run = command("evaluate", model, tmp_path / "narrow.npz")

    assert run.code == 2
    assert "trained on descriptions of 8 numbers" in run.err
    assert "has 5: pass --attributes NAME (wide)." in run.err


def test_evaluate_prints_three_penalties(command: Command, toys: Path, model: Path) -> None:
    run = command("evaluate", model, toys / "toy.npz")

    assert run.code == 0
    assert run.err == ""
    for row in ("no penalty", "hidden-class penalty", r"oracle \(chosen on test\)"):
        assert re.search(rf"^{row}( +\d+\.\d){{5}}", run.out, re.MULTILINE), run.out


def test_evaluate_in_json(command: Command, toys: Path, model: Path) -> None:
    result = json.loads(command("evaluate", model, toys / "toy.npz", "--json").out)

    assert result.keys() >= MEASURES | {"method", "setting", "data", "selection", *PENALTIES}
    assert all(0 <= result[measure] <= 1 for measure in MEASURES)
    for penalty in PENALTIES:
        assert result[penalty].keys() >= MEASURES
    assert result["hidden_class_penalty"]["harmonic_mean"] == result["harmonic_mean"]
    assert result["oracle"]["harmonic_mean"] >= result["harmonic_mean"]


def test_evaluate_per_class_is_sorted(command: Command, toys: Path, model: Path) -> None:
    run = command("evaluate", model, toys / "toy.npz", "--per-class")

    rows = re.findall(r"^class_\d+ +(seen|unseen) +(\d+\.\d)", run.out, re.MULTILINE)
    accuracies = [float(accuracy) for _, accuracy in rows]
    assert len(rows) == 12
    assert accuracies == sorted(accuracies, reverse=True)


def test_evaluate_per_class_names_what_a_class_is_taken_for(
    command: Command, toys: Path, model: Path
) -> None:
    from sklearn.metrics import confusion_matrix

    fitted, data = load_model(model), load(toys / "toy.npz")
    rows = np.concatenate([data.test_seen, data.test_unseen])
    labels, predictions = data.labels[rows], fitted.predict(data.rows(rows))
    confusion = confusion_matrix(labels, predictions, labels=np.arange(12), normalize="true")
    np.fill_diagonal(confusion, 0)
    argv = ("evaluate", model, toys / "toy.npz")
    told = json.loads(command(*argv, "--json").out)["most_often_taken_for"]
    shown = command(*argv, "--per-class").out

    assert confusion.any()
    assert "per class, with the stored penalty" in shown
    for name, shares in zip(data.class_names, confusion, strict=True):
        (line,) = re.findall(rf"^{name} .*?\d+\.\d(.*)$", shown, re.MULTILINE)
        if not shares.any():
            assert told[name] is None
            assert not line.strip()
            continue
        other = data.class_names[shares.argmax()]
        assert told[name] == {"class": other, "share": pytest.approx(shares.max())}
        assert line.split() == [other, f"{100 * shares.max():.1f}"]


def test_evaluate_per_class_says_that_there_is_no_penalty(
    command: Command, toys: Path, tmp_path: Path, quick: tuple[str, ...]
) -> None:
    argv = ("train", toys / "toy.npz", "-o", tmp_path / "model", "--penalty", "none")
    assert command(*argv, *quick).code == 0
    run = command("evaluate", tmp_path / "model", toys / "toy.npz", "--per-class")

    assert "per class, with no penalty" in run.out


def test_evaluate_per_sample_says_so(command: Command, toys: Path, model: Path) -> None:
    assert (
        "each sample counts the same"
        in command("evaluate", model, toys / "toy.npz", "--per-sample").out
    )


def test_evaluate_notes_other_files(command: Command, toys: Path, model: Path) -> None:
    run = command("evaluate", model, toys / "toy.safetensors")

    assert run.code == 0
    assert re.match(r"note: the files of .* SHA-256 differs", run.err)
    assert "Expected if you added classes or rows" in run.err


# unseen predict


def read_table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("name", ["toy.npz", "toy.safetensors", "tables"])
def test_predict_writes_what_the_model_predicts(
    command: Command, toys: Path, model: Path, tmp_path: Path, name: str
) -> None:
    run = command("predict", model, toys / name, "-o", tmp_path / "out.csv")

    fitted = load_model(model)
    table = read_table((tmp_path / "out.csv").read_text())
    expected = fitted.predict(load(toys / "toy.npz").rows(np.arange(240)))
    assert run.code == 0
    assert [row["class"] for row in table] == [fitted.class_names_[i] for i in expected]
    assert [row["row"] for row in table] == [str(i) for i in range(240)]
    assert {row["seen"] for row in table} <= {"seen", "unseen"}
    assert all(0 < float(row["probability"]) <= 1 for row in table)


def test_predict_knows_classes_of_a_file(
    command: Command, toys: Path, model: Path, tmp_path: Path
) -> None:
    known = load(toys / "toy.npz")
    new = 1 - known.class_attributes[0]
    lines = ["name," + ",".join(f"a{i}" for i in range(8))]
    for name, row in (("class_001", known.class_attributes[0]), ('the "new", one', new)):
        quoted = name.replace('"', '""')
        lines.append(f'"{quoted}",' + ",".join(f"{value:.9g}" for value in row))
    (tmp_path / "classes.csv").write_text("\n".join(lines) + "\n")

    argv = ("predict", model, toys / "toy.npz", "--classes", tmp_path / "classes.csv")
    run = command(*argv, "--top", 13)

    table = read_table(run.out)
    first = [row for row in table if row["row"] == "0"]
    assert run.code == 0
    assert len(first) == 13
    assert sum(float(row["probability"]) for row in first) == pytest.approx(1, abs=1e-4)
    assert {"class_001", 'the "new", one'} <= {row["class"] for row in first}
    assert 'the "new", one' not in load_model(model).class_names_


def test_predict_notes_new_classes_described_the_same(
    command: Command, toys: Path, model: Path, tmp_path: Path
) -> None:
    fitted = load_model(model)
    names, known = fitted.class_names_, fitted.class_attributes_
    described = {"late": known[0], names[2]: known[2]}
    described |= dict.fromkeys(("new", "newer", "newest"), known[0] + 1)
    lines = ["name," + ",".join(f"a{i}" for i in range(8))]
    lines += [",".join([name, *(f"{x:.9g}" for x in row)]) for name, row in described.items()]
    (tmp_path / "late.csv").write_text("\n".join(lines) + "\n")
    run = command("predict", model, toys / "toy.npz", "--classes", tmp_path / "late.csv")

    assert run.code == 0
    assert re.findall(r"new class '(\w+)' has the same description as '(\w+)'", run.err) == [
        ("late", names[0]),
        ("newer", "new"),
        ("newest", "new"),
    ]
    assert run.err.count("is predicted for both") == 1
    assert run.err.count("'new' is predicted for all 3 of them") == 2


@pytest.mark.parametrize("value", [0.7, -0.7, 0.0, None])
@pytest.mark.parametrize("kind", ["offset", "factor"])
def test_predict_notes_the_twin_that_it_predicts(
    command: Command, toys: Path, model: Path, tmp_path: Path, kind: str, value: float | None
) -> None:
    fitted, data = load_model(model), load(toys / "toy.npz")
    rows = data.rows(np.arange(240))
    if kind == "factor":  # without negative scores, as a factor asks for
        rows = rows[(fitted.decision_function(rows) > 0).all(axis=1)]
    number = value if value is None or kind == "offset" else 1 - value
    fitted.seen_penalty_ = None if number is None else SeenPenalty(kind, number)
    fitted.save_pretrained(tmp_path / "model")
    np.save(tmp_path / "rows.npy", rows)
    lines = ["name," + ",".join(f"a{i}" for i in range(8))]
    for name, row in zip(fitted.class_names_, fitted.class_attributes_, strict=True):
        lines.append(",".join([f"twin_of_{name}", *(f"{x:.9g}" for x in row)]))
    (tmp_path / "twins.csv").write_text("\n".join(lines) + "\n")

    argv = ("predict", tmp_path / "model", tmp_path / "rows.npy")
    run = command(*argv, "--classes", tmp_path / "twins.csv")
    predicted = {row["class"] for row in read_table(run.out)}
    notes = re.findall(r"as '(\w+)': .* '(\w+)' is predicted for both(.*)\.", run.err)

    assert len(notes) == 12
    assert {winner for _, winner, _ in notes} >= predicted != set()
    assert all((end == "") == (value is None) for _, _, end in notes)


def test_predict_notes_columns_that_it_leaves_out(
    command: Command, toys: Path, model: Path, tmp_path: Path
) -> None:
    header, *lines = (toys / "tables" / "rows.csv").read_text().splitlines()
    rows = [f"file,{header}", *(f"{i}.png,{line}" for i, line in enumerate(lines))]
    (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n")
    expected = command("predict", model, toys / "tables")
    for given in (tmp_path / "rows.csv", tmp_path):
        run = command("predict", model, given)

        assert (run.code, run.out) == (0, expected.out)
        assert "note: Left out of" in run.err
        assert run.err.endswith("as the columns have no numbers or no name: 'file'.\n")
    assert expected.err == ""


def change_header(path: Path, change: Callable[[list[str]], list[str]], target: Path) -> Path:
    """Writes a table with other names of its columns of numbers."""
    header, rest = path.read_text().split("\n", 1)
    names = header.split(",")
    texts = [name for name in names if name in ("name", "label", "split")]
    changed = change(names[len(texts) :])
    target.write_text(",".join([*texts, *changed]) + "\n" + rest)

    return target


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda names: names[::-1],
            r"in another order: '{kind}_{last}' stands in the place of '{k",
        ),
        (lambda names: ["id", *names[1:]], r"training: 'id' is new; '{kind}_0' is missing\. Give"),
    ],
)
def test_columns_of_other_names_or_order_are_refused(
    command: Command,
    toys: Path,
    tmp_path: Path,
    quick: tuple[str, ...],
    change: Callable[[list[str]], list[str]],
    message: str,
) -> None:
    tables, model, moved = toys / "tables", tmp_path / "model", tmp_path / "moved"
    assert command("train", tables, "-o", model, "--penalty", "none", *quick).code == 0
    moved.mkdir()
    rows = change_header(tables / "rows.csv", change, tmp_path / "rows.csv")
    classes = change_header(tables / "classes.csv", change, tmp_path / "classes.csv")
    save(load(tables), tmp_path / "toy.npz")

    features, attributes = (
        message.replace("{kind}", kind).replace("{last}", str(last)).replace("{k", kind)
        for kind, last in (("feature", 15), ("attribute", 7))
    )
    for words, expected in {
        ("predict", model, rows): features,
        ("predict", model, tables, "--classes", classes): attributes,
        ("evaluate", model, tmp_path): features,
        ("inspect", model, tmp_path, "--what", "imbalance"): features,
    }.items():
        run = command(*words)
        assert (run.code, run.out) == (2, "")
        assert re.search(expected, run.err), run.err

    (tmp_path / "rows.csv").write_bytes((tables / "rows.csv").read_bytes())
    for words in (("evaluate", model, tmp_path), ("inspect", model, tmp_path)):
        run = command(*words)
        assert (run.code, run.out) == (2, "")
        assert re.search(attributes, run.err), run.err
    for words in (
        ("predict", model, tables, "--classes", tables / "classes.csv"),
        ("evaluate", model, tables),
        ("evaluate", model, tmp_path / "toy.npz"),  # arrays name no columns
        ("predict", model, tmp_path / "toy.npz", "--classes", tmp_path / "toy.npz"),
    ):
        assert command(*words).code == 0


def test_predict_shows_the_first_rows_on_a_terminal(
    command: Command, toys: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    run = command("predict", model, toys / "toy.npz")

    assert run.code == 0
    assert len(re.findall(r"^\d+ +class_", run.out, re.MULTILINE)) == 10
    assert "230 more rows" in run.err


# unseen methods


def test_methods_lists_all(command: Command) -> None:
    from unseen.benchmark.recipes import RECIPES
    from unseen.methods import METHODS

    shown = command("methods").out
    listed = json.loads(command("methods", "--json").out)

    assert listed.keys() == METHODS.keys()
    assert {name for method in listed.values() for name in method["recipes"]} == RECIPES.keys()
    assert all(name in shown for name in (*METHODS, *RECIPES))
    assert "Skorokhodov & Elhoseiny, 2021" in listed["class-norm"]["source"]


def test_methods_explains_every_setting() -> None:
    from unseen.benchmark.recipes import RECIPES
    from unseen.cli.methods import describe_one
    from unseen.methods import METHODS

    for name in (*METHODS, *RECIPES):
        described = describe_one(name)
        assert described["source"], name
        for setting, value in described["settings"].items():
            assert value["explanation"], (name, setting)


def test_methods_shows_a_recipe(command: Command) -> None:
    run = command("methods", "class-norm-notebook")

    assert "T1 69.7" in run.out
    assert re.search(r"divide_by +var ", run.out)


# unseen demo


def test_demo_compares_two_methods(command: Command, tmp_path: Path) -> None:
    run = command("demo", "-o", tmp_path / "new")

    assert run.code == 0
    assert run.out.count("hidden-class penalty") == 2
    assert (tmp_path / "new" / "demo-curve.png").read_bytes().startswith(b"\x89PNG")


# The command as a whole


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


def test_defects_of_ours_are_not_hidden(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr("unseen.data.load.load", broken)
    with pytest.raises(KeyError):
        command("data", "info", "digits")
