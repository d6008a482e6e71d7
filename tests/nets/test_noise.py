"""Counted noise: the right distributions, the same numbers again, and no global state."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from unseen.nets.noise import CountedNoise


def test_normal_numbers_are_normal() -> None:
    drawn = CountedNoise(0).normal(400, 501)  # an odd number of them

    assert drawn.shape == (400, 501)
    assert kstest(drawn.flatten()[::7].numpy(), "norm").pvalue > 0.01
    assert abs(np.corrcoef(drawn[:, :-1].flatten(), drawn[:, 1:].flatten())[0, 1]) < 0.01
    halves = drawn.flatten()[:100_000], drawn.flatten()[100_200:200_200]  # the two of a pair
    assert abs(np.corrcoef(*halves)[0, 1]) < 0.02


@pytest.mark.parametrize("below", [1, 7, 2**31])
def test_integers_are_uniform(below: int) -> None:
    drawn = CountedNoise(1).integers(20_000, below)

    assert drawn.min() >= 0
    assert drawn.max() < below
    assert drawn.double().mean() == pytest.approx((below - 1) / 2, abs=0.02 * below)
    if below == 7:
        assert drawn.bincount().min() > 20_000 / 7 * 0.9


def test_a_subset_has_no_number_twice() -> None:
    noise = CountedNoise(2)
    drawn = torch.stack([noise.subset(3, 6).sort().values for _ in range(500)])

    assert (drawn.diff(dim=1) > 0).all()
    assert drawn.flatten().bincount(minlength=6).min() > 200


def test_the_count_is_saved_and_the_global_state_is_left() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    noise, again, other = CountedNoise(3), CountedNoise(4), CountedNoise(4)
    noise.normal(2, 2)
    again.load_state_dict(noise.state_dict())
    expected = noise.normal(2, 2)

    assert torch.equal(again.normal(2, 2), expected)
    assert not torch.equal(noise.normal(2, 2), expected)
    assert not torch.equal(other.normal(2, 2), expected)
    assert torch.equal(torch.get_rng_state(), state)
