r"""Gradients: how much they differ between examples, and how fast they turn on the way down.

References:
    Class Normalization for (Continual)? Generalized Zero-Shot Learning
    (Skorokhodov & Elhoseiny, 2021)
    https://arxiv.org/abs/2006.11328

    How Does Batch Normalization Help Optimization? (Santurkar et al., 2018)
    https://arxiv.org/abs/1805.11604
"""

__all__ = ["DescentLine", "GradientNoise", "measure_descent", "measure_gradient_noise"]

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from unseen.inspection.probe import Probe, training_copy

REACH = 0.02  # of the length of the parameters
STEPS = 8
TINY = 1e-12  # where all weights or the whole gradient are zero, nothing moves


@dataclass(frozen=True)
class GradientNoise:
    """How gradients of single examples, by one weight matrix, agree.

    Arguments:
        weight: Which matrix: ``"first"`` or ``"last"``.
        mean_norm: The norm of the mean gradient.
        std_norm: The norm of the elementwise standard deviation over the examples.
        mean_variance: The mean elementwise variance.
    """

    weight: str
    mean_norm: float
    std_norm: float
    mean_variance: float

    @property
    def noise_to_signal(self) -> float:
        """How much larger the deviation is than the mean; infinite where the mean is zero."""
        return self.std_norm / self.mean_norm if self.mean_norm else float("inf")


@dataclass(frozen=True)
class DescentLine:
    r"""What the loss does on the straight line against its gradient.

    Arguments:
        distances: How far from the start, as a share of the length of the parameters, from 0.
        losses: The loss there.
        gradient_norms: The norm of the gradient there.
        changes: How fast the gradient changed on the way,
            :math:`\|g_t - g_0\| / \|\theta_t - \theta_0\|`; one fewer, as the start has none.
    """

    distances: tuple[float, ...]
    losses: tuple[float, ...]
    gradient_norms: tuple[float, ...]
    changes: tuple[float, ...]

    @property
    def loss_range(self) -> float:
        """The greatest loss less the smallest."""
        return max(self.losses) - min(self.losses)

    @property
    def gradient_norm_range(self) -> float:
        """The greatest norm less the smallest."""
        return max(self.gradient_norms) - min(self.gradient_norms)

    @property
    def smoothness(self) -> float:
        """The fastest change of the gradient: a lower bound of its Lipschitz constant."""
        return max(self.changes)


def measure_gradient_noise(
    embedder: nn.Module, probe: Probe, progress: Callable[[int, int], None] | None = None
) -> tuple[GradientNoise, ...]:
    r"""Takes the gradient of the loss of each example alone, by the first and last weights.

    Differences from the paper:
        The released code measures in training mode and thereby moves the running statistics; here
        a copy is measured, and nothing moves.

    Arguments:
        embedder: Maps descriptions to prototypes; it stays as it is.
        probe: The rows and classes; the paper takes 128 rows.
        progress: Called with the number of rows done and of all.

    Returns:
        The noise of the first and of the last weight matrix; one entry if they are the same.

    Example:
        >>> probe = Probe(torch.randn(8, 4), torch.zeros(8, dtype=torch.long), torch.randn(3, 2))
        >>> [noise.weight for noise in measure_gradient_noise(nn.Linear(2, 4), probe)]
        ['last']
    """
    embedder = training_copy(embedder)
    weights = [parameter for parameter in embedder.parameters() if parameter.ndim == 2]
    chosen = {"first": weights[0], "last": weights[-1]} if weights[1:] else {"last": weights[0]}
    moments = [RunningMoments(weight) for weight in chosen.values()]
    prototypes = probe.prototypes(embedder)  # (k, d), one computation for all rows

    for done, by_prototypes in enumerate(_gradients_by_prototypes(prototypes.detach(), probe), 1):
        gradients = torch.autograd.grad(
            prototypes, list(chosen.values()), by_prototypes, retain_graph=True
        )
        for moment, gradient in zip(moments, gradients, strict=True):
            moment.add(gradient)
        if progress is not None:
            progress(done, len(probe.features))

    return tuple(
        GradientNoise(name, moment.mean.norm().item(), moment.std_norm, moment.mean_variance)
        for name, moment in zip(chosen, moments, strict=True)
    )


def measure_descent(
    embedder: nn.Module, probe: Probe, reach: float = REACH, steps: int = STEPS
) -> DescentLine:
    r"""Walks against the gradient of the loss, in a straight line, and looks at every step.

    Arguments:
        embedder: Maps descriptions to prototypes; it stays as it is.
        probe: The rows and classes.
        reach: How far to walk, as a share of the length of the parameters.
        steps: In how many equal steps.

    Example:
        >>> probe = Probe(torch.eye(2), torch.arange(2), torch.eye(2))
        >>> line = measure_descent(nn.Linear(2, 2), probe)
        >>> line.losses[0] > line.losses[-1]
        True
    """
    embedder = training_copy(embedder)
    parameters = list(embedder.parameters())
    start = parameters_to_vector(parameters).detach()  # (p,)
    length = start.norm().clamp_min(TINY)

    loss, first = _loss_and_gradient(embedder, probe)
    direction = first / first.norm().clamp_min(TINY)
    losses, norms, changes = [loss], [first.norm().item()], []
    for step in range(1, steps + 1):
        distance = length * reach * step / steps
        vector_to_parameters(start - distance * direction, parameters)
        loss, gradient = _loss_and_gradient(embedder, probe)
        losses.append(loss)
        norms.append(gradient.norm().item())
        changes.append(((gradient - first).norm() / distance).item())

    distances = tuple(reach * step / steps for step in range(steps + 1))

    return DescentLine(distances, tuple(losses), tuple(norms), tuple(changes))


class RunningMoments:
    """Mean and variance of tensors that come one by one (Welford's recurrence).

    Arguments:
        like: A tensor of their shape.
    """

    def __init__(self, like: Tensor) -> None:
        self.count = 0
        self.mean = torch.zeros_like(like, requires_grad=False)
        self.squares = torch.zeros_like(like, requires_grad=False)

    def add(self, value: Tensor) -> None:
        """Takes one more tensor into account."""
        self.count += 1
        before = value - self.mean
        self.mean += before / self.count
        self.squares += before * (value - self.mean)

    @property
    def mean_variance(self) -> float:
        """The mean elementwise variance."""
        return (self.squares.mean() / self.count).item()

    @property
    def std_norm(self) -> float:
        """The norm of the elementwise standard deviation."""
        return (self.squares.sum() / self.count).sqrt().item()


def _gradients_by_prototypes(prototypes: Tensor, probe: Probe) -> Iterator[Tensor]:
    """Yields the gradient of the loss of each row by the prototypes, with shape (k, d)."""
    for i in range(len(probe.features)):
        leaf = prototypes.clone().requires_grad_()
        row = Probe(probe.features[i : i + 1], probe.labels[i : i + 1], leaf, probe.scale)
        yield torch.autograd.grad(row.loss(leaf), leaf)[0]


def _loss_and_gradient(embedder: nn.Module, probe: Probe) -> tuple[float, Tensor]:
    """Returns the loss, and its gradient by all parameters, with shape (p,)."""
    loss = probe.loss(probe.prototypes(embedder))
    gradients = torch.autograd.grad(loss, list(embedder.parameters()))

    return loss.item(), parameters_to_vector(gradients)
