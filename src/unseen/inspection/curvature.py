r"""The curvature of a loss: the trace and the top eigenvalue of its Hessian, never made.

References:
    A stochastic estimator of the trace of the influence matrix for Laplacian smoothing splines
    (Hutchinson, 1990)
    https://doi.org/10.1080/03610919008812866

    PyHessian: Neural Networks Through the Lens of the Hessian (Yao et al., 2020)
    https://arxiv.org/abs/1912.07145
"""

__all__ = [
    "Curvature",
    "Eigenvalue",
    "Hessian",
    "Trace",
    "estimate_trace",
    "measure_curvature",
    "top_eigenvalue",
]

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unseen.inspection.probe import Probe, training_copy

SAMPLES = 32
ITERATIONS = 60
TOLERANCE = 1e-2


@dataclass(frozen=True)
class Trace:
    """An estimate of the trace of a Hessian: the sum of its eigenvalues.

    Arguments:
        value: The estimate.
        standard_error: Its standard error.
        samples: The number of random vectors behind it.
    """

    value: float
    standard_error: float
    samples: int


@dataclass(frozen=True)
class Eigenvalue:
    r"""The greatest eigenvalue of a Hessian, as far as power iteration came.

    Arguments:
        value: The eigenvalue :math:`\lambda`.
        residual: :math:`\|H v - \lambda v\| / |\lambda|`: how far :math:`v` is from an
            eigenvector.
        iterations: The number of products with the Hessian.
    """

    value: float
    residual: float
    iterations: int


@dataclass(frozen=True)
class Curvature:
    """The curvature of a loss at one point.

    Arguments:
        loss: The loss.
        gradient_norm: The norm of its gradient.
        top: The greatest eigenvalue of the Hessian.
        trace: The trace of the Hessian.
        parameters: The number of parameters.
    """

    loss: float
    gradient_norm: float
    top: Eigenvalue
    trace: Trace
    parameters: int


class Hessian:
    r"""The Hessian :math:`H` of a loss at one point, known by its products with vectors.

    The gradient is computed once; each product differentiates :math:`g^T v` through it.

    Arguments:
        loss: The loss, with shape :math:`()`, still attached to its computation.
        parameters: The tensors to differentiate by, of :math:`p` numbers in all.

    Attributes:
        gradient: The gradient :math:`g`, with shape :math:`(p,)`.

    Example:
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> Hessian(x[0] ** 2 + 3 * x[0] * x[1], [x]) @ torch.tensor([1.0, 0.0])
        tensor([2., 3.])
    """

    def __init__(self, loss: Tensor, parameters: Iterable[Tensor]) -> None:
        self.parameters = list(parameters)
        gradients = torch.autograd.grad(
            loss, self.parameters, create_graph=True, materialize_grads=True
        )
        self.gradient = _flat(gradients)

    def __matmul__(self, v: Tensor) -> Tensor:
        r"""Returns :math:`H v`, with shape :math:`(p,)`."""
        products = torch.autograd.grad(
            self.gradient, self.parameters, v, retain_graph=True, materialize_grads=True
        )

        return _flat(products).detach()


def estimate_trace(
    hessian: Hessian,
    generator: torch.Generator,
    samples: int = SAMPLES,
    progress: Callable[[int, int], None] | None = None,
) -> Trace:
    r"""Estimates :math:`\mathrm{tr} H = E[v^T H v]` with random signs :math:`v` (Hutchinson).

    Arguments:
        hessian: The Hessian.
        generator: Draws the signs, on the CPU.
        samples: The number of random vectors, two at least.
        progress: Called with the number of products done and of all.

    Example:
        >>> x = torch.ones(3, requires_grad=True)
        >>> estimate_trace(Hessian(2 * (x**2).sum(), [x]), torch.Generator()).value
        12.0
    """
    count, values = _counter(progress, samples), []
    for _ in range(samples):
        signs = torch.randint(2, hessian.gradient.shape, generator=generator).to(hessian.gradient)
        v = 2 * signs - 1  # (p,)
        values.append(v @ (hessian @ v))
        count()
    drawn = torch.stack(values)

    return Trace(drawn.mean().item(), (drawn.std() / samples**0.5).item(), samples)


def top_eigenvalue(
    hessian: Hessian,
    generator: torch.Generator,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
    progress: Callable[[int, int], None] | None = None,
) -> Eigenvalue:
    r"""Finds the greatest eigenvalue by power iteration.

    Power iteration finds the eigenvalue of greatest size. Where that is negative, it is subtracted
    from all, :math:`H - \lambda I`, and the greatest of the shifted ones is found.

    Arguments:
        hessian: The Hessian.
        generator: Draws the first vector, on the CPU.
        iterations: The greatest number of products, and once more as many for a shifted Hessian.
        tolerance: The residual to stop at.
        progress: Called with the number of products done and the greatest number.

    Example:
        >>> x = torch.zeros(2, requires_grad=True)
        >>> loss = x[0] ** 2 - 5 * x[1] ** 2
        >>> round(top_eigenvalue(Hessian(loss, [x]), torch.Generator().manual_seed(0)).value, 3)
        2.0
    """
    count = _counter(progress, 2 * iterations)
    start = torch.randn(hessian.gradient.shape, generator=generator).to(hessian.gradient)
    top = _iterate(hessian, start, 0.0, iterations, tolerance, count)
    if top.value >= 0:
        return top
    shifted = _iterate(hessian, start, top.value, iterations, tolerance, count)

    return Eigenvalue(shifted.value, shifted.residual, top.iterations + shifted.iterations)


def measure_curvature(
    embedder: nn.Module,
    probe: Probe,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Curvature:
    """Measures how curved the loss is over all weights of an embedder, in double precision.

    Arguments:
        embedder: Maps descriptions to prototypes; it stays as it is.
        probe: The rows and classes.
        seed: The seed of the random vectors.
        progress: Called with the number of products done and the greatest number.

    Example:
        >>> probe = Probe(torch.eye(2), torch.arange(2), torch.eye(2))
        >>> measure_curvature(nn.Linear(2, 2), probe).parameters
        6
    """
    embedder, probe = training_copy(embedder).double(), probe.double()
    loss = probe.loss(probe.prototypes(embedder))
    hessian = Hessian(loss, embedder.parameters())
    generator = torch.Generator().manual_seed(seed)
    count = _counter(progress, 2 * ITERATIONS + SAMPLES)

    return Curvature(
        loss.item(),
        hessian.gradient.norm().item(),
        top_eigenvalue(hessian, generator, progress=lambda *_: count()),
        estimate_trace(hessian, generator, progress=lambda *_: count()),
        len(hessian.gradient),
    )


def _counter(progress: Callable[[int, int], None] | None, whole: int) -> Callable[[], None]:
    """Returns what is called after each product: it tells how many there were, of ``whole``."""
    done = itertools.count(1)

    return lambda: None if progress is None else progress(next(done), whole)


def _iterate(
    hessian: Hessian,
    v: Tensor,
    shift: float,
    iterations: int,
    tolerance: float,
    count: Callable[[], None],
) -> Eigenvalue:
    """Runs power iteration on H - shift I, from a vector of shape (p,)."""
    value = residual = 0.0
    for done in range(1, iterations + 1):
        v = v / v.norm()
        product = hessian @ v
        value = (v @ product).item()
        residual = ((product - value * v).norm() / (abs(value) or 1.0)).item()
        count()
        if residual <= tolerance:
            return Eigenvalue(value, residual, done)
        v = product - shift * v

    return Eigenvalue(value, residual, iterations)


def _flat(tensors: Iterable[Tensor]) -> Tensor:
    """Joins tensors of p numbers in all to one of shape (p,)."""
    return torch.cat([tensor.flatten() for tensor in tensors])
