"""A run along a stream: its history, its order, and that nothing is lost by a kill."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from unseen.continual.heads import class_norm_head
from unseen.continual.joint import Joint
from unseen.continual.keeper import PROGRESS
from unseen.continual.learner import ContinualLearner
from unseen.continual.run import run_stream
from unseen.continual.strategy import Strategy
from unseen.continual.streams import make_stream
from unseen.continual.units import tune
from unseen.data.dataset import DataError, ZeroShotData
from unseen.methods.gaussian_nb import TiedGaussian
from unseen.methods.saving import ModelError
from unseen.metrics.continual import summary
from unseen.metrics.gzsl import seen_unseen_curve
from unseen.metrics.stepwise import accuracy_matrix


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
    assert np.ptp(run.history.logits[0]) > 0.1  # its weights are random, not 0
    # weights stay; only running statistics move along the stream
    assert np.ptp(learned.history.logits[1] - learned.history.logits[0]) > 0.1


def test_a_method_without_steps_knows_nothing_at_first(toy: ZeroShotData) -> None:
    run = run_stream(TiedGaussian(), make_stream(toy, tasks=3), toy)

    assert not run.history.logits[0].any()
    assert not run.history.candidates[0].any()
    assert not run.history.unseen[0].any()
    assert np.isnan(accuracy_matrix(run.history)[0]).all()
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


def test_the_learning_curve_has_the_models_before_and_after_few_steps(toy: ZeroShotData) -> None:
    stream = make_stream(toy, tasks=3)
    ten = run_stream(small(epochs=5, batch_size=32), stream, toy)
    assert ten.steps == [10, 10, 10]
    curve = ten.history.batch_accuracy
    assert curve is not None
    for number, task in enumerate(stream, start=1):
        own = np.isin(ten.history.labels, task.classes)
        for batch, model in ((0, number - 1), (10, number)):
            right = ten.history.predict(model, number) == ten.history.labels
            assert curve[number - 1, batch] == right[own].mean()
    assert np.isfinite(summary(ten.history).learning_curve_area)


def test_the_learning_curve_weights_as_the_stream_does(toy: ZeroShotData) -> None:
    stream = make_stream(toy, tasks=3, weighting="class")
    few = [
        rows[:2] if c % 2 else rows
        for c in range(12)
        for rows in [stream.test[toy.labels[stream.test] == c]]
    ]
    stream = replace(stream, test=np.sort(np.concatenate(few)))
    run = run_stream(small(epochs=5), stream, toy)
    curve, history = run.history.batch_accuracy, run.history
    assert curve is not None
    by_class, by_row = [], []
    for number, task in enumerate(stream, start=1):
        right = history.predict(number, number) == history.labels
        by_class.append(np.mean([right[history.labels == c].mean() for c in task.classes]))
        by_row.append(right[np.isin(history.labels, task.classes)].mean())

    assert_allclose(curve[:, 10], by_class)
    assert not np.allclose(by_class, by_row)


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
    """T19 through the run: what the stream does not call seen does not reach the model."""
    stream = make_stream(toy, tasks=3)
    tables = []

    class Spy(TiedGaussian):
        def partial_fit(self, X, y, class_attributes=None, **more):
            tables.append(class_attributes)
            return super().partial_fit(X, y, class_attributes, **more)

    run_stream(Spy(), stream, toy)
    for table, task in zip(tables, stream, strict=True):
        assert_array_equal(np.isfinite(table).all(axis=1), task.seen)


def test_scores_that_were_deleted_are_missed(toy: ZeroShotData, tmp_path: Path) -> None:
    stream = make_stream(toy, tasks=3)
    run_stream(small(), stream, toy, folder=tmp_path)
    (gone,) = tmp_path.glob("logits-2*")
    gone.unlink()

    with pytest.raises(DataError, match="scores is gone; delete the folder"):
        run_stream(small(), stream, toy, folder=tmp_path)


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


def test_the_time_before_a_kill_counts(
    toy: ZeroShotData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that a step moves by a second, and nothing else."""
    from unseen.training.step import EagerStep

    original, clock, limit = EagerStep.__call__, [0.0], 5

    def ticking(self: EagerStep, batch: object) -> object:
        if clock[0] == limit:
            raise Killed
        clock[0] += 1
        return original(self, batch)

    monkeypatch.setattr("unseen.training.step.EagerStep.__call__", ticking)
    monkeypatch.setattr("unseen.continual.run.time.perf_counter", lambda: clock[0])
    stream = make_stream(toy, tasks=3)
    with pytest.raises(Killed):  # in the third of four epochs of two steps
        run_stream(small(epochs=4), stream, toy, folder=tmp_path)
    limit = np.inf
    run = run_stream(small(epochs=4), stream, toy, folder=tmp_path)

    assert run.seconds == [8.0, 8.0, 8.0]
    assert not list(tmp_path.glob("seconds-*"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (PROGRESS, b'{"identity": '),
        (PROGRESS, b"[]"),
        (PROGRESS, b'{"identity": "a", "tasks": [{}]}'),
        ("logits-1.npy", b""),
        ("logits-1.npy", b"nonsense"),
        ("model-3/config.json", b""),
    ],
)
def test_a_damaged_folder_is_to_be_deleted(
    name: str, content: bytes, toy: ZeroShotData, tmp_path: Path
) -> None:
    stream = make_stream(toy, tasks=3)
    run_stream(small(), stream, toy, folder=tmp_path)
    (tmp_path / name).write_bytes(content)

    with pytest.raises(DataError, match=r"cannot be read .*; delete the folder to start anew"):
        run_stream(small(), stream, toy, folder=tmp_path)


def test_a_run_that_could_not_go_on_is_refused_at_once(toy: ZeroShotData, tmp_path: Path) -> None:
    class Own(Strategy):
        pass

    stream = make_stream(toy, tasks=3)
    with pytest.raises(ValueError, match="set the model's `random_state`"):
        run_stream(small().set_params(random_state=None), stream, toy, folder=tmp_path / "run")
    with pytest.raises(ModelError, match="A strategy of your own"):
        run_stream(small(Own()), stream, toy, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    run_stream(TiedGaussian(), stream, toy, folder=tmp_path / "run")  # draws nothing


def test_a_folder_may_be_named_by_a_text(toy: ZeroShotData, tmp_path: Path) -> None:
    run_stream(small(), make_stream(toy, tasks=3), toy, folder=str(tmp_path / "run"))

    assert (tmp_path / "run" / PROGRESS).exists()


@pytest.mark.parametrize("name", ["file", "file/run"])
def test_a_file_is_no_folder_for_a_run(name: str, toy: ZeroShotData, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DataError, match="The folder cannot be made"):
        run_stream(small(), make_stream(toy, tasks=3), toy, folder=tmp_path / name)


def test_without_a_folder_no_data_are_hashed(
    toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unseen.continual.run._content", lambda _: pytest.fail("hashed"))

    run_stream(small(), make_stream(toy, tasks=3), toy)


def test_a_folder_of_another_run_is_refused(toy: ZeroShotData, tmp_path: Path) -> None:
    run_stream(small(), make_stream(toy, tasks=3), toy, folder=tmp_path)
    with pytest.raises(DataError, match="other settings, data or stream"):
        run_stream(small(), make_stream(toy, tasks=3, seed=2), toy, folder=tmp_path)
    with pytest.raises(DataError, match="other settings, data or stream"):
        run_stream(small(lr=0.5), make_stream(toy, tasks=3), toy, folder=tmp_path)
    with pytest.raises(DataError, match="other settings, data or stream"):
        run_stream(small(), make_stream(toy, tasks=3), toy, folder=tmp_path, curve_batches=5)


def test_a_folder_of_another_run_that_was_killed_in_its_first_task_is_refused(
    toy: ZeroShotData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    stream = make_stream(toy, tasks=3)
    with monkeypatch.context() as patch:
        patch.setattr("unseen.training.step.EagerStep.__call__", killed)
        with pytest.raises(KeyboardInterrupt):
            run_stream(small(), stream, toy, folder=tmp_path)
    assert (tmp_path / "curve-1.npy").exists()

    with pytest.raises(DataError, match="other settings, data or stream"):
        run_stream(small(), stream, toy, folder=tmp_path, curve_batches=5)
    assert len(run_stream(small(), stream, toy, folder=tmp_path).history.logits) == 4


@pytest.mark.parametrize("part", ["class_attributes", "features"])
def test_a_folder_of_other_data_is_refused(part: str, toy: ZeroShotData, tmp_path: Path) -> None:
    """A file may have several class tables, and data made in memory have no file at all."""
    run_stream(small(), make_stream(toy, tasks=3), toy, folder=tmp_path)
    other = replace(toy, **{part: getattr(toy, part)[::-1].copy()})

    with pytest.raises(DataError, match="other settings, data or stream"):
        run_stream(small(), make_stream(other, tasks=3), other, folder=tmp_path)


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
