"""Balanced MSE against the authors' statement of it: a normal density for each target."""

import pytest
import torch
from torch.distributions import MultivariateNormal
from torch.testing import assert_close

from unseen.losses import balanced_mse

GENERATOR = torch.Generator().manual_seed(0)
PREDICTED = torch.rand(6, 3, generator=GENERATOR, dtype=torch.float64)
TARGETS = torch.rand(6, 3, generator=GENERATOR, dtype=torch.float64)


def bmc(predicted: torch.Tensor, targets: torch.Tensor, noise: float) -> torch.Tensor:
    """Equation (3.8) of the paper's program, jiawei-ren/BalancedMSE (MIT)."""
    identity = torch.eye(predicted.shape[1], dtype=predicted.dtype)
    density = MultivariateNormal(predicted.unsqueeze(1), noise**2 * identity)
    logits = density.log_prob(targets.unsqueeze(0))  # (n, n)
    loss = torch.nn.functional.cross_entropy(logits, torch.arange(len(predicted)))

    return loss * 2 * noise**2


@pytest.mark.parametrize("noise", [0.03, 0.1, 1.0])
def test_with_targets_of_their_own_it_is_the_authors_loss(noise: float) -> None:
    loss = balanced_mse(PREDICTED, TARGETS, torch.arange(6), noise)

    assert_close(loss, bmc(PREDICTED, TARGETS, noise))


def test_examples_of_one_class_are_all_right() -> None:
    classes = torch.tensor([0, 0, 0, 1, 1, 2])
    targets = TARGETS[classes]
    ours, theirs = PREDICTED.clone().requires_grad_(), PREDICTED.clone().requires_grad_()
    merged, apart = balanced_mse(ours, targets, classes, 0.3), bmc(theirs, targets, 0.3)
    merged.backward()
    apart.backward()

    constant = 2 * 0.3**2 * torch.tensor([3, 3, 3, 2, 2, 1]).double().log().mean()
    assert_close(merged, apart - constant)
    assert_close(ours.grad, theirs.grad)


def test_it_vanishes_where_every_prediction_is_its_target() -> None:
    classes = torch.arange(6) % 3
    targets = 10 * TARGETS[classes]

    assert balanced_mse(targets, targets, classes, 0.1).item() == pytest.approx(0, abs=1e-6)
    assert balanced_mse(targets.flip(0), targets, classes, 0.1).item() > 1


def test_noise_must_be_positive() -> None:
    with pytest.raises(ValueError, match="`noise` must be greater than 0; got 0"):
        balanced_mse(PREDICTED, TARGETS, torch.arange(6), 0)
