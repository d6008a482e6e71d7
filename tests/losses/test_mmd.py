"""The discrepancy against the published numbers, a plain statement, and its limits."""

import pytest
import torch

from unseen.losses.mmd import kernel, negative_mmd


def normal(seed: int, n: int, d: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_numbers_by_hand() -> None:
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    y = torch.tensor([[0.0, 2.0], [1.0, 2.0]])

    assert negative_mmd(x, y).item() == pytest.approx(-0.655556, abs=1e-6)
    assert negative_mmd(x, x).item() == pytest.approx(0.2, abs=1e-6)  # (2 / n) (1 - 0.8)


@pytest.mark.parametrize(
    ("std", "shift", "expected", "error"),
    [(0.1, 1.0, -0.656, 5e-3), (0.45, 1.0, -0.489, 5e-3), (0.1, 0.0, 0, 1e-3)],
)
def test_high_dimensions(std: float, shift: float, expected: float, error: float) -> None:
    x, y = std * normal(0, 256, 2048), std * normal(1, 256, 2048) + shift

    assert negative_mmd(x, y).item() == pytest.approx(expected, abs=error)


def test_it_follows_the_formula() -> None:
    x, y = normal(0, 6, 3).double(), 2 + normal(1, 6, 3).double()

    def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return 6 / (6 + (a - b).square().sum())

    wanted = 2 / 36 * sum(kernel(a, b) for a in x for b in y)
    for z in (x, y):
        wanted -= sum(kernel(z[i], z[j]) for i in range(6) for j in range(6) if i != j) / 30

    assert negative_mmd(x, y).item() == pytest.approx(wanted.item(), abs=1e-12)


def test_far_samples_are_negative_and_samples_of_one_law_are_not() -> None:
    assert negative_mmd(normal(0, 50, 4), normal(1, 50, 4) + 100) < -1
    assert abs(negative_mmd(normal(0, 2000, 4), normal(1, 2000, 4))) < 2e-3


def test_large_numbers_leave_distances_non_negative() -> None:
    x = (1e4 + normal(0, 20, 8)).requires_grad_()
    value = negative_mmd(x, x.detach())

    assert -0.01 < value < 0.2  # 2 / n at most, for rows that look the same
    products = x @ x.T
    values = kernel(products, products.diagonal(), products.diagonal(), 16)
    assert values.min() > 0
    assert values.max() <= 1
    value.backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_one_row_has_no_other() -> None:
    assert negative_mmd(torch.zeros(1, 3), torch.zeros(1, 3)).item() == 2


def test_samples_of_two_sizes() -> None:
    with pytest.raises(ValueError, match="one shape"):
        negative_mmd(torch.zeros(2, 3), torch.zeros(3, 3))
