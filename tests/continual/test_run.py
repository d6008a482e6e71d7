"""A run along a stream: its history, its order, and that nothing is lost by a kill."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from unseen.continual.heads import class_norm_head
from unseen.continual.joint import Joint
from unseen.continual.learner import ContinualLearner
from unseen.continual.run import PROGRESS, run_stream
from unseen.continual.strategy import Strategy
from unseen.continual.streams import make_stream
from unseen.continual.units import tune
from unseen.data.dataset import DataError, ZeroShotData
from unseen.methods.gaussian_nb import TiedGaussian
from unseen.metrics.continual import summary
from unseen.metrics.gzsl import seen_unseen_curve


def small(strategy: Strategy | None = None, **settings: object) -> ContinualLearner:
    head = class_norm_head().set_params(**({"hidden": 16, "epochs": 2, "lr": 0.05} | settings))

    return ContinualLearner(head, strategy, random_state=0)


def test_the_history_is_what_the_models_say(toy: ZeroShotData) -> None:
    stream = make_stream(toy, tasks=3)
    run = run_stream(small(), stream, toy)
    by_hand = small()
    X = toy.rows(stream.test)
    for number, task in enumerate(stream, start=1):
        by_hand.partial_fit(toy.rows(task.train), toy.labels[task.train], toy.class_attributes)
        scores = by_hand.decision_function(X, toy.class_attributes)
        assert_array_equal(run.history.logits[number], scores)
        assert_array_equal(run.history.seen[number], task.seen)
    assert_array_equal(run.history.labels, toy.labels[stream.test])
    assert run.history.logits.shape == (4, len(stream.test), 12)
    assert not run.history.seen[0].any()
    assert len(run.seconds) == len(run.steps) == len(run.memory_bytes) == 3
    assert run.steps[0] == 2 * -(-len(stream.tasks[0].train) // 32)
    assert all(seconds > 0 for seconds in run.seconds)


def test_step_0_is_the_untrained_model(toy: ZeroShotData) -> None:
    stream = make_stream(toy, tasks=3)
    run = run_stream(small(lr=1e-30), stream, toy)
    learned = run_stream(small(), stream, toy)

    assert_array_equal(learned.history.logits[0], run.history.logits[0])
    # weights stay; only running statistics move along the stream
    assert np.ptp(learned.history.logits[1] - learned.history.logits[0]) > 0.1


def test_a_method_without_steps_knows_nothing_at_first(toy: ZeroShotData) -> None:
    run = run_stream(TiedGaussian(), make_stream(toy, tasks=3), toy)

    assert not run.history.logits[0].any()
    assert run.steps == [0, 0, 0]
    assert run.memory_bytes[-1]["statistics"] > 0
    assert summary(run.history).mean_joint_accuracy > 0.2


def test_the_learning_curve_is_recorded(toy: ZeroShotData) -> None:
    stream = make_stream(toy, tasks=3)
    curve = run_stream(small(batch_size=4), stream, toy).history.batch_accuracy
    assert curve is not None
    assert curve.shape == (3, 11)
    assert np.isfinite(curve).all()
    assert curve[:, 10].mean() > curve[:, 0].mean()
    assert np.isfinite(summary(run_stream(small(batch_size=4), stream, toy).history).mean_ausuc)

    few = run_stream(small(epochs=1, batch_size=100), stream, toy).history.batch_accuracy
    assert few is not None
    assert np.isnan(few[:, 10]).all()
    assert run_stream(small(), stream, toy, curve_batches=None).history.batch_accuracy is None


def test_watching_does_not_change_the_training(toy: ZeroShotData) -> None:
    stream = make_stream(toy, tasks=3)
    watched = run_stream(small(), stream, toy).history.logits
    alone = run_stream(small(), stream, toy, curve_batches=None).history.logits

    assert_array_equal(watched, alone)


def test_of_two_tasks_the_first_is_generalized_zero_shot_learning(toy: ZeroShotData) -> None:
    stream = make_stream(toy, tasks=2)
    run = run_stream(small(), stream, toy)
    model = small()
    task = stream.tasks[0]
    model.fit(toy.rows(task.train), toy.labels[task.train], toy.class_attributes)
    scores = model.decision_function(toy.rows(stream.test))
    curve = seen_unseen_curve(scores, toy.labels[stream.test], task.seen, weighting="sample")

    assert_allclose(run.history.logits[1], scores)
    assert summary(run.history).mean_ausuc == pytest.approx(curve.area)


def test_descriptions_of_later_classes_stay_out(toy: ZeroShotData) -> None:
    """T19 through the run: what the stream calls invisible does not reach the model."""
    stream = make_stream(toy, tasks=3)
    tables = []

    class Spy(TiedGaussian):
        def partial_fit(self, X, y, class_attributes=None, **more):
            tables.append(class_attributes)
            return super().partial_fit(X, y, class_attributes, **more)

    run_stream(Spy(), stream, toy)
    for table, task in zip(tables, stream, strict=True):
        assert_array_equal(np.isfinite(table).all(axis=1), task.visible)
        assert_array_equal(task.visible, task.seen)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("strategy", [None, Joint()])
@pytest.mark.parametrize("steps", [1, 9, 14, 22])
def test_a_killed_run_goes_on_to_the_same_result(
    strategy: Strategy | None,
    steps: int,
    toy: ZeroShotData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = make_stream(toy, tasks=3)
    whole = run_stream(small(strategy, batch_size=16), stream, toy)
    taken, step = 0, "unseen.training.step.EagerStep.__call__"
    from unseen.training.step import EagerStep

    original = EagerStep.__call__

    def dying(self: EagerStep, batch: object) -> object:
        nonlocal taken
        taken += 1
        if taken == steps:
            raise Killed
        return original(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(step, dying)
        with pytest.raises(Killed):
            run_stream(small(strategy, batch_size=16), stream, toy, folder=tmp_path / "run")
    resumed = run_stream(small(strategy, batch_size=16), stream, toy, folder=tmp_path / "run")

    assert_array_equal(resumed.history.logits, whole.history.logits)
    assert_array_equal(resumed.history.batch_accuracy, whole.history.batch_accuracy)
    assert resumed.memory_bytes == whole.memory_bytes
    assert resumed.steps == whole.steps


def test_a_run_that_ended_between_tasks_trains_none_again(
    toy: ZeroShotData, tmp_path: Path
) -> None:
    stream = make_stream(toy, tasks=3)

    def stop(number: int) -> None:
        if number == 2:
            raise Killed

    with pytest.raises(Killed):
        run_stream(small(), stream, toy, folder=tmp_path, callback=stop)
    assert len(json.loads((tmp_path / PROGRESS).read_text())["tasks"]) == 2
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"model-2"}
    seconds = json.loads((tmp_path / PROGRESS).read_text())["tasks"][0]["seconds"]
    run = run_stream(small(), stream, toy, folder=tmp_path)
    assert run.seconds[0] == seconds
    assert run.model.tasks_ == 3


def test_a_folder_of_another_run_is_refused(toy: ZeroShotData, tmp_path: Path) -> None:
    run_stream(small(), make_stream(toy, tasks=3), toy, folder=tmp_path)
    with pytest.raises(DataError, match="other settings, data or stream"):
        run_stream(small(), make_stream(toy, tasks=3, seed=2), toy, folder=tmp_path)
    with pytest.raises(DataError, match="other settings, data or stream"):
        run_stream(small(lr=0.5), make_stream(toy, tasks=3), toy, folder=tmp_path)


def test_the_learning_rate_is_chosen_on_the_first_tasks(toy: ZeroShotData) -> None:
    stream = make_stream(toy, tasks=6).first(3)
    rates = (0.05, 1e-9, 0.05)  # of equal ones, the first
    chosen = tune(small(epochs=10), stream, toy, rates)

    assert chosen["lr"] == 0.05
    assert chosen["tried"]["0.05"] > chosen["tried"]["1e-09"]
    other = ZeroShotData(
        **{
            name: getattr(toy, name)
            for name in ("labels", "class_attributes", "class_names", "train")
        },
        features=np.where(
            np.isin(toy.labels, np.concatenate([t.classes for t in stream]))[:, None],
            toy.features,
            0.0,
        ).astype(np.float32),
        test_seen=toy.test_seen,
        test_unseen=toy.test_unseen,
    )
    assert tune(small(epochs=10), stream, other, rates) == chosen  # of later tasks, nothing


def test_a_rate_that_diverges_is_not_chosen(toy: ZeroShotData) -> None:
    stream = make_stream(toy, tasks=6).first(3)
    chosen = tune(small(scale=None), stream, toy, rates=(0.01, 1e20))

    assert chosen["lr"] == 0.01
    assert chosen["tried"]["1e+20"] == 0.0


def test_the_rate_of_a_backbone_is_chosen_first(toy: ZeroShotData) -> None:
    class Line(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x).relu()

    torch.manual_seed(0)
    model = small(epochs=5).set_params(backbone=Line(16, 32))
    stream = make_stream(toy, tasks=6).first(3)
    chosen = tune(model, stream, toy, rates=(0.01, 0.05), backbone_rates=(1e20, 0.01))

    assert chosen["backbone_lr"] == 0.01
    assert chosen["backbone_tried"]["0.01"] > chosen["backbone_tried"]["1e+20"]
    assert set(chosen["tried"]) == {"0.01", "0.05"}
