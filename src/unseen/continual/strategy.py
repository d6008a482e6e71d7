"""What a strategy against forgetting sees of a training, and the hooks that it may fill."""

__all__ = ["Step", "Strategy", "StreamNetwork", "TaskRows", "masked_cross_entropy"]

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import torch
import torch.nn.functional as F
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from unseen.continual.backbones import batch_norms
from unseen.nets.scoring_network import ScoringNetwork
from unseen.training.batches import Batches, Shuffled


class StreamNetwork(nn.Module):
    """A backbone, where there is one, and a head that scores its features for classes.

    Arguments:
        backbone: Maps inputs of shape (n, ...) to features (n, d); ``None`` where features are
            fixed, and were prepared by the head before training.
        head: The network that scores.
        freeze_norm: Whether BatchNorm in the backbone uses its running statistics in training too,
            and keeps them; its scales and shifts are learned all the same.
    """

    def __init__(
        self, backbone: nn.Module | None, head: ScoringNetwork, freeze_norm: bool = False
    ) -> None:
        super().__init__()

        self.backbone = backbone
        self.head = head
        self.freeze_norm = freeze_norm

    def train(self, mode: bool = True) -> Self:
        """Sets training or evaluation; a frozen BatchNorm stays in evaluation."""
        super().train(mode)
        if self.freeze_norm:
            for norm in batch_norms(self.backbone):
                norm.eval()

        return self

    def features(self, inputs: Tensor) -> Tensor:
        """Returns the prepared features, with shape (n, d), of inputs.

        Bytes, as pictures are stored, become floats here: any backbone takes those.
        """
        if self.backbone is None:
            return inputs

        return self.head.prepare(self.backbone(inputs.float()))

    def forward(self, inputs: Tensor, S: Tensor) -> Tensor:
        """Scores inputs for classes of normalised descriptions (k, a), with shape (n, k)."""
        return self.head.score(self.features(inputs), self.head.embed(S))


@dataclass(frozen=True)
class TaskRows:
    """The examples of a task, on the device, and the classes that its training knows.

    Arguments:
        number: The number of the task, from 1.
        inputs: What ``StreamNetwork.features`` takes, with shape (n, ...).
        labels: The row of the class table of each, with shape (n,).
        classes: The rows of the class table with examples in this task, sorted, shape (c_t,).
        seen: Those with examples up to now, sorted, with shape (k,); of those of earlier tasks,
            some, where the learner draws them (``old_classes``).
        S: The normalised descriptions of ``seen``, with shape (k, a).
        seed: The seed of all that a strategy draws with this task.
    """

    number: int
    inputs: Tensor
    labels: Tensor
    classes: Tensor
    seen: Tensor
    S: Tensor
    seed: int

    @property
    def new(self) -> Tensor:
        """Which of ``seen`` have examples in this task, with shape (k,)."""
        return torch.isin(self.seen, self.classes)

    def knows(self, labels: Tensor) -> Tensor:
        """Says which rows (n,) of the class table are in ``seen``."""
        return torch.isin(labels, self.seen)

    def columns(self, labels: Tensor) -> Tensor:
        """Returns the place in ``seen`` of each row (n,) of the class table, which is there."""
        return torch.searchsorted(self.seen, labels.contiguous())

    def generator(self) -> torch.Generator:
        """Returns a generator of its own: draws of one strategy do not move those of another."""
        return torch.Generator().manual_seed(self.seed)


@dataclass
class Step:
    """One step of training: one pass of descriptions, shared by all batches of the step.

    Arguments:
        network: The network.
        task: The task.
        inputs: The batch of the task, with shape (b, ...).
        target: Its places among the seen classes, with shape (b,).
        recalled: The rows of memory that were drawn for this step, with shape (m,).
        rows: The places of the batch among the rows that are trained on, with shape (b,).
    """

    network: StreamNetwork
    task: TaskRows
    inputs: Tensor
    target: Tensor
    recalled: Tensor
    rows: Tensor
    prototypes: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.prototypes = self.network.head.embed(self.task.S)  # (k, d), once a step

    def scores(self, inputs: Tensor) -> Tensor:
        """Scores any inputs (n, ...) for the seen classes, with shape (n, k)."""
        return self.network.head.score(self.network.features(inputs), self.prototypes)

    @cached_property
    def logits(self) -> Tensor:
        """The scores of the batch for the seen classes, with shape (b, k)."""
        return self.scores(self.inputs)


def masked_cross_entropy(logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Returns the mean cross-entropy over some of the classes.

    Arguments:
        logits: The scores, with shape (n, k).
        target: The place of the class of each row, with shape (n,).
        mask: Which classes count, with shape (k,), or (n, k) where it differs from row to row.

    Example:
        >>> logits, target = torch.tensor([[0.0, 0.0, 9.0]]), torch.tensor([0])
        >>> masked_cross_entropy(logits, target, torch.tensor([True, True, False]))
        tensor(0.6931)
    """
    return F.cross_entropy(logits.masked_fill(~mask, -torch.inf), target)


class Strategy(BaseEstimator):
    """Learns each task and does nothing against forgetting; strategies fill the hooks.

    The constructor stores settings only. What a strategy keeps between tasks are tensors in
    attributes that end in ``_``; hooks replace them by new ones and never change them in place, so
    that a training that fails leaves all as it was.
    """

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""

    def before_task(self, network: StreamNetwork, task: TaskRows) -> TaskRows:  # noqa: ARG002
        """Prepares for a task; returns the rows to train on, usually those of the task."""
        return task

    def batches(self, task: TaskRows, trained: TaskRows, batch_size: int) -> Batches:  # noqa: ARG002
        """Says which rows make the steps, given the task and what ``before_task`` returned."""
        return Shuffled(len(trained.labels), batch_size)

    def mask(self, task: TaskRows) -> Tensor:
        """Says which seen classes compete in the loss, with shape (k,): those of the task."""
        return task.new

    def recall(self, task: TaskRows, batch_size: int) -> tuple[int, int]:  # noqa: ARG002
        """Returns the size of the memory and the number of its rows in each step."""
        return 0, 0

    def penalty(self, step: Step) -> Tensor | None:  # noqa: ARG002
        """Returns what to add to the loss of a step; ``None`` is nothing."""
        return None

    def after_backward(self, parameters: list[nn.Parameter]) -> None:
        """May change the gradients of all trained parameters in place."""

    def after_task(self, network: StreamNetwork, task: TaskRows) -> None:
        """Keeps what later tasks need; the network is in evaluation mode."""

    def class_points(self, embedded: Tensor, rows: Tensor) -> Tensor:  # noqa: ARG002
        """May put other points in the place of prototypes, for scoring after the first task.

        Arguments:
            embedded: The prototypes of the classes to score, with shape (c, e).
            rows: The row of the class table of each; -1 is a class that is not in it, shape (c,).
        """
        return embedded

    def state(self) -> dict[str, Tensor]:
        """Returns the tensors that are kept between tasks, by attribute."""
        return {
            name: value
            for name, value in vars(self).items()
            if name.endswith("_") and isinstance(value, Tensor)
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes back the tensors of ``state``."""
        for name, value in state.items():
            setattr(self, name, value)

    def memory_bytes(self) -> dict[str, int]:
        """Returns the bytes that are kept between tasks, by what they are."""
        return {}
