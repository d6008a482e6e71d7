"""Variances against plain statements, and the predictions of the theory (V1 to V3)."""

from functools import partial

import pytest
import torch
from torch import nn

from unseen.inspection.probe import Probe
from unseen.inspection.variance import (
    measure_variances,
    predicted_logit_variance,
    predicted_pre_logit_variance,
)
from unseen.nets.attribute_embedder import AttributeEmbedder
from unseen.nets.class_standardization import ClassStandardization
from unseen.nets.cosine_head import normalize_rows
from unseen.nets.preprocessing import AttributeNormalization


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_problem(scale: float | None = 5.0) -> tuple[AttributeEmbedder, Probe]:
    norm = ClassStandardization
    embedder = AttributeEmbedder(6, (8, 8), 10, norm, norm, generator=seeded())
    features, descriptions = (
        torch.randn(20, 10, generator=seeded(1)),
        torch.randn(7, 6, generator=seeded(2)),
    )

    return embedder, Probe(features, torch.zeros(20, dtype=torch.long), descriptions, scale)


def test_each_layer_has_its_name_and_numbers() -> None:
    embedder, probe = small_problem()
    layers = measure_variances(embedder, probe).layers

    h, embedder = probe.descriptions, embedder.train()
    expected = []
    with torch.no_grad():
        for layer in embedder:
            h = layer(h)
            expected.append((h.square().mean().item(), h.var(dim=0).mean().item()))

    assert [layer.name for layer in layers] == [
        *("linear 1", "ReLU 1", "linear 2", "class norm 1", "ReLU 2", "class norm 2"),
        *("linear 3", "ReLU 3"),
    ]
    for layer, (mean_square, class_variance) in zip(layers, expected, strict=True):
        assert layer.mean_square == pytest.approx(mean_square, rel=1e-5)
        assert layer.class_variance == pytest.approx(class_variance, rel=1e-5)


def test_unknown_layers_are_named_by_their_type() -> None:
    _, probe = small_problem()
    layers = measure_variances(nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Tanh()), probe).layers

    assert [layer.name for layer in layers] == ["linear 1", "Tanh 1", "Tanh 2"]


@pytest.mark.parametrize("scale", [3.0, None])
def test_logits_and_pre_logits(scale: float | None) -> None:
    embedder, probe = small_problem(scale)
    found = measure_variances(embedder, probe)

    with torch.no_grad():
        prototypes = embedder.train()(probe.descriptions)
    products = probe.features @ prototypes.T
    logits = products
    if scale is not None:
        logits = normalize_rows(probe.features, scale) @ normalize_rows(prototypes, scale).T
    for spread, scores in ((found.pre_logits, products), (found.logits, logits)):
        assert spread.mean == pytest.approx(scores.mean().item(), rel=1e-4, abs=1e-7)
        assert spread.std == pytest.approx(scores.std(correction=0).item(), rel=1e-4)
        assert spread.class_variance == pytest.approx(scores.var(dim=1).mean().item(), rel=1e-4)
    mean_square = probe.features.square().mean().item()
    assert found.preserved == pytest.approx(found.pre_logits.class_variance / mean_square)


def test_nothing_moves_in_what_is_measured() -> None:
    embedder, probe = small_problem()
    embedder.eval()
    before = {name: value.clone() for name, value in embedder.state_dict().items()}

    measure_variances(embedder, probe)

    assert not embedder.training
    assert not any(layer._forward_hooks for layer in embedder.modules())
    for name, value in embedder.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("scale", [1.0, 3.0, 5.0, 10.0, 20.0])
def test_v1_logits_of_gaussian_vectors(scale: float) -> None:
    features, prototypes = torch.randn(2, 500, 2048, generator=seeded())
    probe = Probe(features, torch.zeros(500, dtype=torch.long), prototypes, scale)

    found = measure_variances(nn.Identity(), probe).logits.class_variance

    assert found == pytest.approx(predicted_logit_variance(scale, 2048), rel=0.05)
    assert found == pytest.approx(scale**4 * 2048 / 2046**2, rel=0.05)  # as the paper has it


def test_v1_in_few_dimensions_the_papers_approximation_is_off() -> None:
    features, prototypes = torch.randn(2, 1000, 32, generator=seeded())
    probe = Probe(features, torch.zeros(1000, dtype=torch.long), prototypes, 1.0)

    found = measure_variances(nn.Identity(), probe).logits.class_variance

    assert found == pytest.approx(predicted_logit_variance(1.0, 32), rel=0.03)
    assert found < 0.93 * 32 / 30**2


def test_v2_the_prediction_holds_for_a_deep_embedder() -> None:
    """Standardised hidden units and Eq. (10), no final ReLU: Var[z.p] = Var[z]."""
    embedder = AttributeEmbedder(
        85, (512,), 1024, norm_after_relu=ClassStandardization, final_relu=False, generator=seeded()
    )
    embedder.get_submodule("3").bias.data.zero_()  # type: ignore[union-attr]
    descriptions = AttributeNormalization("sqrt", 85)(torch.randn(200, 85, generator=seeded(1)))
    features = 1.7 * torch.randn(200, 1024, generator=seeded(2))
    probe = Probe(features, torch.zeros(200, dtype=torch.long), descriptions)

    found = measure_variances(embedder, probe)

    hidden = 512 * found.layers[2].mean_square
    weight_variance = embedder.final_weight.var().item()
    predicted = predicted_pre_logit_variance(1024, 2.89, weight_variance, hidden)
    assert found.pre_logits.class_variance == pytest.approx(predicted, rel=0.05)
    assert found.preserved == pytest.approx(1, rel=0.05)


def test_v3_order_and_factor() -> None:
    """Measured through the library; tests/nets/test_variance.py has the specified intervals."""
    source = seeded()
    features = (0.7 * torch.randn(256, 2048, generator=source) + 0.2).relu()
    u, shift = torch.rand(2, 85, generator=source)
    table = torch.randn(40, 85, generator=source).abs() * u + 0.5 * shift
    probe = Probe(
        features, torch.zeros(256, dtype=torch.long), AttributeNormalization("sqrt", 85)(table)
    )
    by_var = partial(ClassStandardization, divide_by="var")

    plain, small, std, var = (
        measure_variances(
            AttributeEmbedder(85, (1024, 1024), 2048, norm, norm, init=init, generator=seeded(1)),
            probe,
        ).pre_logits.class_variance
        for init, norm in (
            ("pytorch", None),
            ("class-norm", None),
            ("class-norm", ClassStandardization),
            ("class-norm", by_var),
        )
    )

    assert small < var < std < plain
    assert std > 100 * small
