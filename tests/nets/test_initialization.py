"""Initialisations of the last weight: the standard deviations of the specification."""

import math

import pytest
import torch
from torch import Tensor

from unseen.benchmark.recipes import RECIPES
from unseen.methods.class_norm import ClassNorm
from unseen.nets.attribute_embedder import AttributeEmbedder
from unseen.nets.initialization import INITIALIZATIONS, class_norm_std, initialize_normal
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing

D_Z, D_H = 2048, 1024
STDS = {
    "class-norm": 6.905e-4,
    "class-norm-normal": 6.905e-4,
    "class-norm-relu": 1.1828e-3,
    "pytorch": 1 / math.sqrt(3 * D_H),
    "kaiming-fan-in": math.sqrt(2 / D_H),
    "kaiming-fan-out": math.sqrt(2 / D_Z),
    "xavier": math.sqrt(2 / (D_H + D_Z)),
}
LINEAR = {102: (2.1879e-3, 3.7896e-3), 312: (1.2510e-3, 2.1668e-3), 85: (2.3968e-3, 4.1513e-3)}
LINEAR |= {64: (2.7621e-3, 4.7842e-3)}
# Section 5: the baselines keep PyTorch's default, but for the one with Eq. (10) alone.
OF_RECIPES = {
    "mlp-paper": "pytorch",
    "mlp+9": "pytorch",
    "mlp+10": "class-norm",
    "class-norm-paper": "class-norm",
    "class-norm-notebook": "class-norm",
    "class-norm-src": "class-norm",
}


def initialized(init: str, d_h: int = D_H) -> Tensor:
    weight = torch.empty(D_Z, d_h)
    INITIALIZATIONS[init](weight, torch.Generator().manual_seed(0))

    return weight


def test_every_initialization_has_its_number() -> None:
    assert set(STDS) == set(INITIALIZATIONS)


@pytest.mark.parametrize("init", STDS)
def test_u4_standard_deviation(init: str) -> None:
    weight = initialized(init)

    assert weight.std().item() == pytest.approx(STDS[init], rel=0.02)
    assert abs(weight.mean().item()) < 0.01 * STDS[init]


@pytest.mark.parametrize(
    ("init", "bound"), [("class-norm", 1.1961e-3), ("class-norm-relu", 2.0486e-3)]
)
def test_u4_bound_of_the_uniform_versions(init: str, bound: float) -> None:
    greatest = initialized(init).abs().max().item()

    assert 0.999 * bound < greatest <= bound * 1.0001


def test_u4_normal_version_is_not_bounded() -> None:
    assert initialized("class-norm-normal").abs().max() > 4 * STDS["class-norm-normal"]


@pytest.mark.parametrize("attributes", LINEAR)
def test_u4_table_of_the_linear_embedder(attributes: int) -> None:
    std, bound = LINEAR[attributes]
    weight = AttributeEmbedder(
        attributes, (), D_Z, generator=torch.Generator().manual_seed(0)
    ).final_weight

    assert class_norm_std(D_Z, attributes) == pytest.approx(std, rel=1e-4)
    assert weight.std().item() == pytest.approx(std, rel=0.02)
    assert 0.999 * bound < weight.abs().max().item() <= bound * 1.0001


def test_u4_bias_and_other_layers_keep_the_pytorch_default() -> None:
    embedder = AttributeEmbedder(85, (D_H, D_H), D_Z, generator=torch.Generator().manual_seed(0))
    first, second, last = (layer for layer in embedder if isinstance(layer, torch.nn.Linear))

    for tensor, fan_in in [
        (first.weight, 85),
        (first.bias, 85),
        (second.weight, D_H),
        (second.bias, D_H),
        (last.bias, D_H),
    ]:
        bound = 1 / math.sqrt(fan_in)
        assert 0.98 * bound < tensor.abs().max().item() <= bound
        assert tensor.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize(
    ("model", "init"),
    [
        *((ClassNorm(init=init), init) for init in STDS),
        *((RECIPES[name]().method, init) for name, init in OF_RECIPES.items()),
    ],
    ids=[*STDS, *OF_RECIPES],
)
def test_u4_the_method_starts_as_its_setting_says(model: ClassNorm, init: str) -> None:
    model.final_relu_ = True  # as the fit to raw features finds
    sides = FeaturePreprocessing("none", D_Z), AttributeNormalization("sqrt", 85)
    embedder = model._network(*sides, torch.Generator().manual_seed(0)).embedder
    weights = [layer.weight for layer in embedder if isinstance(layer, torch.nn.Linear)]

    others = [1 / math.sqrt(3 * fan_in) for fan_in in (85, D_H)]
    stds = [weight.std().item() for weight in weights]
    assert stds == pytest.approx([*others, STDS[init]], rel=0.02)
    unbounded = weights[-1].abs().max() > 4 * STDS[init]
    assert unbounded == (init == "class-norm-normal")


@pytest.mark.parametrize(("truncated", "share"), [(False, 1.0), (True, 0.8796)])
def test_whole_networks_start_normal_with_zero_biases(truncated: bool, share: float) -> None:
    generator = torch.Generator().manual_seed(0)
    embedder = AttributeEmbedder(85, (256,), 512, generator=generator)
    initialize_normal(embedder, 0.1, generator, truncated)
    first, second = (layer for layer in embedder if isinstance(layer, torch.nn.Linear))

    for layer in (first, second):
        assert layer.weight.std().item() == pytest.approx(0.1 * share, rel=0.02)
        assert (layer.weight.abs().max() <= 0.2) == truncated
        assert not layer.bias.any()
