"""The unit of a continual comparison: its record, its rates and what it leaves behind."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unseen.benchmark.runs import Failure, describe_data
from unseen.continual import units
from unseen.continual.heads import class_norm_head
from unseen.continual.icarl import ICaRL
from unseen.continual.learner import ContinualLearner
from unseen.continual.replay import ExperienceReplay
from unseen.continual.run import run_stream
from unseen.continual.strategy import Strategy
from unseen.continual.streams import make_stream
from unseen.continual.units import StreamUnit, check_model, tune
from unseen.data.dataset import ZeroShotData
from unseen.data.load import load, save
from unseen.methods.base import with_seed
from unseen.methods.continual import ContinualClassifier
from unseen.methods.gaussian_nb import TiedGaussian
from unseen.metrics.continual import summary
from unseen.training.loop import TrainingError


def small(strategy: Strategy | None = None) -> ContinualLearner:
    return ContinualLearner(class_norm_head().set_params(hidden=16, epochs=2, lr=0.05), strategy)


@pytest.fixture(scope="module")
def path(toy: ZeroShotData, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("data") / "toy.npz"
    save(toy, file)

    return str(file)


def make_unit(path: str, model: ContinualClassifier, **fields: Any) -> StreamUnit:
    about = {"name": "class-norm", "strategy": "sequential", "seed": 1, "stream": {"tasks": 6}}
    data = describe_data(load(path), path, None)

    return StreamUnit(**{**about, **fields}, model=model, path=path, attributes=None, data=data)


def record_of(unit: StreamUnit) -> dict[str, Any]:
    (record,) = unit()
    assert not isinstance(record, Failure), record

    return record


@pytest.mark.parametrize("model", [small(), TiedGaussian()], ids=["learner", "exact"])
def test_the_record_is_that_of_a_run_by_hand(path: str, model: ContinualClassifier) -> None:
    record = record_of(make_unit(path, model))

    data = load(path)
    stream = make_stream(data, tasks=6, seed=1)
    run = run_stream(with_seed(model, 1), stream, data)
    wanted = summary(run.history, weighting=stream.weighting, seen_mean=stream.seen_mean).to_json()
    assert set(record["result"]) == set(wanted)
    for name in ("mean_seen_accuracy", "mean_ausuc", "mean_joint_accuracy"):
        assert record["result"][name] == pytest.approx(wanted[name], abs=1e-6), name
    assert record["classes"][2] == [data.class_names[row] for row in stream.tasks[2].classes]
    assert record["steps"] == run.steps
    assert record["selection"] == "last"
    assert record["chosen"] == {}


def test_all_strategies_of_an_order_share_one_choice_of_rate(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = (1e-30, 0.05)
    monkeypatch.setattr(units, "LEARNING_RATES", rates)
    first = make_unit(path, small(), tuned=3, folder=tmp_path)
    record = record_of(first)
    assert record["chosen"]["lr"] == 0.05  # 1e-30 learns nothing
    assert set(record["chosen"]["tried"]) == set(map(str, rates))
    assert record["selection"] == "first 3 tasks"
    order = make_stream(load(path), tasks=6, seed=1)
    names = load(path).class_names
    assert record["classes"] == [[names[c] for c in task.classes] for task in order.after(3)]

    (kept,) = tmp_path.glob("tuned-*.json")
    assert json.loads(kept.read_text()) == record["chosen"]
    kept.write_text(json.dumps(record["chosen"] | {"lr": 1e-30}))  # what stands there is taken
    second = record_of(
        make_unit(path, small(ExperienceReplay(12)), strategy="er", tuned=3, folder=tmp_path)
    )
    assert second["chosen"]["lr"] == 1e-30

    parts = [folder for folder in tmp_path.iterdir() if folder.is_dir()]
    assert len(parts) == 2
    first.forget()
    assert [folder for folder in tmp_path.iterdir() if folder.is_dir()] != parts
    assert kept.exists()


@pytest.mark.parametrize(
    ("backbone", "rates"),
    [
        (None, {"tried": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)}),
        ("resnet", {"tried": (3e-4, 1e-3, 3e-3, 1e-2), "backbone_tried": (1e-2, 3e-2, 1e-1)}),
    ],
)
def test_the_rates_that_are_tried(
    backbone: str | None,
    rates: dict[str, tuple[float, ...]],
    toy: ZeroShotData,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(units, "_first_accuracy", lambda model, *_: model.head().lr)
    chosen = tune(small().set_params(backbone=backbone), make_stream(toy, tasks=3), toy)

    found = {name: tuple(map(float, chosen[name])) for name in chosen if name.endswith("tried")}
    assert found == rates
    assert chosen["lr"] == rates["tried"][-1]


def test_a_rate_that_diverges_is_lowered_and_said(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "LEARNING_RATES", (0.01, 0.02, 0.05))
    monkeypatch.setattr(units, "_first_accuracy", lambda model, *_: model.head().lr)
    original, tried = units.run_stream, []

    def stiff(model: ContinualLearner, *given: object, **named: object) -> object:
        tried.append(model.head().lr)
        if model.head().lr > lowest:
            raise TrainingError("the loss became nan")
        return original(model, *given, **named)

    monkeypatch.setattr(units, "run_stream", stiff)
    lowest = 0.01
    chosen = record_of(make_unit(path, small(), tuned=3))["chosen"]
    assert tried == [0.05, 0.02, 0.01]
    assert (chosen["lr"], chosen["lowered_from"]) == (0.01, 0.05)

    lowest = 0.0
    (failure,) = make_unit(path, small(), tuned=3)()
    assert isinstance(failure, Failure)
    assert "the loss became nan" in failure.message


def test_the_key_knows_what_changes_a_run_and_nothing_else(path: str, tmp_path: Path) -> None:
    def key(model: ContinualClassifier | None = None, **fields: Any) -> str:
        return make_unit(path, small() if model is None else model, **fields).key()

    changed = [
        key(),
        key(small(ExperienceReplay(12))),
        key(strategy="er"),
        key(seed=2),
        key(stream={"tasks": 3}),
        key(tuned=3),
        key(tuned=2),
    ]
    assert len(set(changed)) == len(changed)
    assert key(folder=tmp_path, command="unseen continual") == key()
    exact = [key(TiedGaussian(), tuned=tuned) for tuned in (0, 3)]
    assert exact[0] != exact[1]  # the run has other tasks, although it has no rates


@pytest.mark.parametrize("strategy", [ICaRL(7), ExperienceReplay(7, balanced=True)])
def test_a_memory_too_small_for_the_stream_is_said_before_training(
    toy: ZeroShotData, strategy: Strategy
) -> None:
    stream = make_stream(toy, tasks=3)
    with pytest.raises(ValueError, match="12"):
        check_model(small(strategy), stream, 16)

    check_model(small(), stream, 16)
    check_model(TiedGaussian(), stream, 16)


def test_a_backbone_for_pictures_refuses_other_features(toy: ZeroShotData) -> None:
    stream = make_stream(toy, tasks=3)
    model = small().set_params(backbone="resnet")
    with pytest.raises(ValueError, match="17"):
        check_model(model, stream, 17)

    check_model(model, stream, 3 * 32 * 32)


def test_fractions_are_stored_with_six_digits(path: str) -> None:
    def numbers(value: Any) -> list[float]:
        if isinstance(value, dict):
            return [number for entry in value.values() for number in numbers(entry)]
        if isinstance(value, list):
            return [number for entry in value for number in numbers(entry)]
        return [value] if isinstance(value, float) else []

    stored = np.array(numbers(record_of(make_unit(path, small()))["result"]))
    assert len(stored) > 50
    assert np.array_equal(stored, np.round(stored, 6))
