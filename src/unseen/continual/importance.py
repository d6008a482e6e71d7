r"""How much each weight matters to a task, and a penalty on moving the weights that matter.

References:
    Overcoming catastrophic forgetting in neural networks (Kirkpatrick et al., 2017)
    https://arxiv.org/abs/1612.00796

    Memory Aware Synapses: Learning what (not) to forget (Aljundi et al., 2018)
    https://arxiv.org/abs/1711.09601
"""

__all__ = ["Examples", "ImportancePenalty", "gradient_sizes"]

import copy
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.utils import parameters_to_vector

from unseen.continual.strategy import Step, Strategy, StreamNetwork, TaskRows
from unseen.data.arguments import check_choice, check_number
from unseen.nets.linear import Linear

LEGACY_GROUP = 32  # the batch of the released code
CHUNK_NUMBERS = 2**24  # of gradients at a time: 64 MiB


@dataclass(frozen=True)
class Examples:
    """The examples of a task, and the classes that compete in their importances.

    Arguments:
        inputs: The inputs, with shape (n, ...).
        target: The place of the class of each among the ones that compete, with shape (n,).
        S: The normalised descriptions of those, with shape (k, a).
    """

    inputs: Tensor
    target: Tensor
    S: Tensor

    @classmethod
    def of(cls, task: TaskRows, competing: str) -> "Examples":
        """Takes the rows of a task, with the classes of the ``"task"`` or all ``"seen"``."""
        mask = task.new if competing == "task" else torch.ones_like(task.new)
        place = mask.cumsum(dim=0) - 1  # among those that compete

        return cls(task.inputs, place[task.columns(task.labels)], task.S[mask])


def gradient_sizes(
    network: nn.Module,
    examples: Examples,
    value: Callable[[Tensor, Tensor], Tensor],
    size: Callable[[Tensor], Tensor],
    group: int = 1,
) -> Tensor:
    r"""Returns the size of the gradients of a value, each of a few examples, per example.

    .. math:: F_i = \frac{1}{n} \sum_{B} s \left(
        \frac{\partial}{\partial \theta_i} v(y(X_B), t_B) \right)

    The network is as in evaluation, and stays as it is.

    Arguments:
        network: Maps inputs (b, ...) and descriptions (k, a) to logits (b, k).
        examples: The examples, :math:`n` of them.
        value: The :math:`v` of logits (b, k) and targets (b,), a scalar.
        size: The :math:`s` of each number, in place: ``Tensor.abs_`` or ``Tensor.square_``.
        group: The number of examples :math:`|B|`, at least 1, that have one gradient, in the order
            given. The last group may be smaller.

    Returns:
        The size for each trained weight, at least 0, with shape :math:`(p,)`, in the order of
        ``network.parameters()``.

    Example:
        >>> class Network(nn.Linear):  # the logits of two classes: theta x, and 0
        ...     def forward(self, inputs, S):
        ...         return torch.cat([super().forward(inputs), 0 * inputs], dim=1)
        >>> network = Network(1, 1, bias=False)
        >>> _ = nn.init.zeros_(network.weight)
        >>> x, S = torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1)
        >>> examples = Examples(x, torch.zeros(2, dtype=torch.long), S)
        >>> gradient_sizes(network, examples, nn.functional.cross_entropy, Tensor.square_)
        tensor([0.6250])
    """
    frozen = _transformable(network)
    trained = {name: p.detach() for name, p in network.named_parameters() if p.requires_grad}

    def of_group(weights: dict[str, Tensor], inputs: Tensor, target: Tensor) -> Tensor:
        return value(functional_call(frozen, weights, (inputs, examples.S)), target)

    gradients = vmap(grad(of_group), in_dims=(None, 0, 0))
    p = sum(weight.numel() for weight in trained.values())
    total = examples.inputs.new_zeros(p, dtype=next(iter(trained.values())).dtype)

    for inputs, target in _grouped(examples, group, at_once=max(1, CHUNK_NUMBERS // p)):
        sizes = [
            size(gradient).sum(dim=0).flatten()
            for gradient in gradients(trained, inputs, target).values()
        ]
        total += torch.cat(sizes)

    return total / len(examples.target)


class ImportancePenalty(Strategy):
    r"""Holds each weight near its value after the last task, by how much it mattered so far.

    .. math:: \lambda \sum_i \Omega_i (\theta_i - \theta^*_i)^2, \qquad
        \Omega \leftarrow \gamma_f \, \Omega + F

    A strategy writes ``_importance``, the :math:`F` of a task.

    Arguments:
        weight: The :math:`\lambda`, at least 0.
        decay: The :math:`\gamma_f`, from 0 to 1: what remains of the importances of earlier tasks.
        competing: The classes whose logits count in the importances: those of the ``"task"``, or
            all ``"seen"`` so far.
        legacy_importance: Whether gradients are first taken over batches of 32 examples, as in
            the released code, where those of different sign cancel.

    Attributes:
        importance_: The :math:`\Omega` of each trained weight, with shape (p,).
        anchor_: The :math:`\theta^*`, with shape (p,).
    """

    weight: float
    decay: float
    competing: str
    legacy_importance: bool
    importance_: Tensor
    anchor_: Tensor

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        check_number("weight", self.weight, 0)
        check_number("decay", self.decay, 0, 1)
        check_choice("competing", self.competing, ("task", "seen"))

    def penalty(self, step: Step) -> Tensor | None:
        """Returns what the weights pay for having moved; nothing in the first task."""
        if step.task.number == 1:
            return None
        moved = _trained_vector(step.network) - self.anchor_  # (p,)

        return self.weight * torch.dot(self.importance_, moved.square())

    def after_task(self, network: StreamNetwork, task: TaskRows) -> None:
        """Adds the importances of the task, by its own examples, and moves the anchor."""
        importance = self._importance(network, task)
        if task.number > 1:
            importance += self.decay * self.importance_
        self.importance_ = importance
        self.anchor_ = _trained_vector(network).detach()

    def memory_bytes(self) -> dict[str, int]:
        """Returns the bytes of importances and anchors."""
        return {"importance": self.importance_.nbytes, "anchors": self.anchor_.nbytes}

    @abstractmethod
    def _importance(self, network: StreamNetwork, task: TaskRows) -> Tensor:
        """Returns the importance of each trained weight to a task, with shape (p,)."""

    @property
    def _group(self) -> int:
        return LEGACY_GROUP if self.legacy_importance else 1


def _grouped(examples: Examples, group: int, at_once: int) -> list[tuple[Tensor, Tensor]]:
    """Returns inputs (g, b, ...) and targets (g, b): groups of b, a few of them at once."""
    whole = len(examples.target) // group * group
    parts = []
    for rows, size in ((slice(whole), group), (slice(whole, None), len(examples.target) - whole)):
        inputs, target = examples.inputs[rows], examples.target[rows]
        if len(target):
            inputs, target = inputs.unflatten(0, (-1, size)), target.unflatten(0, (-1, size))
            parts += zip(inputs.split(at_once), target.split(at_once), strict=True)

    return parts


def _transformable(network: nn.Module) -> nn.Module:
    """Returns a copy in evaluation mode that ``torch.func`` can transform.

    It cannot look into oneDNN's products, so PyTorch's own layers take the place of ours.
    """
    network = copy.deepcopy(network).eval()
    for layer in network.modules():
        if isinstance(layer, Linear):
            layer.__class__ = nn.Linear  # pyrefly: ignore

    return network


def _trained_vector(network: nn.Module) -> Tensor:
    """Returns a copy of all trained weights, with shape (p,)."""
    return parameters_to_vector(p for p in network.parameters() if p.requires_grad)
