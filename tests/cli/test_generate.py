"""``unseen generate``: files that other commands read, of classes that nobody has seen."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from unseen.data.array_data import read_class_names
from unseen.data.arrays import open_arrays
from unseen.data.tables import read_features
from unseen.methods.generative import GenerativeZeroShotClassifier
from unseen.methods.saving import load_model

Command = Callable[..., Any]
QUICK = ("--set", "hidden=16", "--set", "epochs=2", "--set", "batch_size=32")


@pytest.fixture(scope="module")
def flow(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of a generative model: do not write to it."""
    from unseen.cli import main

    folder = tmp_path_factory.mktemp("flow") / "model"
    argv = ["train", str(toys / "toy.npz"), "-m", "izf", "-o", str(folder), "--penalty", "none"]
    assert main([*argv, *QUICK]) == 0

    return folder


def read_classes(path: Path) -> tuple[tuple[str, ...], NDArray]:
    file = open_arrays(path)

    return read_class_names(file), file.read("class_attributes")


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_features_of_the_unseen_classes(
    command: Command, flow: Path, tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / f"made{suffix}"
    run = command("generate", flow, "-o", output, "-n", 5, "--seed", 7)
    model = load_model(flow)
    names, table = read_classes(output)
    assert isinstance(model, GenerativeZeroShotClassifier)
    features, labels = model.generate(table, 5, random_state=7)

    assert run.code == 0, run.err
    assert "20 rows of 4 class(es) written" in run.err
    assert names == tuple(np.array(model.class_names_)[~model.seen_])
    assert_array_equal(table, model.class_attributes_[~model.seen_])
    assert_array_equal(read_features(output), features)
    assert_array_equal(open_arrays(output).read("labels"), labels)
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_attributes_in_another_order_are_refused(
    command: Command, toys: Path, tmp_path: Path
) -> None:
    model, output = tmp_path / "model", tmp_path / "made.npz"
    train = ("train", toys / "tables", "-m", "izf", "-o", model, "--penalty", "none", *QUICK)
    assert command(*train).code == 0
    header, rest = (toys / "tables" / "classes.csv").read_text().split("\n", 1)
    name, *attributes = header.split(",")
    moved = tmp_path / "moved.csv"
    moved.write_text(",".join([name, *attributes[::-1]]) + "\n" + rest)

    run = command("generate", model, "--classes", moved, "-o", output, "-n", 2)
    assert run.code == 2
    assert "attribute columns" in run.err
    assert not output.exists()
    own = toys / "tables" / "classes.csv"
    assert command("generate", model, "--classes", own, "-o", output, "-n", 2).code == 0


def test_features_of_new_classes_and_other_seeds(
    command: Command, flow: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    lines = ["name," + ",".join(f"a{i}" for i in range(8))]
    lines += [f"{name}," + ",".join(map(str, rng.random(8))) for name in ("gnu", "émeu")]
    (tmp_path / "new.csv").write_text("\n".join(lines), encoding="utf-8")
    made = []
    for seed in (0, 0, 1):
        output = tmp_path / f"{len(made)}.safetensors"
        run = command(
            "generate", flow, "--classes", tmp_path / "new.csv", "-o", output, "--seed", seed
        )
        assert run.code == 0, run.err
        made.append(read_features(output))

    assert read_classes(output)[0] == ("gnu", "émeu")
    assert made[0].shape == (200, 16)
    assert_array_equal(made[0], made[1])
    assert (made[0] != made[2]).any()


def test_many_rows_are_written_in_parts(command: Command, flow: Path, tmp_path: Path) -> None:
    run = command("generate", flow, "-o", tmp_path / "made.npz", "-n", 1000)

    assert run.code == 0, run.err
    assert read_features(tmp_path / "made.npz").shape == (4000, 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-o", "made.csv"), "give `--output` one of these suffixes, not '.csv'"),
        (("-o", "made.npz", "--seed", "-1"), "`--seed` must be a whole number from 0"),
        (("-o", "made.npz", "--classes", "none.csv"), "none.csv"),
        (("-o", "no/such/made.npz"), "the folder no/such does not exist"),
        (("-o", "made.npz", "-n", "0"), "`--rows` must be a whole number from 1; got 0."),
        (("-o", "made.npz", "-n", "1.5"), 'whole number; got "1.5"'),
        (("-o", "made.npz", "-n", "9" * 15), "GB left: make fewer"),
        (("-o", "made.npz", "-n", "9" * 40), "GB left: make fewer"),
    ],
)
def test_wrong_input(
    command: Command,
    flow: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    run = command("generate", flow, *options)

    assert run.code == 2
    assert message in run.err
    assert not list(tmp_path.iterdir())


def test_too_little_memory_names_the_rows(
    command: Command, flow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("unseen.data.arrays.write_npz", no_memory)
    run = command("generate", flow, "-o", tmp_path / "made.npz")

    assert run.code == 2
    assert "too small for this: try fewer `--rows`." in run.err


def test_it_does_not_replace_the_model(command: Command, flow: Path) -> None:
    before = (flow / "model.safetensors").read_bytes()
    run = command("generate", flow, "-o", flow / "model.safetensors")

    assert run.code == 2
    assert "is in the folder of the model" in run.err
    assert (flow / "model.safetensors").read_bytes() == before


def test_sigterm_leaves_no_half_written_file(
    command: Command, flow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        assert list(tmp_path.iterdir())  # it is being written
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("unseen.data.arrays.write_blocks", stop)
    run = command("generate", flow, "-o", tmp_path / "made.npz")

    assert (run.code, run.err) == (143, "interrupted\n")
    assert not list(tmp_path.iterdir())


def test_descriptions_of_another_width(command: Command, flow: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("name,a0,a1\ngnu,0.1,0.2\n")
    run = command("generate", flow, "--classes", tmp_path / "new.csv", "-o", tmp_path / "made.npz")

    assert run.code == 2
    assert "must have 8 columns, as in `fit`; got 2" in run.err


def test_a_method_that_makes_no_features(command: Command, model: Path, tmp_path: Path) -> None:
    run = command("generate", model, "-o", tmp_path / "made.npz")

    assert run.code == 2
    assert (
        "holds a model of ClassNorm, which makes no features; train a method that does: " in run.err
    )
    assert "izf" in run.err


def test_a_model_that_saw_every_class(command: Command, toys: Path, tmp_path: Path) -> None:
    from unseen.data.load import load
    from unseen.methods.izf import IZF

    data = load(toys / "toy.npz")
    rows = np.searchsorted(np.flatnonzero(data.seen), data.labels[data.train])
    model = IZF(hidden=8, epochs=1, random_state=0)
    model.fit(data.features[data.train], rows, data.class_attributes[data.seen])
    model.save_pretrained(tmp_path / "model")
    run = command("generate", tmp_path / "model", "-o", tmp_path / "made.npz")

    assert run.code == 2
    assert "had examples; describe others with `--classes`" in run.err
