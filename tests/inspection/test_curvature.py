"""Curvature on quadratics with a known Hessian, and against one that is written out."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from unseen.inspection.curvature import (
    ITERATIONS,
    SAMPLES,
    Hessian,
    estimate_trace,
    measure_curvature,
    top_eigenvalue,
)
from unseen.inspection.probe import Probe
from unseen.nets.attribute_embedder import AttributeEmbedder
from unseen.nets.class_standardization import ClassStandardization


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def quadratic(eigenvalues: list[float]) -> tuple[Hessian, Tensor]:
    """Returns the Hessian of x A x / 2 over two tensors, and A with these eigenvalues."""
    n = len(eigenvalues)
    Q = torch.linalg.qr(torch.randn(n, n, generator=seeded(), dtype=torch.float64)).Q
    A = Q @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ Q.T
    first = torch.randn(2, 1, dtype=torch.float64, generator=seeded(1), requires_grad=True)
    rest = torch.randn(n - 2, dtype=torch.float64, generator=seeded(2), requires_grad=True)
    x = torch.cat([first.flatten(), rest])

    return Hessian(x @ A @ x / 2, [first, rest]), A


def test_products_are_those_of_the_matrix() -> None:
    hessian, A = quadratic([3.0, 1.0, -2.0, 0.5, 0.0])
    v = torch.randn(5, dtype=torch.float64, generator=seeded(3))

    torch.testing.assert_close(hessian @ v, A @ v)
    torch.testing.assert_close(hessian @ v, A @ v)  # and again: the graph is kept


@pytest.mark.parametrize(
    ("eigenvalues", "top"),
    [
        ([7.0, 3.0, 1.0, 0.1], 7.0),
        ([2.0, 1.0, -9.0, -3.0], 2.0),  # the largest in size is negative
        ([-1.0, -2.0, -5.0, -5.0], -1.0),
        ([0.0, 0.0, 0.0, 0.0], 0.0),
    ],
)
def test_top_eigenvalue(eigenvalues: list[float], top: float) -> None:
    hessian, _ = quadratic(eigenvalues)
    found = top_eigenvalue(hessian, seeded(), iterations=500, tolerance=1e-6)

    assert found.value == pytest.approx(top, rel=1e-5, abs=1e-12)
    assert found.residual <= 1e-6


def test_power_iteration_says_how_far_it_came() -> None:
    hessian, _ = quadratic([1.0, 0.999, 0.5, 0.1])
    found = top_eigenvalue(hessian, seeded(), iterations=3, tolerance=1e-6)

    assert found.iterations == 3
    assert found.residual > 1e-6
    assert found.value <= 1.0


def test_trace_lies_within_its_error() -> None:
    hessian, A = quadratic([7.0, 3.0, -1.0, 0.1, 0.0, 2.0])
    found = estimate_trace(hessian, seeded(), samples=400)

    assert found.value == pytest.approx(A.trace().item(), abs=4 * found.standard_error)
    off_diagonal = A.square().sum() - A.diagonal().square().sum()
    expected = (2 * off_diagonal / 400).sqrt().item()  # the variance of Hutchinson's estimate
    assert found.standard_error == pytest.approx(expected, rel=0.2)


def test_trace_of_a_diagonal_is_exact() -> None:
    x = torch.ones(4, requires_grad=True)
    found = estimate_trace(Hessian((torch.tensor([1.0, 2, 3, 4]) * x**2).sum(), [x]), seeded(), 2)

    assert (found.value, found.standard_error) == (20.0, 0.0)


def test_a_parameter_without_part_in_the_loss() -> None:
    x, idle = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    hessian = Hessian((x**3).sum(), [x, idle])

    assert torch.equal(hessian @ torch.ones(5), torch.tensor([6.0, 6.0, 0.0, 0.0, 0.0]))


def problem(final_relu: bool = True) -> tuple[AttributeEmbedder, Probe]:
    norm = ClassStandardization
    embedder = AttributeEmbedder(
        3, (4,), 5, norm, norm, init="pytorch", final_relu=final_relu, generator=seeded()
    )
    features = torch.randn(20, 5, generator=seeded(1)).abs()
    labels = torch.randint(6, (20,), generator=seeded(3))

    return embedder, Probe(features, labels, torch.randn(6, 3, generator=seeded(2)))


def test_an_embedder_against_its_whole_hessian() -> None:
    embedder, probe = problem()
    found = measure_curvature(embedder, probe)

    probe, embedder = probe.double(), embedder.double().train()
    state = dict(embedder.named_parameters())
    shapes = [value.shape for value in state.values()]

    def loss(flat: Tensor) -> Tensor:
        parts = flat.split([shape.numel() for shape in shapes])
        named = {n: p.view(s) for n, p, s in zip(state, parts, shapes, strict=True)}
        return probe.loss(functional_call(embedder, named, (probe.descriptions,)))

    point = torch.cat([value.detach().flatten() for value in state.values()])
    H = torch.autograd.functional.hessian(loss, point)
    assert isinstance(H, Tensor)

    assert found.parameters == len(point)
    assert found.loss == pytest.approx(loss(point).item())
    assert found.top.value == pytest.approx(torch.linalg.eigvalsh(H)[-1].item(), rel=0.01)
    assert found.trace.value == pytest.approx(H.trace().item(), abs=4 * found.trace.standard_error)


def test_dead_prototypes_leave_numbers() -> None:
    embedder, probe = problem()
    embedder.get_submodule("4").bias.data.fill_(-100.0)  # type: ignore[union-attr]

    found = measure_curvature(embedder, probe)

    assert (found.gradient_norm, found.top.value, found.trace.value) == (0.0, 0.0, 0.0)


def test_nothing_moves_in_what_is_measured() -> None:
    embedder, probe = problem()
    embedder.eval()
    before = {name: value.clone() for name, value in embedder.state_dict().items()}

    measure_curvature(embedder, probe)

    for name, value in embedder.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_seed_decides_and_progress_ends() -> None:
    calls: list[tuple[int, int]] = []
    first = measure_curvature(*problem(), seed=1, progress=lambda *call: calls.append(call))

    assert first == measure_curvature(*problem(), seed=1)
    assert first.trace != measure_curvature(*problem(), seed=2).trace
    assert [done for done, _ in calls] == list(range(1, len(calls) + 1))
    assert len(calls) == first.top.iterations + first.trace.samples
    assert {whole for _, whole in calls} == {2 * ITERATIONS + SAMPLES}


def test_a_layer_alone() -> None:
    probe = Probe(torch.eye(2), torch.arange(2), torch.eye(2), scale=None)
    layer = nn.Linear(2, 2)

    assert measure_curvature(layer, probe).top.value > 0
