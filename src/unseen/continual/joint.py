"""Joint training, also called multi-task: all examples so far, at every task."""

__all__ = ["Joint"]

from dataclasses import replace

import torch
from torch import Tensor

from unseen.continual.strategy import Strategy, StreamNetwork, TaskRows
from unseen.data.arguments import check_choice
from unseen.training.batches import Batches, FirstOf, Shuffled


class Joint(Strategy):
    """Keeps all examples and trains on them with every task, among all classes seen.

    It bounds what access to old data gives; it is not a bound of every measure.

    Differences from the paper:
        The authors cap the steps of a task by fixed numbers near the sequential ones (200 for
        CUB); ``budget="sequential"`` takes exactly as many as sequential training of the task.

    Arguments:
        budget: ``"sequential"``, or ``"full"``: whole epochs over all examples so far, so that
            the time of a task grows along the stream.

    Attributes:
        inputs_: All inputs so far, with shape (n, ...).
        labels_: The row of the class table of each, with shape (n,).
    """

    inputs_: Tensor
    labels_: Tensor

    def __init__(self, budget: str = "sequential") -> None:
        self.budget = budget

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        check_choice("budget", self.budget, ("sequential", "full"))

    def before_task(self, network: StreamNetwork, task: TaskRows) -> TaskRows:  # noqa: ARG002
        """Returns the examples of all tasks so far."""
        if task.number == 1:
            return task
        inputs, labels = self._with(task)
        known = task.knows(labels)

        return replace(task, inputs=inputs[known], labels=labels[known], classes=task.seen)

    def batches(self, task: TaskRows, trained: TaskRows, batch_size: int) -> Batches:
        """Draws from all examples, by default for as many steps as the task alone has."""
        everything = Shuffled(len(trained.labels), batch_size)
        if self.budget == "full":
            return everything

        return FirstOf(everything, -(-len(task.labels) // batch_size))

    def mask(self, task: TaskRows) -> Tensor:
        """Lets all seen classes compete, with shape (k,)."""
        return torch.ones_like(task.new)

    def after_task(self, network: StreamNetwork, task: TaskRows) -> None:  # noqa: ARG002
        """Keeps the examples of the task."""
        self.inputs_, self.labels_ = self._with(task)

    def _with(self, task: TaskRows) -> tuple[Tensor, Tensor]:
        """Returns all inputs (n, ...) and labels (n,), those of a task among them."""
        if task.number == 1:
            return task.inputs, task.labels

        return torch.cat([self.inputs_, task.inputs]), torch.cat([self.labels_, task.labels])

    def memory_bytes(self) -> dict[str, int]:
        """Returns the bytes of all examples and their labels."""
        return {"items": self.inputs_.nbytes, "labels": self.labels_.nbytes}
