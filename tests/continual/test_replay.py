"""Experience replay: what the two memories hold along a stream."""

from dataclasses import replace

import numpy as np
import torch

from unseen.continual.heads import class_norm_head
from unseen.continual.learner import ContinualLearner, task_seed
from unseen.continual.replay import ExperienceReplay
from unseen.data.dataset import ZeroShotData


def learned(toy: ZeroShotData, strategy: ExperienceReplay, seed: int = 3) -> ExperienceReplay:
    """Returns the strategy after three tasks of 5, 2 and 1 classes."""
    head = class_norm_head().set_params(hidden=4, epochs=1, lr=0.01)
    model = ContinualLearner(head, strategy, random_state=seed)
    for classes in ([3, 8, 0, 7, 2], [11, 5], [1]):
        rows = np.flatnonzero(np.isin(toy.labels, classes))
        model.partial_fit(toy.rows(rows), toy.labels[rows], toy.class_attributes)
    assert isinstance(model.strategy_, ExperienceReplay)

    return model.strategy_


def test_the_reservoir_goes_on_over_tasks(toy: ZeroShotData) -> None:
    rows = np.isin(toy.labels, [3, 8, 0, 7, 2, 11, 5, 1])
    one, two, other = (learned(toy, ExperienceReplay(capacity=30), seed) for seed in (3, 3, 4))

    assert int(one.met_) == rows.sum()
    assert len(one.labels_) == len(one.inputs_.unique(dim=0)) == 30
    assert torch.equal(one.inputs_, two.inputs_)
    assert not torch.equal(one.inputs_, other.inputs_)
    assert set(one.tasks_.tolist()) == {1, 2, 3}
    assert one.memory_bytes() == {
        "items": one.inputs_.nbytes,
        "labels": 30 * 8,
        "tasks": 30 * 8 + 8 * 16,
        "sampling": 8,
    }


def test_a_reservoir_that_is_not_full_holds_all(toy: ZeroShotData) -> None:
    rows = np.isin(toy.labels, [3, 8, 0, 7, 2, 11, 5, 1])
    assert len(learned(toy, ExperienceReplay(capacity=10_000)).labels_) == rows.sum()


def test_classes_have_equal_shares(toy: ZeroShotData) -> None:
    strategy = learned(toy, ExperienceReplay(capacity=35, balanced=True))
    labels, counts = strategy.labels_.unique(return_counts=True)

    assert labels.tolist() == [0, 1, 2, 3, 5, 7, 8, 11]
    assert counts.tolist() == [4] * 8
    assert len(strategy.inputs_.unique(dim=0)) == 32
    assert strategy.memory_bytes()["sampling"] == strategy.keys_.nbytes == 32 * 8


def test_a_balanced_class_is_a_uniform_sample(toy: ZeroShotData) -> None:
    """Also of a class whose examples come in two tasks."""
    own = np.flatnonzero(toy.labels == 3)
    parts, kept = np.split(own, [len(own) // 2]), np.zeros(len(own))
    other = np.flatnonzero(toy.labels == 8)
    model = ContinualLearner(class_norm_head().set_params(hidden=2, epochs=1), random_state=0)
    model.partial_fit(toy.rows(own), toy.labels[own], toy.class_attributes)
    rows = np.concatenate([parts[0], other])
    tasks = [model._task_rows(toy.rows(each), toy.labels[each]) for each in (rows, parts[1])]
    inputs = model._task_rows(toy.rows(own), toy.labels[own]).inputs
    for seed in range(200):
        strategy = ExperienceReplay(12, balanced=True)
        for number, task in enumerate(tasks, start=1):  # what is kept depends on no training
            strategy.after_task(
                model.network_, replace(task, number=number, seed=task_seed(seed, number))
            )
        held = strategy.inputs_[strategy.labels_ == 3]
        kept += (torch.cdist(inputs, held) < 1e-4).any(dim=1).numpy()
        assert len(held) == 6

    expected = 200 * 6 / len(own)
    for rows in (slice(None, len(own) // 2), slice(len(own) // 2, None)):
        mean = kept[rows].mean()
        deviation = np.sqrt(expected / len(kept[rows]))  # at most, of independent draws
        assert abs(mean - expected) < 4 * deviation
