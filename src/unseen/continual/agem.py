r"""Averaged gradient episodic memory (A-GEM): no step may raise the loss of the memory.

References:
    Efficient Lifelong Learning with A-GEM (Chaudhry et al., 2019)
    https://arxiv.org/abs/1812.00420
"""

__all__ = ["AGEM", "project"]

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unseen.continual.memory import ExampleMemory, first_of_each_class
from unseen.continual.strategy import Step, StreamNetwork, TaskRows
from unseen.data.arguments import check_number

TINY = 1e-12  # the gradient of the memory may be zero


class AGEM(ExampleMemory):
    r"""Projects the gradient of a step where it points against that of recalled examples.

    .. math:: g \leftarrow g - \frac{g^\top g_r}{\|g_r\|^2 + 10^{-12}} \, g_r
        \quad \text{if} \quad g^\top g_r < 0

    with :math:`g_r` the gradient of the mean cross-entropy of recalled examples, each among the
    classes of its own task; both gradients are one vector over all trained weights.

    Differences from the paper:
        The released code of the class-norm paper fills the memory twice after each task, so that
        up to twice as many examples are kept, some of them doubly; and it passes the descriptions
        of all classes, those of later tasks too, through the norm for :math:`g_r`. Here it is
        filled once, and the step's own prototypes serve.

    Arguments:
        per_class: The number of examples kept of each class of a task, at least 1, drawn without
            replacement; all where it has fewer. The paper's streams take 10 on CUB, 5 on SUN, 25
            on AWA.
        memory_batch: The number of examples that a step recalls, at least 1.

    Attributes:
        inputs_: The inputs of the examples kept, with shape (m, ...).
        labels_: The row of the class table of each, with shape (m,).
        tasks_: The number of the task that each came with, with shape (m,).
        members_: The classes so far and the number of their task, with shape (2, o).
    """

    weight = 1.0
    competing = "own"

    def __init__(self, per_class: int = 10, memory_batch: int = 128) -> None:
        self.per_class = per_class
        self.memory_batch = memory_batch

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        check_number("per_class", self.per_class, 1, whole=True)
        check_number("memory_batch", self.memory_batch, 1, whole=True)

    def before_task(self, network: StreamNetwork, task: TaskRows) -> TaskRows:
        """Looks up the classes of earlier tasks; there is no gradient to follow yet."""
        self._reference: Sequence[Tensor] = ()

        return super().before_task(network, task)

    def penalty(self, step: Step) -> None:
        """Takes the gradient of the recalled examples, and adds nothing to the loss."""
        if len(step.recalled):
            parameters = [p for p in step.network.parameters() if p.requires_grad]
            self._reference = torch.autograd.grad(
                self.memory_loss(step),
                parameters,
                retain_graph=True,  # the prototypes are those of the task's own loss
                materialize_grads=True,
            )

    def after_backward(self, parameters: list[nn.Parameter]) -> None:
        """Projects the gradients of all trained weights in place."""
        if self._reference:
            pairs = zip(parameters, self._reference, strict=True)
            moving = [(p.grad, r) for p, r in pairs if p.grad is not None]
            project([g for g, _ in moving], [r for _, r in moving])

    def after_task(self, network: StreamNetwork, task: TaskRows) -> None:
        """Keeps examples of each class of the task."""
        super().after_task(network, task)
        self._reference = ()

    def _remember(self, network: StreamNetwork, task: TaskRows) -> None:  # noqa: ARG002
        """Adds examples behind those there are, which stay as they are."""
        keys = torch.rand(len(task.labels), generator=task.generator(), dtype=torch.float64)
        rows = first_of_each_class(task.labels, keys.to(task.labels.device), self.per_class)
        inputs, labels = task.inputs[rows], task.labels[rows]
        tasks = torch.full_like(labels, task.number)
        if task.number > 1:
            inputs = torch.cat([self.inputs_, inputs])
            labels, tasks = torch.cat([self.labels_, labels]), torch.cat([self.tasks_, tasks])
        self.inputs_, self.labels_, self.tasks_ = inputs, labels, tasks


def project(gradient: Sequence[Tensor], reference: Sequence[Tensor]) -> None:
    r"""Takes from a gradient, in place, what points against another one.

    Nothing is returned: the parts of the gradient are changed where the product of the two is below
    0, and stay as they are else, also where the other one is 0.

    Arguments:
        gradient: The gradient :math:`g`, in parts of any shape.
        reference: The other one :math:`g_r`, in as many parts, of the same shapes.

    Example:
        >>> gradient = [torch.tensor([1.0]), torch.tensor([-2.0])]
        >>> project(gradient, [torch.tensor([1.0]), torch.tensor([1.0])])
        >>> gradient
        [tensor([1.5000]), tensor([-1.5000])]
    """
    flat = torch.cat([part.flatten() for part in reference])
    product = torch.dot(torch.cat([part.flatten() for part in gradient]), flat)
    share = torch.where(product < 0, product / (torch.dot(flat, flat) + TINY), 0.0)
    for part, other in zip(gradient, reference, strict=True):
        part.sub_(share * other)
