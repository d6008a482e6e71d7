"""The attribute embedder: sizes, order of layers, owned randomness, exact statistics."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from unseen.nets.attribute_embedder import AttributeEmbedder
from unseen.nets.class_standardization import ClassStandardization

COUNTS = {"SUN": (102, 3_254_272), "CUB": (312, 3_469_312), "AWA": (85, 3_236_864)}
COUNTS |= {"APY": (64, 3_215_360)}


def embedder(*hidden_sizes: int, seed: int = 0, **options: object) -> AttributeEmbedder:
    generator = torch.Generator().manual_seed(seed)

    return AttributeEmbedder(5, hidden_sizes, 4, generator=generator, **options)


@pytest.mark.parametrize("name", COUNTS)
def test_u13_parameter_counts(name: str) -> None:
    attributes, count = COUNTS[name]
    norm, generator = ClassStandardization, torch.Generator().manual_seed(0)
    network = AttributeEmbedder(attributes, (1024, 1024), 2048, norm, norm, generator=generator)

    assert sum(parameter.numel() for parameter in network.parameters()) == count


@pytest.mark.parametrize(
    ("hidden_sizes", "norms", "expected"),
    [
        ((), {}, "Linear ReLU"),
        ((), {"final_relu": False}, "Linear"),
        ((8,), {"norm_after_relu": nn.LayerNorm}, "Linear ReLU LayerNorm Linear ReLU"),
        ((8,), {"norm_before_relu": nn.LayerNorm}, "Linear LayerNorm ReLU Linear ReLU"),
        (
            (8, 8),
            {"norm_before_relu": ClassStandardization, "norm_after_relu": nn.LayerNorm},
            "Linear ReLU Linear ClassStandardization ReLU LayerNorm Linear ReLU",
        ),
    ],
)
def test_norms_stand_around_the_last_hidden_relu(
    hidden_sizes: tuple[int, ...], norms: dict, expected: str
) -> None:
    layers = [type(layer).__name__ for layer in embedder(*hidden_sizes, **norms)]

    assert layers == expected.split()


def test_the_generator_owns_all_weights() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, again, other = embedder(8), embedder(8), embedder(8, seed=1)

    assert torch.equal(torch.get_rng_state(), before)
    for a, b, c in zip(first.parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_final_weight_is_that_of_the_last_linear_layer() -> None:
    assert embedder(8, 7).final_weight.shape == (4, 7)
    assert embedder().final_weight.shape == (4, 5)


@pytest.mark.parametrize("divide_by", ["std", "var"])
def test_settled_statistics_repeat_the_training_pass(divide_by: str) -> None:
    def norm(size: int) -> nn.Module:
        return ClassStandardization(size, divide_by=divide_by)

    network = embedder(8, 8, norm_before_relu=norm, norm_after_relu=norm)
    table = torch.rand(20, 5, generator=torch.Generator().manual_seed(3))
    trained = network.train()(table)
    network.eval()
    assert not torch.allclose(network(table), trained, rtol=1e-3)
    network.settle(table)

    assert_close(network(table), trained, rtol=1e-4, atol=1e-6)


def test_one_class_settles_no_variance() -> None:
    """With one degree of freedom less it would be NaN, and with it every score."""
    norm = partial(ClassStandardization, divide_by="var")
    network = embedder(8, 8, norm_after_relu=norm).eval()
    table = torch.rand(20, 5, generator=torch.Generator().manual_seed(3))
    before = network(table)
    network.settle(table[:1])

    assert torch.equal(network(table), before)
