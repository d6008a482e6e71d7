"""The unit of work: what it records, what identifies it, what a failure leaves."""

import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unseen.benchmark import runs
from unseen.benchmark.comparison import compare, left_to_do
from unseen.benchmark.evaluation import evaluate
from unseen.benchmark.recipes import RECIPES, Recipe
from unseen.benchmark.runs import Failure, Unit, describe_data
from unseen.benchmark.store import Record, RunStore
from unseen.data.dataset import ZeroShotData
from unseen.data.load import load, save
from unseen.data.simulate import simulate_toy
from unseen.decide import SeenPenalty
from unseen.methods import METHODS
from unseen.methods.class_norm import MLP, ClassNorm
from unseen.training.loop import TrainingError

TINY: dict[str, Any] = {"hidden": 16, "epochs": 3, "batch_size": 32, "precision": "float32"}
PENALTY = SeenPenalty("offset", 0.5, "set by the authors")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "toy.npz"
    save(simulate_toy(), file)

    return file


@pytest.fixture(scope="module")
def data(path: Path) -> ZeroShotData:
    return load(path)


@pytest.fixture
def unit(path: Path, data: ZeroShotData) -> Unit:
    return Unit(
        name="mlp",
        recipe=Recipe(MLP(**TINY), PENALTY),
        path=str(path),
        attributes=None,
        data=describe_data(data, str(path), None),
        seeds=(0, 1),
        command="unseen benchmark toy.npz",
    )


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives the method two candidates."""
    monkeypatch.setattr(MLP, "search_space", {"scale": [0.01, 5.0]})


def records(outcomes: Iterator[Any]) -> list[Record]:
    found = list(outcomes)
    assert not [outcome for outcome in found if isinstance(outcome, Failure)], found

    return found


@pytest.mark.usefixtures("space")
def test_a_unit_records_a_choice_and_its_runs(unit: Unit, data: ZeroShotData) -> None:
    choice, *others = records(unit())

    assert [(each["kind"], each["seed"]) for each in (choice, *others)] == [
        ("choice", None),
        ("run", 0),
        ("run", 1),
    ]
    assert choice["chosen"] == {"scale": 5.0}
    assert choice["choice"]["fits"] == 6
    assert [one["settings"] for one in choice["choice"]["candidates"]] == [
        {"scale": 0.01},
        {"scale": 5.0},
    ]
    for run in others:
        assert run["chosen"] == choice["chosen"]
        assert run["choice"] == choice["choice"]
        assert run["settings"] == {**MLP(**TINY).get_params(), "random_state": run["seed"]}
        assert run["data"]["rows"] == {"train": 128, "test_seen": 32, "test_unseen": 80}
        assert run["data"]["classes"] == {"seen": 8, "unseen": 4}
        assert run["data"]["unseen_classes"] == [
            name for name, seen in zip(data.class_names, data.seen, strict=True) if not seen
        ]
        assert (run["method"], run["recipe"], run["setting"]) == ("mlp", None, "inductive")
        assert run["peak_memory_mb"] > 50
        assert run["seconds"]["fit"] > 0
        assert set(run["versions"]) >= {"unseen", "python", "torch", "scikit-learn"}
        assert run["machine"]["cores"] >= run["machine"]["threads"] >= 1
        assert run["warnings"] == []
        json.dumps(run, allow_nan=False)


def test_metrics_are_those_of_a_training_by_hand(unit: Unit, data: ZeroShotData) -> None:
    choice, run, _ = records(unit())

    rows = data.subset("train")
    model = MLP(**TINY | choice["chosen"], random_state=0)
    model.fit(rows.features, rows.labels, data.class_attributes)
    model.seen_penalty_ = SeenPenalty(**choice["choice"]["penalty"])
    expected = evaluate(model, data).to_json()

    assert run["metrics"].items() <= expected.items()
    assert run["per_class"].keys() == expected["per_class"].keys()
    assert run["metrics"]["selection"] == "chosen on hidden seen classes"
    seen, unseen = run["curve"]["seen"], run["curve"]["unseen"]
    assert 2 < len(seen) == len(unseen) <= 101
    assert (seen[0], unseen[-1]) == (0, 0)
    assert -np.trapezoid(seen, unseen) == pytest.approx(run["metrics"]["ausuc"], abs=0.02)


def test_the_last_takes_the_recipe_as_it_is(unit: Unit) -> None:
    first, second = records(replace(unit, selection="last")())

    assert (first["choice"], first["chosen"]) == (None, {})
    assert first["metrics"]["selection"] == second["metrics"]["selection"] == "set by the authors"
    without = replace(unit, selection="last", recipe=Recipe(MLP(**TINY)))
    assert records(without())[0]["metrics"]["selection"] == "none"


def test_the_oracle_says_so_everywhere(unit: Unit) -> None:
    choice, run, _ = records(replace(unit, selection="oracle")())

    assert choice["choice"]["selection"] == "oracle: chosen on test classes"
    assert run["choice"]["selection"] == run["metrics"]["selection"]
    assert run["metrics"]["selection"] == "oracle: chosen on test classes"
    assert run["metrics"]["harmonic_mean"] == run["metrics"]["oracle"]["harmonic_mean"]


def test_data_without_unseen_test_rows(tmp_path: Path, unit: Unit) -> None:
    toy = simulate_toy()
    kept = np.sort(np.concatenate([toy.train, toy.test_seen]))
    part = replace(
        toy,
        features=toy.features[kept],
        labels=toy.labels[kept],
        train=np.searchsorted(kept, toy.train),
        test_seen=np.searchsorted(kept, toy.test_seen),
        test_unseen=np.empty(0, dtype=np.int64),
    )
    save(part, tmp_path / "part.npz")
    other = load(tmp_path / "part.npz")
    unit = replace(unit, path=str(tmp_path / "part.npz"), data=describe_data(other, "", None))
    run = records(unit())[1]

    assert run["curve"] is None
    assert run["metrics"]["zsl_accuracy"] is None
    assert run["metrics"]["seen_accuracy"] > 0


def test_a_finished_choice_is_not_made_again(unit: Unit, tmp_path: Path) -> None:
    choice = next(iter(unit()))
    store = RunStore(tmp_path / "runs")
    store.append(choice)
    rest = left_to_do(unit, store.records())

    assert rest is not None
    assert rest.choice == choice
    assert [each["kind"] for each in records(rest())] == ["run", "run"]
    assert [each["key"] for each in records(rest())] == [unit.key(0), unit.key(1)]


def test_what_is_recorded_is_left_out(unit: Unit, tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    assert len(list(compare([unit], store))) == 3

    assert left_to_do(unit, store.records()) is None
    assert not list(compare([unit], store))
    more = replace(unit, seeds=(0, 1, 2))
    assert [outcome["seed"] for _, outcome in compare([more], store)] == [2]


@pytest.mark.usefixtures("space")
@pytest.mark.parametrize("selection", ["hidden", "oracle"])
def test_a_recipe_keeps_its_settings(
    unit: Unit, selection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "tiny", lambda: unit.recipe)
    recipe = replace(unit, name="tiny", selection=selection, seeds=(0,), trials=5)
    choice, run = records(recipe())

    assert choice["chosen"] == run["chosen"] == {}
    assert choice["choice"]["fits"] == recipe.choice_fits == (3 if selection == "hidden" else 1)
    assert [model.get_params() for model in recipe.candidates()] == [
        unit.recipe.method.get_params()
    ]
    assert recipe.key() == replace(recipe, trials=None).key()


@pytest.mark.usefixtures("space")
def test_keys_tell_apart_what_differs_and_nothing_else(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(**changes: Any) -> Unit:
        return replace(unit, data={**unit.data, **changes})

    same = [
        replace(unit, command="another", seeds=(5,), path="elsewhere/toy.npz"),
        replace(unit, recipe=Recipe(MLP(**TINY, random_state=7))),  # the penalty is chosen
        changed(path="elsewhere/toy.npz"),
    ]
    other = [
        replace(unit, selection="last"),
        replace(unit, selection="oracle"),
        replace(unit, trials=3),
        replace(unit, attributes="words"),
        replace(unit, name="mlp-tiny"),
        replace(unit, recipe=Recipe(MLP(**TINY, depth=1))),
        replace(unit, recipe=Recipe(ClassNorm(**TINY)), name="class-norm"),
        changed(sha256={"toy.npz": "0" * 64}),
        changed(name="yot"),
    ]
    keys = [unit.key(), unit.key(0), unit.key(1), *(each.key(0) for each in other)]
    assert len(set(keys)) == len(keys)
    assert {each.key(0) for each in same} == {unit.key(0)}

    last = replace(unit, selection="last")
    unpenalized = replace(last, recipe=Recipe(MLP(**TINY)))
    assert last.key(0) != unpenalized.key(0)

    before = [unit.key(0), last.key(0)]
    monkeypatch.setattr(MLP, "search_space", {"scale": [1.0, 5.0]})
    fresh, fresh_last = replace(unit), replace(last)
    assert fresh.key(0) != before[0]
    assert fresh_last.key(0) == before[1]


def test_a_failed_seed_does_not_stop_the_others(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = MLP.fit

    def failing(self: MLP, *args: Any, **kwargs: Any) -> MLP:
        if self.random_state == 1:
            raise TrainingError("the loss is not finite")
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(MLP, "fit", failing)
    outcomes = list(replace(unit, seeds=(0, 1, 2))())

    assert outcomes[2] == Failure(1, "the loss is not finite")
    assert [each["seed"] for each in (outcomes[1], outcomes[3])] == [0, 2]


def test_a_failed_choice_fails_the_unit(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr(runs, "choose", failing)
    (failure,) = unit()

    assert failure.seed is None
    assert "Traceback" in failure.message
    assert "a defect" in failure.message


def test_data_that_changed_meanwhile(unit: Unit) -> None:
    (failure,) = replace(unit, data={**unit.data, "sha256": {"toy.npz": "0" * 64}})()

    assert "The data changed since the benchmark began" in failure.message


def test_warnings_are_recorded(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = MLP.fit

    def warning(self: MLP, *args: Any, **kwargs: Any) -> MLP:
        warnings.warn("something odd", UserWarning, stacklevel=1)
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(MLP, "fit", warning)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        found = records(unit())

    assert [each["warnings"] for each in found] == [["something odd"]] * 3


@pytest.mark.parametrize("name", METHODS)
def test_search_spaces_are_small_and_survive_json(name: str) -> None:
    method = METHODS[name]()
    space = {key: list(values) for key, values in method.search_space.items()}

    assert json.loads(json.dumps(space)) == space
    assert set(space) <= set(method.get_params())
    assert np.prod([len(values) for values in space.values()]) <= 49
