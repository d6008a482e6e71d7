"""``unseen evaluate``: tables, penalties, classes, notes."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unseen.data.load import load, save
from unseen.methods.saving import load_model

MEASURES = {"zsl_accuracy", "unseen_accuracy", "seen_accuracy", "harmonic_mean", "ausuc"}
PENALTIES = ("no_penalty", "hidden_class_penalty", "oracle")

Command = Callable[..., Any]


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
