"""Smoothed cross-entropy: the target written out, for both versions."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from unseen.losses.smoothed_cross_entropy import smoothed_cross_entropy

LOGITS = 3 * torch.randn(20, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
LABELS = torch.arange(20) % 4


def target(true_share: float, each_other: float) -> Tensor:
    return F.one_hot(LABELS, 4).double() * (true_share - each_other) + each_other


@pytest.mark.parametrize("legacy", [False, True])
def test_a_share_of_one_is_plain_cross_entropy(legacy: bool) -> None:
    loss = smoothed_cross_entropy(LOGITS, LABELS, 1.0, legacy)

    assert_close(loss, F.cross_entropy(LOGITS, LABELS))


@pytest.mark.parametrize("true_share", [0.5, 0.9, 0.99])
def test_target_sums_to_one(true_share: float) -> None:
    wanted = target(true_share, (1 - true_share) / 3)

    assert_close(wanted.sum(dim=1), torch.ones(20, dtype=torch.float64))
    assert_close(
        smoothed_cross_entropy(LOGITS, LABELS, true_share), F.cross_entropy(LOGITS, wanted)
    )


@pytest.mark.parametrize("true_share", [0.5, 0.9, 0.99])
def test_legacy_target_sums_to_less(true_share: float) -> None:
    wanted = target(true_share, (1 - true_share) / 4)
    loss = -(wanted * LOGITS.log_softmax(dim=1)).sum(dim=1).mean()

    assert (wanted.sum(dim=1) < 1).all()
    assert_close(smoothed_cross_entropy(LOGITS, LABELS, true_share, legacy=True), loss)


def test_the_specified_legacy_sum() -> None:
    assert target(0.9, 0.1 / 4)[0].sum().item() == pytest.approx(0.975)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("true_share", [0.1, 0.25])
def test_the_true_class_has_the_greatest_share(true_share: float, legacy: bool) -> None:
    with pytest.raises(ValueError, match=r"more than 1 / 4 of the target.*; got 0\.\d+"):
        smoothed_cross_entropy(LOGITS, LABELS, true_share, legacy)
