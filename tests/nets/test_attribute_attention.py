"""Attention over regions against the formula written plainly, and what must not matter to it."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from unseen.nets.attribute_attention import AttributeAttention, compactness

N, R, C, A, M = 3, 6, 5, 4, 7


def head(hidden: int = 0, ratio: float = 0.7, vectors: bool = True) -> AttributeAttention:
    """Makes a head in double precision, all its numbers of the size of 1."""
    generator = torch.Generator().manual_seed(0)
    words = torch.randn(A, 9, generator=generator) if vectors else None
    made = AttributeAttention(C, A, M, hidden, ratio, vectors=words, generator=generator).double()
    for parameter in made.parameters():
        parameter.data.normal_(generator=generator)

    return made


def regions(seed: int = 1) -> Tensor:
    return torch.randn(N, R, C, generator=torch.Generator().manual_seed(seed)).double()


@torch.no_grad()
def plainly(made: AttributeAttention, F: Tensor) -> tuple[Tensor, Tensor]:
    """Predicts image by image and attribute by attribute, as the formula is printed."""
    predicted, attention = torch.zeros(N, A).double(), torch.zeros(N, A, R).double()
    words = torch.eye(A).double() if made.vectors is None else made.vectors
    b_k = torch.arange(M).double()  # which must not matter
    for i in range(N):
        K = F[i] @ made.key.weight.T + b_k  # (R, M)
        V = F[i] @ made.value.weight.T + made.value.bias
        for s in range(A):
            q = made.query.weight @ words[s] + made.query.bias
            terms = [math.exp(float(q @ (K[r] - K[0]))) for r in range(R)]
            attention[i, s] = torch.tensor(terms, dtype=torch.float64) / sum(terms)
            o = made.output.weight @ (attention[i, s] @ V) + made.output.bias
            h = F[i].mean(dim=0) + made.ratio * o
            if made.hidden is not None:
                h = made.hidden.weight @ h + made.hidden.bias
            predicted[i, s] = h @ made.readout[s]

    return predicted, attention


@pytest.mark.parametrize("hidden", [0, 11])
@pytest.mark.parametrize("vectors", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_it_is_the_formula(hidden: int, vectors: bool, training: bool) -> None:
    made = head(hidden, vectors=vectors).train(training)
    for ours, theirs in zip(made(regions()), plainly(made, regions()), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("hidden", [0, 11])
def test_its_gradients_are_those_of_the_formula(hidden: int) -> None:
    made, wanted = head(hidden), torch.randn(N, A).double()
    parameters = list(made.parameters())
    ours = torch.autograd.grad((made(regions())[0] * wanted).sum(), parameters)

    for place, (parameter, gradient) in enumerate(zip(parameters, ours, strict=True)):
        change, step = torch.zeros_like(parameter), 1e-6
        change.view(-1)[place % parameter.numel()] = step
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter += sign * change
                values.append(float((made(regions())[0] * wanted).sum()))
                parameter -= sign * change
        slope = (values[0] - values[1]) / (2 * step)
        assert float((gradient * change).sum() / step) == pytest.approx(slope, rel=1e-4, abs=1e-5)


def test_without_ratio_it_is_the_mean_of_the_regions() -> None:
    made = head(ratio=0.0)

    torch.testing.assert_close(made(regions())[0], regions().mean(dim=1) @ made.readout.T)


def test_attention_sums_to_one_over_the_regions() -> None:
    attention = head()(100 * regions())[1]

    assert attention.shape == (N, A, R)
    assert (attention >= 0).all()
    torch.testing.assert_close(attention.sum(dim=2), torch.ones(N, A).double())


def test_moved_regions_move_the_attention_and_nothing_else() -> None:
    made, order = head(hidden=11), torch.tensor([3, 1, 5, 0, 2, 4])
    predicted, attention = made(regions())
    again, moved = made(regions()[:, order])

    torch.testing.assert_close(again, predicted)
    torch.testing.assert_close(moved, attention[:, :, order])
    assert not torch.allclose(moved, attention)


def test_a_row_does_not_depend_on_the_others() -> None:
    made = head()
    whole = made(regions())

    for part, all_rows in zip(made(regions()[1:2]), whole, strict=True):
        torch.testing.assert_close(part, all_rows[1:2])


def test_attributes_with_the_same_words_look_at_the_same() -> None:
    made = head()
    made.vectors[2] = made.vectors[0]
    attention = made(regions())[1]

    torch.testing.assert_close(attention[:, 2], attention[:, 0])
    assert not torch.allclose(attention[:, 1], attention[:, 0])


def test_words_are_kept_and_not_learned() -> None:
    made = head()

    assert "vectors" in made.state_dict()
    assert "vectors" not in dict(made.named_parameters())
    assert "vectors" not in head(vectors=False).state_dict()


def test_initial_weights_are_of_the_generator_alone() -> None:
    def made(seed: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return AttributeAttention(C, A, M, 11, generator=generator).state_dict()

    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again, other = made(0), made(0), made(1)

    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], again[name]) for name in first)
    for name, value in first.items():
        assert value.isfinite().all()
        assert torch.equal(value, other[name]) == name.endswith("bias"), name


def test_compactness_is_the_mean_squared_distance_to_the_peak() -> None:
    attention = np.random.default_rng(0).dirichlet(np.ones(9), (2, 3))
    total = 0.0
    for i in range(2):
        for s in range(3):
            peak = divmod(int(attention[i, s].argmax()), 3)
            for r in range(9):
                y, x = divmod(r, 3)
                total += attention[i, s, r] * ((y - peak[0]) ** 2 + (x - peak[1]) ** 2)

    assert float(compactness(torch.from_numpy(attention))) == pytest.approx(total / (2 * 3 * 9))
    assert float(compactness(torch.eye(9)[None])) == 0
