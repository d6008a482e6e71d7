"""``unseen benchmark`` from end to end: tables, errors, resuming, kills, neighbours."""

import json
import os
import re
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from unseen.benchmark.recipes import RECIPES, Recipe
from unseen.benchmark.runs import Failure
from unseen.benchmark.store import read_records
from unseen.cli.benchmark import method_names
from unseen.cli.benchmark_table import Scoreboard
from unseen.cli.table_names import split_table
from unseen.data.load import load, save
from unseen.data.simulate import simulate_toy
from unseen.methods import METHODS
from unseen.methods.class_norm import MLP, ClassNorm
from unseen.training.loop import TrainingError

MEASURES = ("zsl_accuracy", "unseen_accuracy", "seen_accuracy", "harmonic_mean", "ausuc")
NOT_REPEATED = ("seconds", "peak_memory_mb", "finished")

Command = Callable[..., Any]
StartFork = Callable[..., Any]

# Two tiny recipes, for a process of their own.
TINY = """
from unseen.benchmark.recipes import RECIPES, Recipe
from unseen.methods.class_norm import MLP, ClassNorm
tiny = {"hidden": 8, "epochs": 4, "batch_size": 32, "precision": "float32"}
RECIPES["tiny-mlp"] = lambda: Recipe(MLP(**tiny))
RECIPES["tiny-norm"] = lambda: Recipe(ClassNorm(**tiny))
"""


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds two recipes that train in a moment."""
    settings: dict[str, Any] = {
        "hidden": 8,
        "epochs": 3,
        "batch_size": 32,
        "precision": "float32",
    }
    monkeypatch.setitem(RECIPES, "tiny-mlp", lambda: Recipe(MLP(**settings)))
    monkeypatch.setitem(RECIPES, "tiny-norm", lambda: Recipe(ClassNorm(**settings)))
    monkeypatch.setattr(MLP, "search_space", {"scale": [1.0, 5.0]})


@pytest.fixture
def run(command: Command, tiny: None, toys: Path, tmp_path: Path) -> Command:  # noqa: ARG001
    """Returns a function that compares on toy data, in this process."""

    def benchmark(*argv: object) -> Any:
        return command(
            "benchmark", toys / "toy.npz", "-o", tmp_path / "runs", "--workers", 1, *argv
        )

    return benchmark


def comparable(value: Any) -> Any:
    """Returns a record without what differs each time."""
    if isinstance(value, dict):
        return {key: comparable(each) for key, each in value.items() if key not in NOT_REPEATED}
    if isinstance(value, list):
        return [comparable(each) for each in value]

    return value


def test_a_comparison_prints_a_table_and_records_each_run(run: Command, tmp_path: Path) -> None:
    done = run("-m", "mlp, tiny-norm", "--seeds", 2)

    found = read_records(tmp_path / "runs")
    assert done.code == 0
    assert [each["kind"] for each in found] == ["choice", "run", "run"] * 2
    assert {each["recipe"] for each in found} == {None, "tiny-norm"}
    assert all(len(row) <= 80 for row in done.out.splitlines())
    assert done.out.split()[:7] == ["percent", "T1", "U", "S", "H", "AUSUC", "runs"]
    assert "±" in done.out
    assert done.out.count("2/2") == 2
    lines = done.err.splitlines()
    assert "toy: mlp: chose scale=" in lines[0]
    assert "in 6 fits" in lines[0]
    assert "tiny-norm: chose the penalty in 3 fits" in lines[3]
    assert "toy: tiny-norm, seed 1: T1 " in lines[5]
    assert "(4/4, 0:00 left)" in lines[5]
    assert lines[6] == f"next: unseen report {tmp_path / 'runs'}"


def test_a_terminal_shows_a_live_table(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    done = run("-m", "tiny-mlp,tiny-norm", "--seeds", 2)

    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", done.err)
    assert re.search(r"runs ━+ 4/4 0:00 left", plain)
    assert "AUSUC" in plain
    assert "seed 1:" not in plain
    assert max(map(len, plain.splitlines()[:-1])) <= 80


def test_the_time_left_is_judged_by_what_is_finished() -> None:
    def unit(name: str) -> Any:
        data = {"name": "toy", "attributes": None, "path": "toy.npz", "sha256": {}}
        return SimpleNamespace(
            key=lambda seed=None: (name, seed), seeds=(0, 1, 2), choice_fits=4, data=data
        )

    first, second = unit("first"), unit("second")
    board = Scoreboard([first, second])
    assert board.seconds_left() is None

    board.add(first, {"kind": "choice", "choice": {"fits": 4, "seconds": 8.0}})
    assert board.seconds_left() == 3 * 2 + 8 + 3 * 2
    for seed in (0, 1):
        board.add(first, {"kind": "run", "seed": seed, "seconds": {"fit": 4.0, "predict": 1.0}})
    assert board.seconds_left() == 5 + 8 + 3 * 5
    board.workers = 2
    assert board.seconds_left() == 8 + 3 * 5  # the longer of the two
    board.add(second, Failure(None, "lost"))
    assert board.seconds_left() == 5
    board.add(first, Failure(2, "lost"))
    assert board.seconds_left() == 0


@pytest.mark.parametrize("selection", ["oracle", "last"])
def test_a_narrow_table_keeps_names_and_drops_deviations(
    run: Command, monkeypatch: pytest.MonkeyPatch, selection: str
) -> None:
    monkeypatch.setitem(RECIPES, "class-norm-notebook", RECIPES["tiny-norm"])
    words = ("-m", "tiny-mlp,class-norm-notebook", "--seeds", 2, "--selection", selection)
    monkeypatch.setenv("COLUMNS", "80")
    wide = run(*words).out
    monkeypatch.setenv("COLUMNS", "60")
    narrow = run(*words).out

    title = {"oracle": "oracle: chosen on test classes, a bound", "last": "settings as given"}
    for out in (wide, narrow):
        assert out.splitlines()[0].strip() == title[selection]
        assert "  class-norm-notebook " in out
    assert ("±" in wide, "±" in narrow) == (True, False)
    assert max(map(len, narrow.splitlines())) <= 60


def test_runs_of_another_version_are_told(run: Command, tmp_path: Path) -> None:
    assert "to compare like with like" not in run("-m", "tiny-mlp", "--seeds", 1).err
    store = tmp_path / "runs" / "runs.jsonl"
    store.write_text(store.read_text().replace('"unseen": "', '"unseen": "0.0.'))

    assert "some runs are of unseen 0.0." in run("-m", "tiny-mlp", "--seeds", 1).err


def test_data_of_one_name_stand_by_their_paths(
    command: Command, toys: Path, tmp_path: Path
) -> None:
    paths = [toys / "toy.npz", tmp_path / "toy.npz"]
    save(simulate_toy(random_state=5), paths[1])
    words = (*paths, "-m", "eszsl", "--selection", "last", "--workers", 1, "-o", tmp_path / "runs")
    done = command("benchmark", *words, "--json")

    assert [(one["data"], one["path"]) for one in json.loads(done.out)["results"]] == [
        ("toy", str(path)) for path in paths
    ]
    for path in paths:
        assert f"{path}: eszsl, seed 0" in done.err


def test_json_has_the_table(run: Command, tmp_path: Path) -> None:
    done = json.loads(run("-m", "tiny-mlp", "--seeds", 2, "--json").out)

    (row,) = done["results"]
    found = [each for each in read_records(tmp_path / "runs") if each["kind"] == "run"]
    assert done["store"] == str(tmp_path / "runs" / "runs.jsonl")
    assert done["failures"] == []
    assert (row["method"], row["data"], row["seeds"]) == ("tiny-mlp", "toy", [0, 1])
    assert row["chosen"] == found[0]["chosen"]
    for measure in MEASURES:
        first, second = (each["metrics"][measure] for each in found)
        assert row[measure]["mean"] == pytest.approx((first + second) / 2)
        assert row[measure]["std"] == pytest.approx(abs(first - second) / 2**0.5)


def test_the_same_command_repeats_nothing(run: Command, tmp_path: Path) -> None:
    first = run("-m", "tiny-mlp", "--seeds", 1)
    before = (tmp_path / "runs" / "runs.jsonl").read_bytes()
    second = run("-m", "tiny-mlp", "--seeds", 1)

    assert (tmp_path / "runs" / "runs.jsonl").read_bytes() == before
    assert "all runs are in" in second.err
    assert second.out == first.out

    third = run("-m", "tiny-mlp", "--seeds", 2)
    assert [each["seed"] for each in read_records(tmp_path / "runs")] == [None, 0, 1]
    assert "chose" not in third.err


def test_other_class_tables_and_selections_are_other_runs(
    command: Command, run: Command, toys: Path, tmp_path: Path
) -> None:
    run("-m", "tiny-norm", "--seeds", 1, "--selection", "last")
    oracle = run("-m", "tiny-norm", "--seeds", 1, "--selection", "oracle")
    both = [toys / "toy.npz", f"{toys / 'toy.npz'}:words", f"{toys / 'toy.npz'}:words"]
    words = ("-m", "tiny-norm", "--seeds", 1, "-o", tmp_path / "runs", "--workers", 1)
    done = command("benchmark", *both, *words)

    found = [each for each in read_records(tmp_path / "runs") if each["kind"] == "run"]
    assert [(each["selection"], each["data"]["attributes"]) for each in found] == [
        ("last", None),
        ("oracle", None),
        ("hidden", None),
        ("hidden", "words"),
    ]
    assert "oracle: chosen on test classes" in oracle.out
    assert "toy:words" in done.out
    assert found[0]["metrics"]["penalty"] == "none"


def test_all_is_every_method_once() -> None:
    every = [name for name, kind in METHODS.items() if kind.same_as is None]
    assert len(every) == len(METHODS) - 1  # recursive-ridge is eszsl
    assert method_names("all") == every
    assert method_names("recursive-ridge,eszsl") == ["recursive-ridge", "eszsl"]
    assert method_names("mlp,, eszsl,") == ["mlp", "eszsl"]
    assert method_names("mlp, all,mlp-paper,mlp") == list(
        dict.fromkeys(["mlp", *every, "mlp-paper"])
    )


def test_a_path_that_exists_wins_over_a_class_table(toys: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "a:b.npz")
    Path(path).symlink_to(toys / "toy.npz")

    assert split_table(path) == (path, None)
    assert split_table(f"{path}:words") == (path, "words")
    assert split_table("toy.npz:") == ("toy.npz:", None)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-m", "tiny-mlb"], "There is no method or recipe 'tiny-mlb'. Did you mean 'tiny-mlp'?"),
        (["-m", ","], "`-m` names no method"),
        (["-m", "ESZSL"], "There is no method or recipe 'ESZSL'. Did you mean 'eszsl'?"),
        (["--seeds", 0], "`--seeds` must be a whole number from 1; got 0"),
        (["--trials", 0], "`--trials` must be a whole number from 1; got 0"),
        (["--trials", 2, "--selection", "last"], "`--trials` needs a choice to make"),
        (["--selection", "hiden"], "hiden"),
        (["--set", "lr=1"], "There is no `--set` here: `unseen train` and `unseen continual` take"),
    ],
)
def test_wrong_input_starts_nothing(
    run: Command, tmp_path: Path, argv: list[object], message: str
) -> None:
    done = run(*argv)

    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "runs").exists()


def test_wrong_data_and_places_start_nothing(
    command: Command,
    toys: Path,
    tiny: None,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    start = ("benchmark", "-m", "tiny-mlp", "--seeds", 1)
    cases = [
        ((toys / "toi.npz", "-o", tmp_path / "runs"), "Did you mean"),
        ((f"{toys / 'toy.npz'}:wrds", "-o", tmp_path / "runs"), "Did you mean 'words'?"),
        ((toys / "toy.npz", "-o", tmp_path / "no" / "runs"), "mkdir -p"),
        ((toys / "toy.npz", "-o", toys / "toy.npz"), "is a file"),
        (("-o", tmp_path / "runs"), "DATA is missing"),
    ]

    for argv, message in cases:
        done = command(*start, *argv)
        assert (done.code, message in done.err) == (2, True), done.err
    assert not (tmp_path / "runs").exists()


def test_data_without_rehearsals_start_nothing(
    command: Command,
    toys: Path,
    tiny: None,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    toy = load(toys / "toy.npz")
    _, first = np.unique(toy.labels[toy.train], return_index=True)
    few = {
        "three.npz": (simulate_toy(classes=5, unseen=2), "at least four seen classes"),
        "one.npz": (replace(toy, train=toy.train[first]), "in 3 of 3 folds none has two training"),
    }

    for name, (data, message) in few.items():
        save(data, tmp_path / name)
        start = ("benchmark", tmp_path / name, "-m", "tiny-mlp", "--seeds", 1)
        done = command(*start, "-o", tmp_path / "runs")
        assert (done.code, message in done.err) == (2, True), done.err
        assert "it can be compared with `--selection last`" in done.err
        assert not (tmp_path / "runs").exists()


def test_a_setting_that_does_not_fit_starts_nothing(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MLP, "search_space", {"scale": [1.0, -5.0]})
    done = run("-m", "tiny-norm,mlp")

    assert done.code == 2
    assert "`scale` must be a number greater than 0; got -5.0" in done.err
    assert not (tmp_path / "runs").exists()


def test_a_failed_run_is_told_and_tried_again(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = MLP.fit

    def failing(self: MLP, *args: Any, **kwargs: Any) -> MLP:
        if self.random_state == 1:
            raise TrainingError("The loss is not finite.")
        return fit(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(MLP, "fit", failing)
        done = run("-m", "tiny-mlp,tiny-norm", "--seeds", 3)

    assert done.code == 1
    assert "failed: tiny-mlp on toy, seed 1: The loss is not finite." in done.err
    assert "2/3" in done.out
    assert "3/3" in done.out

    with monkeypatch.context() as patch:
        patch.setattr(MLP, "search_space", {"scale": [1.0]})
        patch.setattr(MLP, "fit_candidates", lambda *_: 1 / 0)
        lost = run("-m", "mlp", "--seeds", 1)
    assert lost.code == 1
    assert "next:" not in lost.err

    assert run("-m", "tiny-mlp,tiny-norm", "--seeds", 3).code == 0
    assert len(read_records(tmp_path / "runs")) == 8


def test_a_wider_search_counts_its_fits(run: Command, tmp_path: Path) -> None:
    done = run("-m", "mlp,tiny-norm", "--seeds", 1, "--trials", 3)
    assert done.code == 0
    assert "note: `--trials` leaves tiny-norm as they are" in done.err

    choice = read_records(tmp_path / "runs")[0]
    assert choice["choice"]["fits"] == 9
    assert len({each["settings"]["scale"] for each in choice["choice"]["candidates"]}) == 3
    assert "--trials 3" in choice["command"]


def test_ten_kills_leave_the_store_of_an_undisturbed_benchmark(
    toys: Path, kill_ten_times: Callable[..., tuple[Path, list[Path]]]
) -> None:
    words = ["-m", "tiny-mlp,tiny-norm", "--seeds", 6, "--workers", 1]
    undisturbed, stores = kill_ten_times("benchmark", toys / "toy.npz", *words, before=TINY)

    whole = read_records(undisturbed)
    assert len(whole) == 2 * 7
    for store in stores:
        found = [each | {"command": ""} for each in comparable(read_records(store))]
        assert found == [each | {"command": ""} for each in comparable(whole)]


def test_two_benchmarks_share_a_store(fork: StartFork, toys: Path, tmp_path: Path) -> None:
    words = ("benchmark", toys / "toy.npz", "-m", "mlp", "--seeds", 3, "-o", tmp_path / "runs")
    processes = [fork(*words, "--workers", 1) for _ in range(2)]
    first, second = (process.end() for process in processes)

    found = read_records(tmp_path / "runs")
    assert (first.code, second.code) == (0, 0)
    assert first.out == second.out
    assert sorted((each["kind"], each["seed"] or 0) for each in found) == [
        ("choice", 0),
        ("run", 0),
        ("run", 1),
        ("run", 2),
    ]


def test_ctrl_c_says_how_to_go_on(fork: StartFork, toys: Path, tmp_path: Path) -> None:
    words = ("-m", "mlp", "--seeds", 300, "-o", tmp_path / "runs", "--workers", 1)
    process = fork("benchmark", toys / "toy.npz", *words)
    file = tmp_path / "runs" / "runs.jsonl"
    process.wait_until(lambda: file.exists() and len(read_records(file)) > 1)
    os.kill(process.pid, signal.SIGINT)
    run = process.end()

    done = len(read_records(tmp_path / "runs")) - 1
    assert run.code == 130
    assert f"interrupted: {done} of 300 runs are in {tmp_path / 'runs'}" in run.err
    assert "the same command goes on. A choice of settings that was under way is made" in run.err
    assert "Traceback" not in run.err
