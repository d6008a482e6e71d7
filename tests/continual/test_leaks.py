"""What every strategy promises: no look ahead, no trace of a failure, the same after a pause."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from unseen.continual import STRATEGIES
from unseen.continual.dem import CompressedReplay
from unseen.continual.ewc import EWC
from unseen.continual.heads import class_norm_head
from unseen.continual.icarl import ICaRL
from unseen.continual.joint import Joint
from unseen.continual.learner import ContinualLearner
from unseen.continual.lwf import LwF
from unseen.continual.mas import MAS
from unseen.continual.replay import ExperienceReplay
from unseen.continual.sequential import Sequential
from unseen.continual.strategy import Strategy, StreamNetwork, TaskRows
from unseen.data.dataset import ZeroShotData
from unseen.models import load_model
from unseen.training.loop import EpochReport, Monitor

TASKS = ([3, 8, 0], [11, 5], [1, 6, 9])
CONFIGURED: dict[str, tuple[Strategy, int | None]] = {  # with the old classes that take part
    **{name: (kind(), None) for name, kind in STRATEGIES.items()},
    **{f"{name}-some": (kind(), 2) for name, kind in STRATEGIES.items()},
    "icarl-nearest": (ICaRL(prediction="nearest-mean", distillation=1.0), None),
    "icarl-nearest-some": (ICaRL(prediction="nearest-mean", distillation=1.0), 2),
    "dem-pca": (CompressedReplay("pca", components=4, compressed_loss=0.5, matching=0.5), None),
    "dem-pca-some": (CompressedReplay("pca", components=4, compressed_loss=0.5, matching=0.5), 2),
    "ewc-model": (EWC(labels="model", competing="seen"), None),
    "replay-balanced": (ExperienceReplay(balanced=True), None),
    "replay-balanced-some": (ExperienceReplay(capacity=30, balanced=True), 2),
}
every_strategy = pytest.mark.parametrize(("strategy", "old"), CONFIGURED.values(), ids=CONFIGURED)


class KilledError(Exception):
    """Stands for whatever ends a training before its time."""


def learner(strategy: Strategy, old: int | None = None, **head: object) -> ContinualLearner:
    method = class_norm_head().set_params(
        **{"hidden": 12, "epochs": 3, "batch_size": 16, "lr": 0.01, "statistics": "running", **head}
    )

    return ContinualLearner(method, strategy, old_classes=old, random_state=3)


def learn(
    model: ContinualLearner,
    toy: ZeroShotData,
    number: int,
    table: np.ndarray | None = None,
    monitor: Monitor | None = None,
    noise: float = 0.0,
) -> ContinualLearner:
    """Learns a task of the stream, from 1; noise makes other data of it."""
    rows = np.flatnonzero(np.isin(toy.labels, TASKS[number - 1]))
    X = toy.rows(rows) + np.float32(noise) * np.random.default_rng(0).random(
        (len(rows), toy.features.shape[1]), dtype=np.float32
    )

    return model.partial_fit(
        X, toy.labels[rows], toy.class_attributes if table is None else table, monitor=monitor
    )


def kept(model: ContinualLearner) -> dict[str, Tensor]:
    """Returns copies of all that a model keeps: weights, statistics, memories, importances."""
    return {name: value.clone() for name, value in model._state().items()}


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


def assert_same_weights(ours: ContinualLearner, theirs: ContinualLearner) -> None:
    assert_same(dict(ours.network_.state_dict()), dict(theirs.network_.state_dict()))


def dying(after: int, checkpoint: Path | None = None) -> Monitor:
    """Returns a monitor that ends the training of a task after some epochs."""

    def callback(report: EpochReport) -> None:
        if report.epoch == after:
            raise KilledError

    return Monitor(callback=callback, checkpoint=checkpoint)


@every_strategy
@pytest.mark.parametrize("statistics", ["running", "exact"])
@pytest.mark.parametrize("number", [1, 2])
def test_no_description_of_a_later_class_is_used(
    toy: ZeroShotData, strategy: Strategy, old: int | None, statistics: str, number: int
) -> None:
    later = np.ones(len(toy.class_names), dtype=bool)
    later[np.concatenate(TASKS[:number])] = False
    changed = toy.class_attributes.copy()
    changed[later] = np.random.default_rng(0).normal(size=changed[later].shape)

    ours = learner(strategy, old, statistics=statistics)
    theirs = learner(strategy, old, statistics=statistics)
    for task in range(1, number + 1):
        learn(ours, toy, task)
        learn(theirs, toy, task, table=changed)

    assert_same(kept(ours), kept(theirs))


@every_strategy
def test_the_description_of_a_new_class_is_used(
    toy: ZeroShotData, strategy: Strategy, old: int | None
) -> None:
    """The test above would pass if a table were not read at all."""
    changed = toy.class_attributes.copy()
    changed[TASKS[1]] += 1.0
    ours, theirs = (
        learn(learner(strategy, old), toy, 1),
        learn(learner(strategy, old), toy, 1, table=changed),
    )
    learn(ours, toy, 2)
    learn(theirs, toy, 2, table=changed)

    weight = "network.head.embedder.0.weight"
    assert not torch.equal(kept(ours)[weight], kept(theirs)[weight])


@every_strategy
def test_a_task_that_fails_leaves_no_trace(
    toy: ZeroShotData, strategy: Strategy, old: int | None
) -> None:
    model = learn(learner(strategy, old), toy, 1)
    learn(model, toy, 2)
    before = kept(model)

    with pytest.raises(KilledError):
        learn(model, toy, 3, monitor=dying(after=2))

    assert model.tasks_ == 2
    assert_same(kept(model), before)


@every_strategy
def test_the_next_task_changes_nothing_in_place(
    toy: ZeroShotData, strategy: Strategy, old: int | None
) -> None:
    model = learn(learner(strategy, old), toy, 1)
    state = model.strategy_.state()
    before = {name: value.clone() for name, value in state.items()}
    learn(model, toy, 2)

    assert_same(state, before)


@every_strategy
@pytest.mark.parametrize("number", [1, 2])
def test_a_killed_task_resumes_to_the_same(
    toy: ZeroShotData, strategy: Strategy, old: int | None, number: int, tmp_path: Path
) -> None:
    whole, killed = learner(strategy, old), learner(strategy, old)
    for task in range(1, number):
        learn(whole, toy, task)
        learn(killed, toy, task)
    learn(whole, toy, number)

    file = tmp_path / "task.safetensors"
    with pytest.raises(KilledError):
        learn(killed, toy, number, monitor=dying(after=2, checkpoint=file))
    epochs: list[int] = []
    resumed = Monitor(callback=lambda report: epochs.append(report.epoch), checkpoint=file)
    learn(killed, toy, number, monitor=resumed)

    assert epochs == [3]
    assert_same(kept(killed), kept(whole))


@every_strategy
def test_a_loaded_model_goes_on_to_the_same(
    toy: ZeroShotData, strategy: Strategy, old: int | None, tmp_path: Path
) -> None:
    whole, parts = learner(strategy, old), learner(strategy, old)
    for number in (1, 2, 3):
        learn(whole, toy, number)
        learn(parts, toy, number)
        parts.save_pretrained(tmp_path / "model")
        parts = load_model(tmp_path / "model")
        assert isinstance(parts, ContinualLearner)
        assert parts.memory_bytes() == whole.memory_bytes()

    assert_same(kept(parts), kept(whole))
    assert type(parts.strategy) is type(strategy)
    assert parts.get_params()["method__hidden"] == 12
    assert ContinualLearner.from_pretrained(tmp_path / "model").tasks_ == 3


@every_strategy
def test_what_is_kept_is_counted(toy: ZeroShotData, strategy: Strategy, old: int | None) -> None:
    model = learn(learner(strategy, old), toy, 1)
    learn(model, toy, 2)
    state = model.strategy_.state()

    assert sum(model.memory_bytes().values()) == sum(value.nbytes for value in state.values())


@every_strategy
def test_running_statistics_move_in_training_alone(
    toy: ZeroShotData, strategy: Strategy, old: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes before and after the steps, importances and teachers say, leaves them alone."""
    seen: list[dict[str, Tensor]] = []
    for hook in ("before_task", "after_task"):
        wrapped = getattr(type(strategy), hook)

        def watched(
            self: Strategy, network: StreamNetwork, task: TaskRows, wrapped: Callable = wrapped
        ) -> TaskRows | None:
            before = {name: value.clone() for name, value in network.state_dict().items()}
            result = wrapped(self, network, task)
            assert_same(before, dict(network.state_dict()))
            seen.append(before)
            return result

        monkeypatch.setattr(type(strategy), hook, watched)

    model = learner(strategy, old)
    for number in (1, 2):
        learn(model, toy, number)

    mean = next(name for name in seen[0] if name.endswith("running_mean"))
    assert len(seen) == 4
    assert not torch.equal(seen[0][mean], seen[1][mean])  # training moved them


@pytest.mark.parametrize("kind", [EWC, MAS, LwF])
def test_without_strength_it_is_sequential(toy: ZeroShotData, kind: type[Strategy]) -> None:
    ours, strong, plain = learner(kind(weight=0.0)), learner(kind()), learner(Sequential())
    for model in (ours, strong, plain):
        for number in (1, 2, 3):
            learn(model, toy, number)

    assert_same_weights(ours, plain)
    assert any(
        not torch.equal(a, b)
        for a, b in zip(strong.network_.parameters(), plain.network_.parameters(), strict=True)
    )


def test_joint_begins_as_sequential_does(toy: ZeroShotData) -> None:
    joint, plain = learn(learner(Joint()), toy, 1), learn(learner(Sequential()), toy, 1)
    assert_same_weights(joint, plain)

    learn(joint, toy, 2)
    learn(plain, toy, 2)
    assert any(
        not torch.equal(a, b)
        for a, b in zip(joint.network_.parameters(), plain.network_.parameters(), strict=True)
    )


@pytest.mark.parametrize("kind", [EWC, MAS])
def test_importances_are_of_a_tasks_own_data(
    toy: ZeroShotData, kind: type[EWC] | type[MAS]
) -> None:
    """The released code takes them on the next task's examples, where the loss is infinite."""
    during: list[Tensor] = []
    losses: list[float] = []
    for noise in (0.0, 5.0):
        model = learn(learner(kind()), toy, 1)

        def note(report: EpochReport, model: ContinualLearner = model) -> None:
            assert isinstance(model.strategy_, kind)
            during.append(model.strategy_.importance_.clone())
            losses.append(report.loss)

        learn(model, toy, 2, monitor=Monitor(callback=note), noise=noise)
        assert isinstance(model.strategy_, kind)
        assert model.strategy_.importance_.isfinite().all()

    assert np.isfinite(losses).all()
    assert during[0].max() > 0
    assert all(torch.equal(during[0], importance) for importance in during)
