r"""Experience replay: a memory of fixed size, part of which is trained on in every step.

References:
    On Tiny Episodic Memories in Continual Learning (Chaudhry et al., 2019)
    https://arxiv.org/abs/1902.10486
"""

__all__ = ["ExperienceReplay", "quota"]

import torch
from torch import Tensor

from unseen.continual.memory import ChoosingMemory, first_of_each_class, reservoir
from unseen.continual.strategy import StreamNetwork, TaskRows
from unseen.data.arguments import check_choice, check_number


class ExperienceReplay(ChoosingMemory):
    r"""Trains on recalled examples beside those of the task.

    .. math:: \mathrm{CE}(B_t; C_t) + \lambda_r \, \mathrm{CE}(B_M; L_t)

    The memory is a uniform sample of all examples so far, by a reservoir of :math:`M` slots that
    is filled once after each task; or of the examples of each class, as many of each.

    Differences from the paper:
        The class-norm paper has no such run; size, weight and batch are our choice. The paper
        fills the reservoir while it trains, so that a task recalls its own examples too.

    Arguments:
        capacity: The number of examples :math:`M` kept in all, at least 1. Ten a class of CUB, as
            A-GEM keeps, are 2,000.
        weight: The :math:`\lambda_r`, at least 0, which recalls nothing.
        memory_batch: The number of examples that a step recalls, at least 1; ``None`` is the batch
            size, also beside the last batch of an epoch, which may be smaller.
        balanced: Whether each class seen keeps at most ``capacity // classes`` examples.
        competing: The classes in the loss of a recalled example: all ``"seen"`` so far, those of
            all ``"earlier"`` tasks, or of its ``"own"`` task.

    Attributes:
        inputs_: The inputs of the examples kept, with shape (m, ...).
        labels_: The row of the class table of each, with shape (m,).
        tasks_: The number of the task that each came with, with shape (m,).
        members_: The classes so far and the number of their task, with shape (2, o).
        met_: The number of examples so far.
        keys_: What decides among the examples of a class, with shape (m,), if ``balanced``.
    """

    met_: Tensor
    keys_: Tensor

    def __init__(
        self,
        capacity: int = 2000,
        weight: float = 1.0,
        memory_batch: int | None = None,
        *,
        balanced: bool = False,
        competing: str = "seen",
    ) -> None:
        self.capacity = capacity
        self.weight = weight
        self.memory_batch = memory_batch
        self.balanced = balanced
        self.competing = competing

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_number("capacity", self.capacity, 1, whole=True)
        check_choice("competing", self.competing, ("seen", "earlier", "own"))

    def before_task(self, network: StreamNetwork, task: TaskRows) -> TaskRows:
        """Looks up which classes compete; a balanced memory must hold one example of each."""
        if self.balanced:
            quota(self.capacity, len(self._met(task)))

        return super().before_task(network, task)

    def memory_bytes(self) -> dict[str, int]:
        """Returns the bytes of the examples, their labels and tasks, and of what chose them."""
        chosen = self.keys_ if self.balanced else self.met_

        return {**super().memory_bytes(), "sampling": chosen.nbytes}

    def _keep(self, network: StreamNetwork, task: TaskRows, pool: TaskRows) -> Tensor:  # noqa: ARG002
        if self.balanced:
            return self._smallest_keys(task, pool.labels)
        arriving = len(task.labels)
        met = 0 if task.number == 1 else int(self.met_)
        self.met_ = torch.tensor(met + arriving)

        return reservoir(met, arriving, self.capacity, task.generator()).to(task.labels.device)

    def _smallest_keys(self, task: TaskRows, labels: Tensor) -> Tensor:
        """Keeps the examples with the smallest random keys: a uniform sample of each class."""
        keys = torch.rand(len(task.labels), generator=task.generator(), dtype=torch.float64)
        keys = keys.to(labels.device)
        if task.number > 1:
            keys = torch.cat([self.keys_, keys])
        rows = first_of_each_class(labels, keys, quota(self.capacity, len(self._met(task))))
        self.keys_ = keys[rows]

        return rows


def quota(capacity: int, classes: int) -> int:
    r"""Returns the number of examples of each class, :math:`\lfloor M / |L_t| \rfloor`.

    Arguments:
        capacity: The number of examples :math:`M` in all.
        classes: The number of classes :math:`|L_t|` seen so far, at least 1.

    Returns:
        The number, at least 1.

    Raises:
        ValueError: If it is 0.

    Example:
        >>> quota(1000, classes=47)
        21
    """
    if capacity < classes:
        raise ValueError(
            f"`capacity` must be at least the number of classes seen, by now {classes}, so that "
            f"each keeps an example; got {capacity}."
        )

    return capacity // classes
