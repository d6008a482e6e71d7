"""A-GEM: the projection, the gradient that it follows, and what the memory holds."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unseen.continual.agem import AGEM, project
from unseen.continual.heads import class_norm_head
from unseen.continual.learner import ContinualLearner
from unseen.continual.strategy import Step, masked_cross_entropy
from unseen.data.dataset import ZeroShotData

vectors = st.lists(st.floats(-10, 10, width=32), min_size=3, max_size=3)


def projected(g: list[float], r: list[float]) -> torch.Tensor:
    """Projects vectors that are given in two parts."""
    gradient = [torch.tensor(g[:1]), torch.tensor(g[1:]).unsqueeze(0)]
    project(gradient, [torch.tensor(r[:1]), torch.tensor(r[1:]).unsqueeze(0)])

    return torch.cat([part.flatten() for part in gradient])


def test_t15_a_gradient_against_the_memory() -> None:
    found = projected([1.0, -2.0], [1.0, 1.0])
    torch.testing.assert_close(found, torch.tensor([1.5, -1.5]))
    assert abs(found.sum().item()) < 1e-6


@pytest.mark.parametrize("reference", [[1.0, -1.0], [2.0, 1.0], [0.0, 0.0]])
def test_t15_a_gradient_that_does_not_conflict_stays(reference: list[float]) -> None:
    assert projected([1.0, -2.0], reference).tolist() == [1.0, -2.0]


def test_t15_a_vanishing_reference_is_harmless() -> None:
    """Its square is 0 in single precision, and would be divided by."""
    assert projected([1.0, -2.0], [1e-25, 1e-25]).tolist() == [1.0, -2.0]


@given(g=vectors, r=vectors)
def test_after_it_nothing_points_against_the_memory(g: list[float], r: list[float]) -> None:
    before, found = torch.tensor(g), projected(g, r)
    size = torch.tensor(r).norm() * before.norm()

    assert found.isfinite().all()
    assert found @ torch.tensor(r) >= -1e-5 * size - 1e-9
    assert found.norm() <= before.norm() * 1.001


def learned(toy: ZeroShotData, tasks: list[list[int]], **settings: int) -> ContinualLearner:
    head = class_norm_head().set_params(hidden=12, epochs=1, batch_size=16, lr=0.01)
    model = ContinualLearner(head, AGEM(**settings), random_state=3)
    for classes in tasks:
        rows = np.flatnonzero(np.isin(toy.labels, classes))
        model.partial_fit(toy.rows(rows), toy.labels[rows], toy.class_attributes)

    return model


@pytest.mark.parametrize("per_class", [4, 1000])
def test_t15_the_memory_after_each_task(toy: ZeroShotData, per_class: int) -> None:
    sizes, tasks = np.bincount(toy.labels), [[3, 8, 0], [11, 5], [1, 6, 9]]
    for number in (1, 2, 3):
        strategy = learned(toy, tasks[:number], per_class=per_class).strategy_
        assert isinstance(strategy, AGEM)
        seen = sorted(c for classes in tasks[:number] for c in classes)

        assert strategy.labels_.unique().tolist() == seen
        assert [int((strategy.labels_ == c).sum()) for c in seen] == [
            min(per_class, sizes[c]) for c in seen
        ]
        assert len(strategy.inputs_.unique(dim=0)) == len(strategy.inputs_)
        for t, classes in enumerate(tasks[:number], start=1):
            assert strategy.labels_[strategy.tasks_ == t].unique().tolist() == sorted(classes)


def test_draws_are_of_the_seed_and_not_the_first_rows(toy: ZeroShotData) -> None:
    one, two = (learned(toy, [[3, 8, 0]], per_class=3) for _ in range(2))
    assert torch.equal(one.strategy_.inputs_, two.strategy_.inputs_)
    rows = np.flatnonzero(toy.labels == 0)[:3]
    first = one.network_.head.prepare(torch.from_numpy(toy.rows(rows)).float())
    assert not torch.equal(one.strategy_.inputs_[:3], first)


def test_a_step_follows_the_projected_gradient(toy: ZeroShotData) -> None:
    """Restates a whole step with plain gradients: the loss of the task, and that of the memory."""
    model = learned(toy, [[3, 8, 0], [11, 5]])
    strategy, network = model.strategy_, model.network_.train()
    assert isinstance(strategy, AGEM)
    model.seen_ = model.seen_ | np.isin(np.arange(len(toy.class_names)), [1, 6])
    rows = np.flatnonzero(np.isin(toy.labels, [1, 6]))
    task = model._task_rows(toy.rows(rows), toy.labels[rows])
    strategy.before_task(network, task)
    recalled = torch.arange(0, len(strategy.labels_), 2)
    parameters = list(network.parameters())
    batch = torch.arange(20)

    conflicts = 0
    for sign in (1.0, -1.0):  # the one conflicts or the other does
        step = Step(
            network, task, task.inputs[batch], task.columns(task.labels)[batch], recalled, batch
        )
        main = sign * masked_cross_entropy(step.logits, step.target, task.new)
        assert strategy.penalty(step) is None
        for p in parameters:
            p.grad = None
        main.backward()
        g = torch.cat([p.grad.flatten() for p in parameters])
        strategy.after_backward(parameters)
        found = torch.cat([p.grad.flatten() for p in parameters])

        P = network.head.embed(task.S)
        logits = network.head.score(strategy.inputs_[recalled], P)
        losses = []
        for row, label, number in zip(
            logits, strategy.labels_[recalled], strategy.tasks_[recalled], strict=True
        ):
            own = torch.tensor([3, 8, 0] if number == 1 else [11, 5]).sort().values
            place = int((own == label).nonzero())
            losses.append(-row[torch.searchsorted(task.seen, own)].log_softmax(0)[place])
        r = torch.autograd.grad(torch.stack(losses).mean(), parameters)
        r = torch.cat([part.flatten() for part in r])
        expected = g if g @ r >= 0 else g - (g @ r) / (r @ r) * r
        conflicts += bool(g @ r < 0)

        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert conflicts == 1
