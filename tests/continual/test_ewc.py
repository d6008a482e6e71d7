"""EWC: the Fisher information of single examples, as in the formula; the online sum; the price."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unseen.continual.ewc import EWC, rescaled
from unseen.continual.strategy import Step, TaskRows


class Theta(nn.Module):
    """The logits of up to three classes: theta x + b, 0 and 0."""

    head = SimpleNamespace(embed=lambda S: S)

    def __init__(self, theta: float, bias: float | None = None) -> None:
        super().__init__()

        self.theta = nn.Parameter(torch.tensor(theta))
        self.b = None if bias is None else nn.Parameter(torch.tensor(bias))

    def forward(self, inputs: Tensor, S: Tensor) -> Tensor:
        first = self.theta * inputs + (0.0 if self.b is None else self.b)

        return torch.cat([first, 0 * inputs, 0 * inputs], dim=1)[:, : len(S)]


def task_of(inputs: list[float], labels: list[int], number: int = 1) -> TaskRows:
    """Makes a task of two classes, whichever of them have examples."""
    return TaskRows(
        number=number,
        inputs=torch.tensor(inputs).unsqueeze(1),
        labels=torch.tensor(labels),
        classes=torch.tensor([0, 1]),
        seen=torch.tensor([0, 1]),
        S=torch.zeros(2, 1),
        seed=0,
    )


def importance(strategy: EWC, network: Theta, task: TaskRows) -> list[float]:
    strategy.after_task(network, task)  # ty: ignore

    return strategy.importance_.tolist()


@pytest.mark.parametrize(
    ("inputs", "labels", "legacy", "expected"),
    [
        ([1.0, 2.0], [0, 0], False, 0.625),
        ([1.0, 2.0], [0, 0], True, 0.28125),
        ([1.0, 1.0], [0, 1], False, 0.25),
        ([1.0, 1.0], [0, 1], True, 0.0),
    ],
)
def test_the_fisher_information_is_of_single_examples(
    inputs: list[float], labels: list[int], legacy: bool, expected: float
) -> None:
    strategy = EWC(rescale=False, legacy_importance=legacy)

    assert_close(importance(strategy, Theta(0.0), task_of(inputs, labels)), [expected])


def test_batches_of_the_released_code_have_32_rows() -> None:
    """Gradients -x/2 of mean 0.5 in a whole batch, and of mean 1 in the rest of one row."""
    task = task_of([1.0] * 32 + [2.0], [0] * 33)
    strategy = EWC(rescale=False, legacy_importance=True)

    assert_close(importance(strategy, Theta(0.0), task), [(0.25 + 1.0) / 33])


def test_earlier_importances_decay() -> None:
    strategy = EWC(rescale=False)

    assert_close(importance(strategy, Theta(0.0), task_of([2.0], [0])), [1.0])
    first = strategy.importance_
    assert_close(importance(strategy, Theta(0.0), task_of([2.0], [0], number=2)), [1.99])
    assert first.item() == 1.0  # a task that fails can be taken back


def test_after_every_task_weights_are_free_to_stay() -> None:
    network, strategy = Theta(0.0), EWC(rescale=False)
    for number in (1, 2, 3):
        with torch.no_grad():
            network.theta += 0.5
        importance(strategy, network, task_of([2.0], [0], number))
        penalty = strategy.penalty(step_of(network, number + 1))

        assert penalty is not None
        assert penalty.item() == 0.0


def test_the_price_of_a_move() -> None:
    network, strategy = Theta(0.0), EWC(rescale=False)
    importance(strategy, network, task_of([2.0], [0]))
    with torch.no_grad():
        network.theta += 0.1

    penalty = strategy.penalty(step_of(network, number=2))
    assert penalty is not None
    penalty.backward()

    assert_close(penalty.item(), 0.1)
    assert network.theta.grad is not None
    assert_close(network.theta.grad.item(), 2.0)


def test_the_first_task_is_free() -> None:
    assert EWC().penalty(step_of(Theta(0.0), number=1)) is None


def step_of(network: Theta, number: int) -> Step:
    task = task_of([1.0], [0], number)
    none = torch.zeros(0, dtype=torch.long)

    return Step(network, task, task.inputs, task.labels, none, none)  # ty: ignore


def test_the_least_and_greatest_become_0_and_1() -> None:
    task = task_of([1.0, -1.0, 3.0], [0, 0, 0])
    plain, scaled = EWC(rescale=False), EWC()
    importance(plain, Theta(0.3, 0.1), task)
    theta, b = plain.importance_.tolist()
    assert theta > b > 0

    assert importance(scaled, Theta(0.3, 0.1), task) == [1.0, 0.0]
    assert rescaled(torch.full((3,), 4.0)).tolist() == [0.0, 0.0, 0.0]
    assert_close(rescaled(torch.tensor([1.0, 2.0, 5.0])), torch.tensor([0.0, 0.25, 1.0]))


def test_the_model_may_draw_the_labels() -> None:
    """One that is sure of the first class, in data of the second, has nothing to learn."""
    task = task_of([40.0] * 20, [1] * 20)
    of_data, of_model = EWC(rescale=False), EWC(rescale=False, labels="model")

    assert importance(of_data, Theta(1.0), task)[0] > 100
    assert importance(of_model, Theta(1.0), task)[0] < 1e-6

    many = task_of([1.0] * 4000, [1] * 4000)  # the mean of (t - p)^2 over its labels: p (1 - p)
    p = 1 / (1 + math.exp(-1))
    drawn = importance(EWC(rescale=False, labels="model"), Theta(1.0), many)
    assert drawn[0] == pytest.approx(p * (1 - p), abs=0.02)

    doubtful = task_of([1.0] * 20, [1] * 20)
    once = importance(EWC(rescale=False, labels="model"), Theta(1.0), doubtful)
    assert once == importance(EWC(rescale=False, labels="model"), Theta(1.0), doubtful)
    assert once != importance(EWC(rescale=False), Theta(1.0), doubtful)


def test_all_seen_classes_may_compete() -> None:
    task = TaskRows(
        number=1,
        inputs=torch.tensor([[1.0]]),
        labels=torch.tensor([0]),
        classes=torch.tensor([0, 1]),
        seen=torch.tensor([0, 1, 2]),
        S=torch.zeros(3, 1),
        seed=0,
    )

    own = importance(EWC(rescale=False), Theta(0.0), task)
    seen = importance(EWC(rescale=False, competing="seen"), Theta(0.0), task)

    assert_close(own, [0.25])  # the first of two classes: (1 - 1/2)^2
    assert_close(seen, [4 / 9])  # the first of three: (1 - 1/3)^2


def test_bytes() -> None:
    strategy = EWC()
    importance(strategy, Theta(0.0, 0.0), task_of([1.0], [0]))

    assert strategy.memory_bytes() == {"importance": 2 * 4, "anchors": 2 * 4}


@pytest.mark.parametrize(
    ("setting", "value"),
    [("weight", -1.0), ("decay", 1.5), ("competing", "new"), ("labels", "true")],
)
def test_settings_of_no_use(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"`{setting}` must be"):
        EWC().set_params(**{setting: value}).check_settings()
