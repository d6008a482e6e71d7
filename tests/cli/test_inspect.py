"""``unseen inspect``: tables, figures, JSON, and what it refuses."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unseen.cli import main
from unseen.data.dataset import ZeroShotData
from unseen.data.load import save
from unseen.inspection.imbalance import inspect_imbalance
from unseen.inspection.probe import draw_probe
from unseen.inspection.stages import initial_embedder, scaled_cosine
from unseen.inspection.variance import measure_variances
from unseen.methods import METHODS
from unseen.methods.class_norm import ClassNorm
from unseen.methods.saving import load_model

Command = Callable[..., Any]

WHAT = ("variance", "gradients", "curvature")
STAGES = ("before_training", "after_training")


@pytest.mark.parametrize("what", WHAT)
def test_prints_a_table(command: Command, toys: Path, model: Path, what: str) -> None:
    run = command("inspect", model, toys / "toy.npz", "--what", what)

    assert run.code == 0, run.err
    assert "before training" in run.out
    assert "after training" in run.out
    assert "class-norm on toy" in run.out
    assert re.search(r"\d+ training rows, 8 seen classes", run.out)


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("columns", [40, 60, 80])
def test_a_narrow_terminal_loses_nothing(
    command: Command,
    toys: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    columns: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    run = command("inspect", model, toys / "toy.npz", "--what", what)

    assert "…" not in run.out
    assert max(map(len, run.out.splitlines())) <= columns
    assert run.out.count("training\n") + run.out.count("training ") >= 2


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_draws_a_figure(
    command: Command, toys: Path, model: Path, tmp_path: Path, what: str, suffix: str
) -> None:
    figure = tmp_path / f"figure.{suffix}"
    run = command("inspect", model, toys / "toy.npz", "--what", what, "-o", figure)

    assert run.code == 0, run.err
    start = figure.read_bytes()[:8]
    assert start.startswith(b"<?xml" if suffix == "svg" else b"\x89PNG")
    assert list(tmp_path.iterdir()) == [figure]


def test_json_of_variances_is_what_the_library_measures(
    command: Command, toys: Path, model: Path, toy: ZeroShotData
) -> None:
    run = command("inspect", model, toys / "toy.npz", "--json")
    found = json.loads(run.out)

    fitted = load_model(model)
    assert isinstance(fitted, ClassNorm)
    network = scaled_cosine(fitted)
    probe = draw_probe(toy, network, fitted.scale, rows=256, seed=0)
    embedders = (initial_embedder(fitted, 0), network.embedder)
    for stage, embedder in zip(STAGES, embedders, strict=True):
        expected = measure_variances(embedder, probe)
        told = found[stage]["variances"]
        assert [layer["name"] for layer in told["layers"]] == [x.name for x in expected.layers]
        assert told["logits"]["class_variance"] == pytest.approx(expected.logits.class_variance)
        assert told["preserved"] == pytest.approx(expected.preserved)
    assert (found["method"], found["seed"], found["rows"]) == ("class-norm", 0, 128)


def test_json_of_gradients_and_curvature(command: Command, toys: Path, model: Path) -> None:
    gradients = json.loads(
        command("inspect", model, toys / "toy.npz", "--what", "gradients", "--json").out
    )
    curvature = json.loads(
        command("inspect", model, toys / "toy.npz", "--what", "curvature", "--json").out
    )

    for stage in STAGES:
        assert [noise["weight"] for noise in gradients[stage]["noise"]] == ["first", "last"]
        assert gradients[stage]["descent"]["smoothness"] > 0
        loss = curvature[stage]["curvature"]["loss"]
        assert gradients[stage]["descent"]["losses"][0] == pytest.approx(loss, rel=1e-4)


def test_the_seed_draws_another_start(command: Command, toys: Path, model: Path) -> None:
    argv = ("inspect", model, toys / "toy.npz", "--json")
    own, same, other = (
        json.loads(command(*argv, *seed).out) for seed in ((), ("--seed", 0), ("--seed", 5))
    )

    assert own == same
    assert own["before_training"] != other["before_training"]


def test_a_model_without_seed_says_so(
    command: Command, toys: Path, toy: ZeroShotData, tmp_path: Path
) -> None:
    train = toy.subset("train")
    model = ClassNorm(hidden=8, epochs=1)
    model.fit(train.features, train.labels, toy.class_attributes).save_pretrained(tmp_path / "m")

    run = command("inspect", tmp_path / "m", toys / "toy.npz")

    assert run.code == 0
    assert "trained without a seed" in run.err


@pytest.mark.parametrize("settings", [("depth=0", "norm=none"), ("scale=none",)])
def test_linear_and_unscaled_models(
    command: Command, toys: Path, tmp_path: Path, quick: tuple[str, ...], settings: tuple[str, ...]
) -> None:
    data, folder = toys / "toy.npz", tmp_path / "m"
    more = (word for setting in settings for word in ("--set", setting))
    assert command("train", data, "-o", folder, "--penalty", "none", *quick, *more).code == 0

    for what in WHAT:
        assert command("inspect", folder, data, "--what", what).code == 0


def test_mlp_has_no_norm(command: Command, toys: Path, tmp_path: Path) -> None:
    data, folder = toys / "toy.npz", tmp_path / "m"
    argv = ("-m", "mlp", "--penalty", "none", "--set", "hidden=8", "--set", "epochs=1")
    assert command("train", data, "-o", folder, *argv).code == 0

    run = command("inspect", folder, data)

    assert "class norm 1" not in run.out
    assert "mlp on toy" in run.out


def test_other_methods_are_refused(
    command: Command, toys: Path, toy: ZeroShotData, tmp_path: Path
) -> None:
    others = [method for method in METHODS.values() if not issubclass(method, ClassNorm)]
    if not others:
        pytest.skip("there is no other method")
    train = toy.subset("train")
    other = others[0]().fit(train.features, train.labels, toy.class_attributes)
    other.save_pretrained(tmp_path / "m")

    run = command("inspect", tmp_path / "m", toys / "toy.npz")

    assert run.code == 2
    assert "class-norm and mlp" in run.err


@pytest.fixture(scope="session")
def eszsl(toys: Path) -> Path:
    """Returns the folder of a model that predicts no attributes: do not write to it."""
    assert main(["train", str(toys / "toy.npz"), "-m", "eszsl", "-o", str(toys / "eszsl")]) == 0

    return toys / "eszsl"


def test_imbalance_prints_a_table(command: Command, toys: Path, eszsl: Path) -> None:
    run = command("inspect", eszsl, toys / "toy.npz", "--what", "imbalance")

    assert run.code == 0, run.err
    assert re.search(r"test rows of\s+seen\s+unseen\s+all", run.out)
    assert re.search(r"classes\s+8\s+4\s+12\b", run.out)
    assert "worst attributes: attribute" in run.out
    assert "seen the test rows" in run.out


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_imbalance_in_a_narrow_terminal(
    command: Command, toys: Path, model: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    run = command("inspect", model, toys / "toy.npz", "--what", "imbalance")

    assert "…" not in run.out
    assert max(map(len, run.out.splitlines())) <= columns


def test_json_of_imbalance_is_what_the_library_measures(
    command: Command, toys: Path, eszsl: Path, toy: ZeroShotData, tmp_path: Path
) -> None:
    argv = ("inspect", eszsl, toys / "toy.npz", "--what", "imbalance")
    found = json.loads(command(*argv, "--json").out)
    run = command(*argv, "-o", tmp_path / "found.json")
    expected = inspect_imbalance(load_model(eszsl), toy)

    assert json.loads((tmp_path / "found.json").read_text()) == found
    assert run.code == 0
    assert list(found["groups"]) == ["seen", "unseen", "all"]
    for name, told in found["groups"].items():
        group = expected.groups[name]
        assert told["error_matrix"] == pytest.approx(group.matrix)
        assert told["spread"]["mean"] == pytest.approx(group.spread.mean)
        assert told["label_error_correlation"]["class"] == pytest.approx(group.class_correlation)
        assert told["theil"]["total"] == pytest.approx(group.theil.total)
        assert told["misclassification"]["wrong"] == group.misclassification.wrong
        assert told["mean_description"]["mean"] == pytest.approx(expected.baselines[name].mean)
        assert len(told["classes"]) == len(told["error_matrix"])
    assert found["method"] == "eszsl"


@pytest.mark.parametrize(
    ("suffix", "start"), [("html", b"<!doctype"), ("svg", b"<?xml"), ("png", b"\x89PNG")]
)
def test_imbalance_as_a_page_and_as_a_figure(
    command: Command, toys: Path, eszsl: Path, tmp_path: Path, suffix: str, start: bytes
) -> None:
    output = tmp_path / f"imbalance.{suffix}"
    run = command("inspect", eszsl, toys / "toy.npz", "--what", "imbalance", "-o", output)

    assert run.code == 0, run.err
    assert output.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [output]


@pytest.fixture(scope="session")
def rezsl(toys: Path) -> Path:
    """Returns the folder of a model whose loss has weights: do not write to it."""
    argv = ("-m", "rezsl", "--penalty", "none", "--set", "epochs=2")
    argv += ("--set", "batches=episodes", "--set", "ways=3")
    assert main(["train", str(toys / "toy.npz"), "-o", str(toys / "rezsl"), *argv]) == 0

    return toys / "rezsl"


def test_weights_of_the_loss_are_told_where_there_are_any(
    command: Command, toys: Path, rezsl: Path, eszsl: Path
) -> None:
    argv = (toys / "toy.npz", "--what", "imbalance")
    _, mean, greatest = load_model(rezsl).weight_history_[-1]
    out = " ".join(command("inspect", rezsl, *argv).out.split())

    told = f"last batch: mean {mean:.2f}, greatest {greatest:.2f} (3 of 8 seen classes)"
    assert told in out
    assert "weights" not in command("inspect", eszsl, *argv).out


def test_json_of_weights_is_what_the_library_says(
    command: Command, toys: Path, rezsl: Path, eszsl: Path, toy: ZeroShotData
) -> None:
    argv = (toys / "toy.npz", "--what", "imbalance", "--json")
    found = json.loads(command("inspect", rezsl, *argv).out)["weights"]
    expected = inspect_imbalance(load_model(rezsl), toy).weights

    assert expected is not None
    assert found["classes"] == [toy.class_names[label] for label in expected.classes]
    assert [row[0] is not None for row in found["matrix"]] == expected.known.tolist()
    for told, row in zip(found["matrix"], expected.matrix, strict=True):
        assert told == ([None] * len(row) if np.isnan(row).all() else pytest.approx(row))
    assert found["mean"] == pytest.approx(expected.mean)
    assert found["greatest"] == pytest.approx(expected.greatest)
    assert found["mean_normalized"] is False
    assert [one["epoch"] for one in found["history"]] == [1, 2]
    assert found["history"][-1]["greatest"] == pytest.approx(found["greatest"])
    assert json.loads(command("inspect", eszsl, *argv).out)["weights"] is None


def test_the_page_names_attributes_and_the_command(
    command: Command, toys: Path, eszsl: Path, tmp_path: Path
) -> None:
    names, page = tmp_path / "names.txt", tmp_path / "a page.html"
    names.write_text("".join(f"{row:5d}\tthe {row}. one\n" for row in range(1, 9)))
    argv = ("inspect", eszsl, toys / "toy.npz", "--what", "imbalance", "--seed", "3")
    run = command(*argv, "-o", page, "--attribute-names", names)

    assert run.code == 0, run.err
    text = page.read_text(encoding="utf-8")
    assert all(f">the {row}. one<" in text for row in range(1, 9))
    assert f"-o &#39;{page}&#39; --attribute-names {names} --seed 3" in text


def test_attributes_have_the_names_of_the_columns_of_a_table(
    command: Command, toys: Path, tmp_path: Path
) -> None:
    names = [f"property {letter}" for letter in "abcdefgh"]
    header, *classes = (toys / "tables" / "classes.csv").read_text().splitlines()
    assert header.count(",") == len(names)
    (tmp_path / "classes.csv").write_text("\n".join([f"name,{','.join(names)}", *classes]))
    shutil.copy(toys / "tables" / "rows.csv", tmp_path)
    model, page = tmp_path / "model", tmp_path / "page.html"
    assert command("train", tmp_path, "-m", "eszsl", "-o", model).code == 0

    for data in (tmp_path, toys / "toy.npz"):  # arrays have no names, and the model has
        argv = ("inspect", model, data, "--what", "imbalance")
        run = command(*argv, "-o", page)
        assert run.code == 0, run.err
        assert "worst attributes: property" in run.out
        assert all(f">{name}<" in page.read_text(encoding="utf-8") for name in names)
        assert json.loads(command(*argv, "--json").out)["attribute_names"] == names


def test_names_of_attributes_that_do_not_fit(
    command: Command, toys: Path, eszsl: Path, tmp_path: Path
) -> None:
    few, binary, twice = (tmp_path / name for name in ("few.txt", "binary.txt", "twice.txt"))
    few.write_text("furry\n\nfast\n")
    twice.write_text("furry\n" * 8)
    binary.write_bytes(b"\xff\xfe\x00")
    argv = ("inspect", eszsl, toys / "toy.npz", "--what", "imbalance", "--attribute-names")

    for path, told in (
        (few, "has 2 names, and the class table has 8"),
        (binary, "is not text"),
        (twice, "must be unique; more than once: furry."),
        (tmp_path / "none.txt", "No such file"),
    ):
        run = command(*argv, path)
        assert run.code == 2
        assert told in run.err


def test_a_model_of_other_seen_classes(
    command: Command, eszsl: Path, toy: ZeroShotData, tmp_path: Path
) -> None:
    save(replace(toy, class_attributes=toy.class_attributes[::-1].copy()), tmp_path / "other.npz")
    run = command("inspect", eszsl, tmp_path / "other.npz", "--what", "imbalance")

    assert run.code == 2
    assert "do not agree on which classes are seen" in run.err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("--what", "imbalance", "-o", "figure.pdf"), ".html, .htm, .svg, .png or .json"),
        (("--what", "variance", "-o", "figure.html"), "must end in .svg or .png"),
        (("--attribute-names", "names.txt"), "is for `--what imbalance`"),
        (("--what", "varience"), "varience"),
        (("-o", "figure.pdf"), "must end in .svg or .png"),
        (("-o", "no/such/folder/figure.png"), "mkdir -p no/such/folder"),
        (("--seed", "-1"), "--seed"),
    ],
)
def test_wrong_input(
    command: Command, toys: Path, model: Path, argv: tuple[str, ...], told: str
) -> None:
    run = command("inspect", model, toys / "toy.npz", *argv)

    assert run.code == 2
    assert told in run.err


def test_data_of_another_width(
    command: Command, model: Path, toy: ZeroShotData, tmp_path: Path
) -> None:
    save(replace(toy, features=toy.features[:, :9]), tmp_path / "narrow.npz")

    run = command("inspect", model, tmp_path / "narrow.npz")

    assert run.code == 2
    assert "9 features" in run.err
