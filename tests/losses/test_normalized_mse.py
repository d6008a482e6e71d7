"""The normalised squared error: a cosine, and what ReMSE is without weights."""

import pytest
import torch
from torch.testing import assert_close

from unseen.losses import ReMSE, normalized_mse

GENERATOR = torch.Generator().manual_seed(0)
PREDICTED = torch.randn(20, 7, generator=GENERATOR, dtype=torch.float64)
TARGETS = torch.rand(20, 7, generator=GENERATOR, dtype=torch.float64)


def test_it_is_a_cosine() -> None:
    cosines = torch.nn.functional.cosine_similarity(PREDICTED, TARGETS)

    assert_close(normalized_mse(PREDICTED, TARGETS), 2 * (1 - cosines).mean() / 7)
    assert_close(normalized_mse(3 * PREDICTED, 5 * TARGETS), normalized_mse(PREDICTED, TARGETS))


def test_it_is_remse_without_exponents() -> None:
    with pytest.warns(UserWarning, match="p = p2 = 0"):
        remse = ReMSE(4, 7, p=0, p2=0).double()

    assert_close(
        normalized_mse(PREDICTED, TARGETS), remse(PREDICTED, TARGETS, torch.arange(20) % 4)
    )
