"""MAS: how far the squared logits of single examples depend on each weight."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unseen.continual.mas import MAS
from unseen.continual.strategy import TaskRows


class Line(nn.Module):
    """The logits of two classes: theta x + b, and 0."""

    def __init__(self, theta: float, b: float | None = None) -> None:
        super().__init__()

        self.theta = nn.Parameter(torch.tensor(theta))
        self.b = None if b is None else nn.Parameter(torch.tensor(b))

    def forward(self, inputs: Tensor, S: Tensor) -> Tensor:  # noqa: ARG002
        first = self.theta * inputs + (0.0 if self.b is None else self.b)

        return torch.cat([first, 0 * inputs], dim=1)


class Described(Line):
    """The logits theta x s, of classes with descriptions s."""

    def forward(self, inputs: Tensor, S: Tensor) -> Tensor:
        return self.theta * inputs * S.T


def importance(
    strategy: MAS, network: Line, *inputs: float, number: int = 1, classes: tuple[int, ...] = (0, 1)
) -> list[float]:
    task = TaskRows(
        number=number,
        inputs=torch.tensor(inputs).unsqueeze(1),
        labels=torch.full((len(inputs),), classes[0]),
        classes=torch.tensor(classes),
        seen=torch.tensor([0, 1]),
        S=torch.tensor([[1.0], [2.0]]),
        seed=0,
    )
    strategy.after_task(network, task)  # ty: ignore

    return strategy.importance_.tolist()


def test_the_importance_is_of_single_examples() -> None:
    assert_close(importance(MAS(), Line(1.0), 1.0, 2.0), [5.0])


def test_signs_do_not_cancel() -> None:
    assert_close(importance(MAS(), Line(1.0, 0.0), 1.0, -1.0), [2.0, 2.0])
    assert_close(importance(MAS(legacy_importance=True), Line(1.0, 0.0), 1.0, -1.0), [2.0, 0.0])


def test_it_is_quadratic_in_the_logits_and_wants_no_labels() -> None:
    small, large = importance(MAS(), Line(1.0), 1.0), importance(MAS(), Line(3.0), 1.0)

    assert_close(large, [3 * small[0]])  # the gradient of the square, by theta


@pytest.mark.parametrize(("competing", "expected"), [("task", 8.0), ("seen", 2.0 + 8.0)])
def test_the_classes_whose_logits_count(competing: str, expected: float) -> None:
    found = importance(MAS(competing=competing), Described(1.0), 1.0, classes=(1,))

    assert_close(found, [expected])


def test_earlier_importances_decay() -> None:
    strategy = MAS()
    importance(strategy, Line(1.0), 1.0, 2.0)

    assert_close(importance(strategy, Line(1.0), 1.0, 2.0, number=2), [5 + 0.95 * 5])


def test_the_defaults_are_the_papers() -> None:
    assert (MAS().weight, MAS().decay) == (1e-4, 0.95)


@pytest.mark.parametrize(
    ("setting", "value"), [("weight", -1.0), ("decay", -0.1), ("competing", "all")]
)
def test_settings_of_no_use(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"`{setting}` must be"):
        MAS().set_params(**{setting: value}).check_settings()
