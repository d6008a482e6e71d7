"""Gradient statistics against one gradient after another, and a descent that is known."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from unseen.inspection.gradients import (
    GradientNoise,
    RunningMoments,
    measure_descent,
    measure_gradient_noise,
)
from unseen.inspection.probe import Probe
from unseen.nets.attribute_embedder import AttributeEmbedder
from unseen.nets.class_standardization import ClassStandardization


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def problem(depth: int = 2) -> tuple[AttributeEmbedder, Probe]:
    norm = ClassStandardization if depth else None
    embedder = AttributeEmbedder(6, [8] * depth, 10, norm, norm, generator=seeded()).eval()
    features = torch.randn(20, 10, generator=seeded(1)).abs()
    labels = torch.randint(7, (20,), generator=seeded(3))

    return embedder, Probe(features, labels, torch.randn(7, 6, generator=seeded(2)))


@pytest.mark.parametrize("scale", [5.0, None])
def test_noise_is_that_of_gradients_one_by_one(scale: float | None) -> None:
    embedder, probe = problem()
    probe = Probe(probe.features, probe.labels, probe.descriptions, scale)
    found = measure_gradient_noise(embedder, probe)

    embedder.train()
    weights = [embedder[0].weight, embedder.final_weight]
    rows = []
    for i in range(20):
        logits = probe.logits(embedder(probe.descriptions))[i : i + 1]
        loss = nn.functional.cross_entropy(logits, probe.labels[i : i + 1])
        rows.append(torch.autograd.grad(loss, weights))

    assert [noise.weight for noise in found] == ["first", "last"]
    for noise, gradients in zip(found, zip(*rows, strict=True), strict=True):
        stacked = torch.stack(gradients)
        mean, std = stacked.mean(dim=0), stacked.std(dim=0, correction=0)
        assert noise.mean_norm == pytest.approx(mean.norm().item(), rel=1e-4)
        assert noise.std_norm == pytest.approx(std.norm().item(), rel=1e-4)
        assert noise.mean_variance == pytest.approx((std**2).mean().item(), rel=1e-4)
        assert noise.noise_to_signal == pytest.approx((std.norm() / mean.norm()).item(), rel=1e-4)


def test_the_mean_gradient_is_that_of_the_batch() -> None:
    embedder, probe = problem()
    (_, last) = measure_gradient_noise(embedder, probe)

    embedder.train()
    loss = probe.loss(probe.prototypes(embedder))
    (gradient,) = torch.autograd.grad(loss, [embedder.final_weight])

    assert last.mean_norm == pytest.approx(gradient.norm().item(), rel=1e-4)


def test_a_linear_embedder_has_one_weight() -> None:
    assert [noise.weight for noise in measure_gradient_noise(*problem(depth=0))] == ["last"]


def test_progress_counts_rows() -> None:
    calls: list[tuple[int, int]] = []
    measure_gradient_noise(*problem(), lambda done, whole: calls.append((done, whole)))

    assert calls == [(i, 20) for i in range(1, 21)]


def test_no_signal_is_infinite_noise() -> None:
    assert GradientNoise("last", 0.0, 1.0, 1.0).noise_to_signal == float("inf")


def test_moments_keep_small_deviations_around_a_large_mean() -> None:
    values = 1000 + 0.01 * torch.randn(500, 3, generator=seeded()).double()
    moments = RunningMoments(values[0])
    for value in values:
        moments.add(value)

    torch.testing.assert_close(moments.mean, values.mean(dim=0))
    assert moments.mean_variance == pytest.approx(values.var(dim=0, correction=0).mean().item())


@pytest.mark.parametrize("measure", [measure_gradient_noise, measure_descent])
def test_nothing_moves_in_what_is_measured(measure: Callable[..., object]) -> None:
    embedder, probe = problem()
    before = {name: value.clone() for name, value in embedder.state_dict().items()}

    measure(embedder, probe)

    assert not embedder.training
    assert all(parameter.grad is None for parameter in embedder.parameters())
    for name, value in embedder.state_dict().items():
        assert torch.equal(value, before[name])


class Bowl(Probe):
    """Replaces the loss by half the sum of weighted squares of the prototypes."""

    weights = torch.tensor([[1.0, 4.0]])

    def loss(self, prototypes: Tensor) -> Tensor:
        return (self.weights * prototypes.square()).sum() / 2


def test_descent_in_a_bowl() -> None:
    """Weights 1 and 4 along one class: the line and the Lipschitz ratio are known."""
    layer = nn.Linear(1, 2, bias=False)
    layer.weight.data = torch.tensor([[3.0], [4.0]])
    bowl = Bowl(torch.eye(2), torch.zeros(2, dtype=torch.long), torch.ones(1, 1))

    line = measure_descent(layer, bowl, reach=0.1, steps=2)

    start, gradient = torch.tensor([3.0, 4.0]), torch.tensor([3.0, 16.0])
    for i, distance in enumerate((0.0, 0.25, 0.5)):  # the weights have length 5
        point = start - distance * gradient / gradient.norm()
        slope = Bowl.weights[0] * point
        assert line.losses[i] == pytest.approx((slope * point).sum().item() / 2, rel=1e-5)
        assert line.gradient_norms[i] == pytest.approx(slope.norm().item(), rel=1e-5)
    ratio = (Bowl.weights[0] * gradient / gradient.norm()).norm().item()
    assert line.distances == pytest.approx((0, 0.05, 0.1))
    assert line.changes == pytest.approx((ratio, ratio), rel=1e-4)
    assert line.smoothness == pytest.approx(ratio, rel=1e-4)
    assert line.loss_range == pytest.approx(line.losses[0] - line.losses[-1])
    assert line.gradient_norm_range == pytest.approx(
        line.gradient_norms[0] - line.gradient_norms[-1]
    )


def test_a_flat_loss_has_no_way_down() -> None:
    layer = nn.Linear(1, 2, bias=False)
    nn.init.zeros_(layer.weight)
    flat = Bowl(torch.eye(2), torch.zeros(2, dtype=torch.long), torch.ones(1, 1))

    line = measure_descent(layer, flat)

    assert line.loss_range == 0
    assert line.smoothness == 0
