"""LwF: the distance from the teacher, who stays as it was."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from unseen.continual.learner import ContinualLearner
from unseen.continual.lwf import LwF, distillation
from unseen.continual.strategy import Step, StreamNetwork, TaskRows
from unseen.data.dataset import ZeroShotData
from unseen.training.loop import EpochReport, Monitor


def test_the_distance_of_the_formula() -> None:
    student, teacher = torch.zeros(1, 2), torch.tensor([[2.0, 0.0]])
    divergence = distillation(student, teacher, temperature=2.0)

    assert_close(divergence.item(), 0.44378, rtol=0, atol=5e-6)
    assert_close(divergence.item() / 4, 0.11094, rtol=0, atol=5e-6)
    assert_close(distillation(student.expand(3, 2), teacher.expand(3, 2), 2.0), divergence)


def test_it_is_zero_where_both_agree() -> None:
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    divergence = distillation(logits, logits.detach() + 5, temperature=2.0)
    divergence.backward()

    assert_close(divergence.item(), 0.0, rtol=0, atol=1e-6)
    assert logits.grad is not None
    assert_close(logits.grad, torch.zeros(4, 3), rtol=0, atol=1e-6)


def test_no_gradient_reaches_the_teacher() -> None:
    student, teacher = torch.zeros(1, 2).requires_grad_(), torch.ones(1, 2).requires_grad_()
    distillation(student, teacher * torch.tensor([2.0, 0.0]), temperature=2.0).backward()

    assert teacher.grad is None
    assert student.grad is not None
    assert student.grad.abs().max() > 0


class Quoting(LwF):
    """Keeps what the teacher said after the task, where a test can read it."""

    def after_task(self, network: StreamNetwork, task: TaskRows) -> None:
        self.said, self.about = self._teacher, self._known
        super().after_task(network, task)


def learned(toy: ZeroShotData, tasks: list[list[int]], strategy: LwF) -> ContinualLearner:
    model = ContinualLearner(strategy=strategy, random_state=0)
    for classes in tasks:
        learn(model, toy, classes)

    return model


def learn(
    model: ContinualLearner, toy: ZeroShotData, classes: list[int], monitor: Monitor | None = None
) -> None:
    rows = np.flatnonzero(np.isin(toy.labels, classes))
    model.partial_fit(toy.rows(rows), toy.labels[rows], toy.class_attributes, monitor=monitor)


def test_the_teacher_is_the_model_before_the_task(toy: ZeroShotData) -> None:
    model = learned(toy, [[0, 1], [2, 3]], Quoting())
    rows = np.flatnonzero(np.isin(toy.labels, [4, 5]))
    expected = model.decision_function(toy.rows(rows), toy.class_attributes)[:, :4]
    learn(model, toy, [4, 5])
    assert isinstance(model.strategy_, Quoting)
    assert model.strategy_.said is not None

    assert model.strategy_.about.tolist() == [0, 1, 2, 3]
    assert_close(model.strategy_.said.numpy(), expected, rtol=1e-5, atol=1e-5)


def test_what_the_teacher_said_is_dropped_after_the_task(toy: ZeroShotData) -> None:
    strategy = learned(toy, [[0, 1], [2, 3], [4, 5]], LwF()).strategy_
    assert isinstance(strategy, LwF)

    assert strategy.memory_bytes() == {"labels": 6 * 8}
    assert strategy.state().keys() == {"seen_"}
    assert strategy._teacher is None
    assert strategy._known.numel() == 0


def test_the_teacher_knows_a_class_that_comes_again(toy: ZeroShotData) -> None:
    model = learned(toy, [[0, 1], [1, 2]], Quoting())
    assert isinstance(model.strategy_, Quoting)

    assert model.strategy_.about.tolist() == [0, 1]


def test_the_teacher_speaks_of_the_classes_that_training_knows(toy: ZeroShotData) -> None:
    model = ContinualLearner(strategy=Quoting(), old_classes=2, random_state=0)
    for classes in ([0, 1, 2, 3], [4, 5], [6, 7], [8, 9]):
        learn(model, toy, classes)
        assert isinstance(model.strategy_, Quoting)
        assert model.strategy_.about.numel() == (0 if 0 in classes else 2)
        assert model.strategy_.seen_.tolist() == np.flatnonzero(model.seen_).tolist()


def test_each_row_meets_its_own_teacher(toy: ZeroShotData) -> None:
    """The first step of a task starts at the teacher: in evaluation it is at no distance."""
    model = learned(toy, [[0, 1, 2]], LwF())
    strategy = model.strategy_
    assert isinstance(strategy, LwF)
    rows = np.flatnonzero(np.isin(toy.labels, [3, 4]))
    model.seen_ = model.seen_ | np.isin(np.arange(len(toy.class_names)), [3, 4])
    task = model._task_rows(toy.rows(rows), toy.labels[rows])
    strategy.before_task(model.network_, task)

    batch = torch.tensor([7, 0, 3])
    step = Step(
        model.network_, task, task.inputs[batch], task.columns(task.labels)[batch], batch[:0], batch
    )
    near = strategy.penalty(step)
    step.rows = batch.flip(0)
    far = strategy.penalty(step)
    assert near is not None
    assert far is not None

    assert_close(near.item(), 0.0, rtol=0, atol=1e-5)
    assert far.item() > 1e-4


def test_a_strong_teacher_is_obeyed(toy: ZeroShotData) -> None:
    def moved(weight: float) -> float:
        model = learned(toy, [[0, 1, 2, 3], [4, 5]], Quoting(weight=weight))
        strategy = model.strategy_
        assert isinstance(strategy, Quoting)
        assert strategy.said is not None
        rows = np.flatnonzero(np.isin(toy.labels, [4, 5]))
        scores = model.decision_function(toy.rows(rows), toy.class_attributes)[:, :4]
        return distillation(torch.from_numpy(scores), strategy.said, 2.0).item()

    assert moved(3.0) < 0.5 * moved(0.0)


def test_the_first_task_has_no_teacher(toy: ZeroShotData) -> None:
    losses: dict[float, list[float]] = {0.0: [], 50.0: []}
    for weight, seen in losses.items():
        model = ContinualLearner(strategy=LwF(weight=weight), random_state=0)

        def note(report: EpochReport, seen: list[float] = seen) -> None:
            seen.append(report.loss)

        learn(model, toy, [0, 1, 2], Monitor(callback=note))
        assert model.memory_bytes() == {"labels": 3 * 8}

    assert losses[0.0] == losses[50.0]
    quoting = learned(toy, [[0, 1, 2]], Quoting()).strategy_
    assert isinstance(quoting, Quoting)
    assert quoting.said is None


@pytest.mark.parametrize(("setting", "value"), [("weight", -1.0), ("temperature", 0.0)])
def test_settings_of_no_use(setting: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"`{setting}` must be"):
        LwF().set_params(**{setting: value}).check_settings()
