"""iCaRL: herding, quotas, and scores by the means of exemplars."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unseen.continual.heads import class_norm_head
from unseen.continual.icarl import ICaRL, herd
from unseen.continual.learner import ContinualLearner
from unseen.continual.lwf import LwF
from unseen.continual.replay import quota
from unseen.data.dataset import ZeroShotData

TASKS = ([3, 8, 0], [11, 5], [1, 6, 9])


def learner(strategy: ICaRL | LwF, **settings: object) -> ContinualLearner:
    head = class_norm_head().set_params(
        **{"hidden": 12, "epochs": 2, "batch_size": 16, "lr": 0.01, **settings}
    )

    return ContinualLearner(head, strategy, random_state=3)


def learn(model: ContinualLearner, toy: ZeroShotData, classes: list[int]) -> ICaRL:
    rows = np.flatnonzero(np.isin(toy.labels, classes))
    model.partial_fit(toy.rows(rows), toy.labels[rows], toy.class_attributes)
    assert isinstance(model.strategy_, ICaRL)

    return model.strategy_


def directions(model: ContinualLearner, X: np.ndarray) -> torch.Tensor:
    features = model.network_.head.prepare(torch.from_numpy(X).float())

    return features / features.norm(dim=1, keepdim=True)


# Herding


def test_t16_the_order_of_herding() -> None:
    angle = torch.tensor([0.0, 30.0, 50.0, 80.0, 120.0]).deg2rad()
    f = torch.stack([angle.cos(), angle.sin()], dim=1)
    mean = f.mean(dim=0)

    assert torch.atan2(mean[1], mean[0]).rad2deg().item() == pytest.approx(55, abs=0.5)
    assert herd(f, 3).tolist() == [2, 3, 1]
    assert sorted(herd(f, 9).tolist()) == [0, 1, 2, 3, 4]


@given(n=st.integers(1, 12), seed=st.integers(0, 50))
def test_herding_is_greedy(n: int, seed: int) -> None:
    """Restates the rule of the paper, example by example."""
    f = np.random.default_rng(seed).normal(size=(n, 3))
    f /= np.linalg.norm(f, axis=1, keepdims=True)
    mu = f.mean(axis=0) / np.linalg.norm(f.mean(axis=0))
    chosen: list[int] = []
    for _ in range(n):
        distance = {}
        for i in set(range(n)) - set(chosen):
            mean = f[[*chosen, i]].mean(axis=0)
            distance[i] = np.linalg.norm(mu - mean / np.linalg.norm(mean))
        chosen.append(min(distance, key=distance.__getitem__))

    assert herd(torch.from_numpy(f), n).tolist() == chosen


# Quotas


@pytest.mark.parametrize(("classes", "count"), [(20, 50), (200, 5), (47, 21), (717, 1)])
def test_t16_quotas(classes: int, count: int) -> None:
    assert quota(1000, classes) == count


def test_a_quota_of_none_is_refused_before_training(toy: ZeroShotData) -> None:
    model = learner(ICaRL(capacity=4))
    learn(model, toy, TASKS[0])
    with pytest.raises(ValueError, match="number of classes seen, by now 5"):
        learn(model, toy, TASKS[1])
    assert model.tasks_ == 1


def test_t16_old_classes_are_cut_and_the_best_stay(toy: ZeroShotData) -> None:
    model, seen, before = learner(ICaRL(capacity=20)), 0, {}
    for classes in TASKS:
        strategy, seen = learn(model, toy, classes), seen + len(classes)
        counts = strategy.labels_.bincount()
        assert len(strategy.labels_) <= 20
        assert set(counts[counts > 0].tolist()) == {20 // seen}

        lists = {
            c: strategy.inputs_[strategy.labels_ == c] for c in range(12) if c in strategy.labels_
        }
        for c, kept in lists.items():
            if c in before:
                assert torch.equal(kept, before[c][: len(kept)])
            else:
                X = toy.rows(np.flatnonzero(toy.labels == c))
                order = herd(directions(model, X), 20 // seen)
                expected = model.network_.head.prepare(torch.from_numpy(X).float())[order]
                torch.testing.assert_close(kept, expected)
        before = lists


def test_a_class_that_comes_again_is_herded_anew(toy: ZeroShotData) -> None:
    model = learner(ICaRL(capacity=12))
    rows = [np.flatnonzero(toy.labels == c) for c in (3, 8)]
    half = len(rows[0]) // 2
    for own in ([*rows[0][:half], *rows[1]], rows[0][half:]):
        model.partial_fit(toy.rows(np.array(own)), toy.labels[own], toy.class_attributes)
    strategy = model.strategy_
    assert isinstance(strategy, ICaRL)
    kept = strategy.inputs_[strategy.labels_ == 3]

    assert len(kept) == len(kept.unique(dim=0)) == 6
    assert set(strategy.tasks_[strategy.labels_ == 3].tolist()) == {1, 2}
    assert strategy.members_.tolist() == [[3, 8, 3], [1, 1, 2]]


# The full method


def test_distillation_is_that_of_lwf(toy: ZeroShotData) -> None:
    """Without recalled exemplars nothing else is added."""
    ours, theirs = learner(ICaRL(weight=0.0, distillation=2.0)), learner(LwF(weight=2.0))
    plain = learner(ICaRL(weight=0.0))
    for classes in TASKS:
        rows = np.flatnonzero(np.isin(toy.labels, classes))
        for model in (ours, theirs, plain):
            model.partial_fit(toy.rows(rows), toy.labels[rows], toy.class_attributes)

    weight = [model.network_.head.embedder.final_weight for model in (ours, theirs, plain)]
    assert torch.equal(weight[0], weight[1])
    assert not torch.equal(weight[0], weight[2])


def test_distillation_and_exemplars_are_added(toy: ZeroShotData) -> None:
    weight = []
    for settings in ({}, {"distillation": 2.0}, {"distillation": 2.0, "weight": 0.0}):
        model = learner(ICaRL(**settings))
        for classes in TASKS:
            learn(model, toy, classes)
        weight.append(model.network_.head.embedder.final_weight)

    assert not torch.equal(weight[0], weight[1])
    assert not torch.equal(weight[1], weight[2])


def test_seen_classes_are_scored_by_means_of_exemplars(toy: ZeroShotData) -> None:
    plain, model = learner(ICaRL()), learner(ICaRL(prediction="nearest-mean"))
    for classes in TASKS[:2]:
        learn(plain, toy, classes)
        strategy = learn(model, toy, classes)
    scores = model.decision_function(toy.features, toy.class_attributes)
    prototypes = plain.decision_function(toy.features, toy.class_attributes)

    seen = [0, 3, 5, 8, 11]
    f = directions(model, toy.features)
    for c in range(12):
        if c in seen:
            kept = strategy.inputs_[strategy.labels_ == c]
            mean = (kept / kept.norm(dim=1, keepdim=True)).mean(dim=0)
            expected = 100 * (f @ (mean / mean.norm())).numpy()  # gamma is 10
            np.testing.assert_allclose(scores[:, c], expected, rtol=1e-4, atol=1e-3)
        else:
            np.testing.assert_array_equal(scores[:, c], prototypes[:, c])
    assert model.memory_bytes()["means"] == 5 * 16 * 4 + 5 * 8


def test_means_belong_to_descriptions(toy: ZeroShotData) -> None:
    """Whatever the order of the table that is asked about; a new class has its prototype."""
    model = learner(ICaRL(prediction="nearest-mean"))
    learn(model, toy, TASKS[0])
    scores = model.decision_function(toy.features, toy.class_attributes)
    order = np.random.default_rng(0).permutation(12)
    new = toy.class_attributes[:1] + 1
    table = np.concatenate([toy.class_attributes[order], new])
    found = model.decision_function(toy.features, table)

    np.testing.assert_allclose(found[:, :12], scores[:, order], rtol=1e-5, atol=1e-4)
    model.strategy_.prediction = "prototypes"
    alone = model.decision_function(toy.features, table)
    np.testing.assert_array_equal(alone[:, 12], found[:, 12])


def test_classes_that_look_the_same_keep_their_means(toy: ZeroShotData) -> None:
    table = toy.class_attributes.copy()
    table[8] = table[3]
    model = learner(ICaRL(prediction="nearest-mean"))
    rows = np.flatnonzero(np.isin(toy.labels, [0, 3, 8]))
    model.partial_fit(toy.rows(rows), toy.labels[rows], table)
    scores = model.decision_function(toy.features, table)

    assert not np.allclose(scores[:, 3], scores[:, 8])


def test_means_need_a_head_of_directions(toy: ZeroShotData) -> None:
    with pytest.raises(ValueError, match="compares means by their direction"):
        learn(learner(ICaRL(prediction="nearest-mean"), scale=None), toy, TASKS[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"capacity": 0.5}, "`capacity` must be a whole number"),
        ({"weight": -1}, "`weight` must be a number at least 0"),
        ({"memory_batch": 0}, "`memory_batch` must be a whole number"),
        ({"distillation": -1}, "`distillation` must be a number at least 0"),
        ({"temperature": 0}, "`temperature` must be a number greater than 0"),
        ({"prediction": "nearest"}, "`prediction` must be one of"),
    ],
)
def test_settings_of_no_use(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ICaRL(**settings).check_settings()
