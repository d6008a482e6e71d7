"""Dropout without a generator: share, scale, independence, and what it leaves alone."""

import copy

import pytest
import torch

from unseen.nets.dropout import CountedDropout

X = torch.ones(64, 512)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_the_share_is_dropped_and_the_mean_stays(share: float) -> None:
    dropped = CountedDropout(share, seed=3)(X)

    assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1, abs=0.03)
    assert torch.allclose(dropped[dropped != 0], torch.tensor(1 / (1 - share)))


def test_rows_columns_calls_and_seeds_are_independent() -> None:
    dropout = CountedDropout(0.5, seed=0)
    masks = [dropout(X) != 0 for _ in range(3)] + [CountedDropout(0.5, seed=1)(X) != 0]

    for i, mask in enumerate(masks):
        for other in masks[:i]:
            assert (mask == other).float().mean().item() == pytest.approx(0.5, abs=0.015)
    first, second = masks[0].flatten(), masks[1].flatten()
    for shift in (1, 2, 512):  # the next mask is no shifted one
        same = first[shift:] == second[:-shift]
        assert same.float().mean().item() == pytest.approx(0.5, abs=0.015)
        same = second[shift:] == first[:-shift]
        assert same.float().mean().item() == pytest.approx(0.5, abs=0.015)
    signs = 2.0 * masks[0] - 1  # (64, 512)
    rows, columns = signs @ signs.T / 512, signs.T @ signs / 64
    assert (rows - torch.eye(64)).abs().max() < 0.25  # 5.7 standard errors
    assert (columns - torch.eye(512)).abs().max() < 0.75  # 6


def test_evaluation_and_a_share_of_nothing_change_nothing() -> None:
    assert torch.equal(CountedDropout(0.5, seed=0).eval()(X), X)
    assert torch.equal(CountedDropout(0.0, seed=0)(X), X)


def test_masks_resume_from_the_saved_state_and_leave_the_global_generator() -> None:
    state = torch.get_rng_state()
    dropout = CountedDropout(0.5, seed=0)
    dropout(X)
    saved = copy.deepcopy(dropout.state_dict())
    wanted = dropout(X)
    again = CountedDropout(0.5, seed=7)
    again.load_state_dict(saved)

    assert torch.equal(again(X), wanted)
    assert torch.equal(torch.get_rng_state(), state)


def test_only_kept_values_get_a_gradient() -> None:
    x = X.clone().requires_grad_()
    dropped = CountedDropout(0.5, seed=0)(x)
    dropped.sum().backward()

    assert torch.equal(x.grad, dropped.detach())
