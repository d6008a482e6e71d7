"""Memories of examples, from which each step of a later task recalls some."""

__all__ = [
    "ChoosingMemory",
    "ExampleMemory",
    "MemoryStrategy",
    "first_of_each_class",
    "reservoir",
]

from abc import abstractmethod
from dataclasses import replace

import torch
from torch import Tensor

from unseen.continual.strategy import (
    Step,
    Strategy,
    StreamNetwork,
    TaskRows,
    masked_cross_entropy,
)
from unseen.data.arguments import check_number


class MemoryStrategy(Strategy):
    r"""Adds the loss of recalled examples to that of the task.

    .. math:: \mathrm{CE}(B_t; C_t) + \lambda_r \, \mathrm{CE}(B_M; \cdot)

    A strategy writes ``_remember``, which sets what it keeps of a task, and ``_inputs``.

    Arguments:
        weight: The :math:`\lambda_r`, at least 0, which recalls nothing.
        memory_batch: The number of examples that a step recalls, at least 1; ``None`` is the batch
            size, also beside the last batch of an epoch, which may be smaller.
        competing: The classes in the loss of a recalled example: those of its ``"own"`` task, of
            all ``"earlier"`` tasks, or all ``"seen"`` so far.

    Attributes:
        labels_: The row of the class table of each example kept, with shape (m,).
        tasks_: The number of the task that each came with, with shape (m,).
        members_: The classes that had examples so far: row of the class table and number of the
            task, with shape (2, o).
    """

    weight: float
    memory_batch: int | None
    competing: str
    labels_: Tensor
    tasks_: Tensor
    members_: Tensor

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        check_number("weight", self.weight, 0)
        if self.memory_batch is not None:
            check_number("memory_batch", self.memory_batch, 1, whole=True)

    def before_task(self, network: StreamNetwork, task: TaskRows) -> TaskRows:  # noqa: ARG002
        """Looks up what may be recalled, and which classes compete for it."""
        if task.number > 1:
            self._recallable = task.knows(self.labels_).nonzero().squeeze(1)
            self._masks = self._competing(task)

        return task

    def recall(self, task: TaskRows, batch_size: int) -> tuple[int, int]:
        """Returns how many examples may be recalled, and the number of them in each step."""
        if task.number == 1 or self.weight == 0:
            return 0, 0

        return len(self._recallable), batch_size if self.memory_batch is None else self.memory_batch

    def penalty(self, step: Step) -> Tensor | None:
        """Returns the weighted loss of the recalled examples; nothing where there are none."""
        return self.weight * self.memory_loss(step) if len(step.recalled) else None

    def memory_loss(self, step: Step) -> Tensor:
        """Returns the mean cross-entropy of the recalled examples, with the step's prototypes."""
        rows = self._recallable[step.recalled]
        target = step.task.columns(self.labels_[rows])

        return masked_cross_entropy(
            step.scores(self._inputs(rows)), target, self._masks[self.tasks_[rows] - 1]
        )

    @torch.no_grad()
    def after_task(self, network: StreamNetwork, task: TaskRows) -> None:
        """Keeps examples of the task, and which classes it had."""
        self._remember(network, task)
        members = torch.stack([task.classes, torch.full_like(task.classes, task.number)])
        self.members_ = members if task.number == 1 else torch.cat([self.members_, members], dim=1)
        self._recallable, self._masks = members[0, :0], members[:, :0]  # of use within a task only

    def memory_bytes(self) -> dict[str, int]:
        """Returns the bytes of labels, and of the tasks of examples and classes."""
        return {"labels": self.labels_.nbytes, "tasks": self.tasks_.nbytes + self.members_.nbytes}

    @abstractmethod
    def _remember(self, network: StreamNetwork, task: TaskRows) -> None:
        """Sets the inputs, ``labels_`` and ``tasks_`` of the memory after a task."""

    @abstractmethod
    def _inputs(self, rows: Tensor) -> Tensor:
        """Returns the inputs (b, ...) of rows (b,) of the memory."""

    def _met(self, task: TaskRows) -> Tensor:
        """Returns the rows (o,) of the class table with examples up to a task that is not kept yet.

        Those of earlier tasks that its training does not know are among them.
        """
        if task.number == 1:
            return task.classes

        return torch.cat([self.members_[0], task.classes]).unique()

    def _competing(self, task: TaskRows) -> Tensor:
        """Says which seen classes compete for examples of each earlier task, shape (t - 1, k)."""
        own = torch.zeros_like(task.new).repeat(task.number - 1, 1)
        classes, tasks = self.members_[:, task.knows(self.members_[0])]
        own[tasks - 1, task.columns(classes)] = True
        if self.competing == "own":
            return own
        mask = own.any(dim=0) if self.competing == "earlier" else torch.ones_like(task.new)

        return mask.expand_as(own)


class ExampleMemory(MemoryStrategy):
    """A memory of whole examples.

    Attributes:
        inputs_: The inputs of the examples kept, with shape (m, ...).
    """

    inputs_: Tensor

    def memory_bytes(self) -> dict[str, int]:
        """Returns the bytes of the examples, of their labels and tasks."""
        return {"items": self.inputs_.nbytes, **super().memory_bytes()}

    def _inputs(self, rows: Tensor) -> Tensor:
        return self.inputs_[rows]


class ChoosingMemory(ExampleMemory):
    """A memory that is chosen anew after each task: a strategy writes ``_keep``."""

    @abstractmethod
    def _keep(self, network: StreamNetwork, task: TaskRows, pool: TaskRows) -> Tensor:
        """Chooses from the pool: the examples of the memory and, behind them, those of the task.

        Returns:
            The rows of the pool to keep, with shape (m,).
        """

    def _remember(self, network: StreamNetwork, task: TaskRows) -> None:
        pool, tasks = task, torch.full_like(task.labels, task.number)
        if task.number > 1:
            inputs = torch.cat([self.inputs_, task.inputs])
            pool = replace(task, inputs=inputs, labels=torch.cat([self.labels_, task.labels]))
            tasks = torch.cat([self.tasks_, tasks])
        rows = self._keep(network, task, pool)
        self.inputs_, self.labels_ = pool.inputs[rows], pool.labels[rows]
        self.tasks_ = tasks[rows]


def first_of_each_class(labels: Tensor, keys: Tensor, count: int) -> Tensor:
    """Returns the rows that come first in their class, class by class and in order of the keys.

    Arguments:
        labels: The class of each row, with shape (n,).
        keys: What rows of a class are ordered by, with shape (n,); ascending.
        count: The number of rows of each class, at least 0; fewer where it has fewer.

    Returns:
        The rows, with shape (m,).

    Example:
        >>> labels, keys = torch.tensor([7, 3, 7, 7]), torch.tensor([0.3, 0.9, 0.1, 0.2])
        >>> first_of_each_class(labels, keys, count=2)
        tensor([1, 2, 3])
    """
    order = keys.argsort(stable=True)
    order = order[labels[order].argsort(stable=True)]  # (n,)
    _, place, counts = labels[order].unique_consecutive(return_inverse=True, return_counts=True)
    rank = torch.arange(len(order), device=order.device) - (counts.cumsum(dim=0) - counts)[place]

    return order[rank < count]


def reservoir(met: int, arriving: int, capacity: int, generator: torch.Generator) -> Tensor:
    r"""Draws which examples a reservoir holds after more have passed by (algorithm R).

    Example number :math:`n` is put in if :math:`n \leq M`, and else replaces a uniform slot with
    probability :math:`M / n`: each example so far is then held with the same probability.

    References:
        Random Sampling with a Reservoir (Vitter, 1985)
        https://doi.org/10.1145/3147.3165

    Arguments:
        met: The number of examples that passed by before, at least 0.
        arriving: The number of those that come now, at least 0.
        capacity: The number of slots :math:`M`, at least 1.
        generator: Draws the slots, on the CPU.

    Returns:
        For each slot in use, the row of its example among those held, ``min(met, capacity)``, and
        behind them those that arrive, with shape (m,).

    Example:
        >>> reservoir(2, 3, capacity=4, generator=torch.Generator().manual_seed(0))
        tensor([0, 1, 4, 3])
    """
    held = min(met, capacity)
    numbers = met + 1 + torch.arange(arriving)
    drawn = (torch.rand(arriving, generator=generator, dtype=torch.float64) * numbers).long()
    put = (numbers > capacity) & (drawn < capacity)
    rows = torch.arange(min(met + arriving, capacity))  # while slots are free, all are put in

    # of several for one slot the last stays, which is the greatest row
    return rows.scatter_reduce(0, drawn[put], (held + torch.arange(arriving))[put], "amax")
