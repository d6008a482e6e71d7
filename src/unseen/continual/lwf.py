r"""Learning without forgetting (LwF): what the model said of new examples, it keeps saying.

References:
    Learning without Forgetting (Li & Hoiem, 2016)
    https://arxiv.org/abs/1606.09282

    Distilling the Knowledge in a Neural Network (Hinton et al., 2015)
    https://arxiv.org/abs/1503.02531
"""

__all__ = ["LwF", "distillation"]

import torch
import torch.nn.functional as F
from torch import Tensor

from unseen.continual.strategy import Step, Strategy, StreamNetwork, TaskRows
from unseen.data.arguments import check_number
from unseen.training.resident import CHUNK_ROWS


class LwF(Strategy):
    r"""Holds the outputs for old classes, on examples of new ones, near those of a teacher.

    .. math:: \lambda \, \tau^2 \, \mathrm{KL} \bigl( \mathrm{softmax}(\hat y / \tau) \,\|\,
        \mathrm{softmax}(y / \tau) \bigr)

    over the classes seen before the task, with the logits :math:`\hat y` of the teacher: the model
    as it was when the task began. It needs no example of an earlier task.

    Differences from the paper:
        The teacher scores every example of the task once, before training, in evaluation mode,
        which is the same as to ask a frozen copy in each step, unless a backbone moves its
        pictures at random: the teacher sees them as they are. New weights are not warmed up.
        Weight and temperature are our choice: the class-norm paper has no such run.

    Arguments:
        weight: The :math:`\lambda`.
        temperature: The :math:`\tau`.

    Attributes:
        seen_: The rows of the class table seen so far, with shape (k,).
    """

    seen_: Tensor
    _known: Tensor
    _teacher: Tensor | None

    def __init__(self, weight: float = 1.0, temperature: float = 2.0) -> None:
        self.weight = weight
        self.temperature = temperature

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        check_number("weight", self.weight, 0)
        check_number("temperature", self.temperature, 0, open_low=True)

    def before_task(self, network: StreamNetwork, task: TaskRows) -> TaskRows:
        """Lets the network, as it is before the task, score the examples of the task.

        Of the classes seen before, as far as the task's training knows them, with shape (o,), this
        gives the teacher's logits, with shape (n, o). Both are of use in this task alone.
        """
        self._known, self._teacher = task.seen[:0], None
        if task.number > 1:
            self._known = self.seen_[task.knows(self.seen_)]
            self._teacher = _scores(network.eval(), task, task.columns(self._known))

        return task

    def penalty(self, step: Step) -> Tensor | None:
        """Returns the distance from the teacher; nothing in the first task."""
        if step.task.number == 1:
            return None
        assert self._teacher is not None
        student = step.logits[:, step.task.columns(self._known)]  # (b, o)

        return self.weight * distillation(student, self._teacher[step.rows], self.temperature)

    def after_task(self, network: StreamNetwork, task: TaskRows) -> None:  # noqa: ARG002
        """Keeps which classes the next teacher knows, and drops what the last one said."""
        self._teacher, self._known = None, self._known[:0]
        seen = task.seen if task.number == 1 else torch.cat([self.seen_, task.seen])
        self.seen_ = seen.unique()

    def memory_bytes(self) -> dict[str, int]:
        """Returns the bytes of the list of classes; the next teacher is the model itself."""
        return {"labels": self.seen_.nbytes}


def distillation(logits: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    r"""Returns the mean divergence of softened outputs from a teacher's, times :math:`\tau^2`.

    The factor keeps the size of the gradient as :math:`\tau` changes. No gradient reaches the
    teacher.

    Arguments:
        logits: The logits of the student, with shape (n, k).
        teacher: Those of the teacher, with shape (n, k).
        temperature: The :math:`\tau`.

    Example:
        >>> distillation(torch.zeros(1, 2), torch.tensor([[2.0, 0.0]]), temperature=2.0)
        tensor(0.4438)
    """
    softened = F.log_softmax(logits / temperature, dim=1)
    target = F.log_softmax(teacher.detach() / temperature, dim=1)
    divergence = F.kl_div(softened, target, reduction="batchmean", log_target=True)

    return temperature**2 * divergence


@torch.no_grad()
def _scores(network: StreamNetwork, task: TaskRows, columns: Tensor) -> Tensor:
    """Scores the examples of a task for some of the seen classes (o,), with shape (n, o)."""
    S = task.S[columns]
    scores = [network(chunk, S) for chunk in task.inputs.split(CHUNK_ROWS)]

    return torch.cat(scores)
