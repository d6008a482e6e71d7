r"""iCaRL: exemplars of each class, chosen by herding, are rehearsed with every task.

References:
    iCaRL: Incremental Classifier and Representation Learning (Rebuffi et al., 2017)
    https://arxiv.org/abs/1611.07725
"""

__all__ = ["ICaRL", "herd"]

import torch
from torch import Tensor

from unseen.continual.lwf import LwF
from unseen.continual.memory import ChoosingMemory, first_of_each_class
from unseen.continual.replay import quota
from unseen.continual.strategy import Step, StreamNetwork, TaskRows
from unseen.data.arguments import check_choice, check_number
from unseen.nets.cosine_head import normalize_rows
from unseen.nets.scoring_network import ScaledCosineNetwork
from unseen.training.resident import CHUNK_ROWS

PREDICTIONS = ("prototypes", "nearest-mean")
TINY = 1e-12  # examples that cancel each other have no mean direction


class ICaRL(ChoosingMemory):
    r"""Rehearses exemplars of earlier classes, :math:`\lfloor M / |L_t| \rfloor` of each.

    .. math:: \mathrm{CE}(B_t; C_t) + \lambda_r \, \mathrm{CE}(B_M; L_{t-1})
        + \lambda_d \, \tau^2 \, \mathrm{KL} \bigl( \mathrm{softmax}(\hat y / \tau) \,\|\,
        \mathrm{softmax}(y / \tau) \bigr)

    with the distillation of ``LwF`` on the examples of the task. Exemplars are put in order when
    they are chosen, so that a smaller quota later keeps the best.

    Differences from the paper:
        By default as the release of the class-norm paper means it: softmax in place of sigmoids,
        no distillation (``distillation=1``) and scores by prototypes from descriptions.
        ``prediction="nearest-mean"`` scores a seen class by the mean of its exemplars, as the
        paper does, and an unseen one still by its prototype; means are of the features after the
        last task. Distillation is on the examples of the task, not on exemplars.
        The release takes the farthest example where the paper takes the nearest, counts its rows
        wrongly, and keeps up to :math:`\lceil M / |L_t| \rceil`, which overruns :math:`M`.
        The paper's streams train iCaRL 5 epochs in batches of 10 (settings of the head).

    Arguments:
        capacity: The number of exemplars :math:`M` kept in all.
        weight: The :math:`\lambda_r`; 0 recalls nothing.
        memory_batch: The number of exemplars that a step recalls.
        distillation: The :math:`\lambda_d`.
        temperature: The :math:`\tau`.
        prediction: What a seen class is scored by: ``"prototypes"`` or ``"nearest-mean"``.

    Attributes:
        inputs_: The inputs of the exemplars, with shape (m, ...), class by class, the best first.
        labels_: The row of the class table of each, with shape (m,).
        tasks_: The number of the task that each came with, with shape (m,).
        members_: The classes so far and the number of their task, with shape (2, o).
        means_: The mean of the exemplars of each class, with shape (k, d), if they are scored by.
        known_: The rows of the class table that they are of, with shape (k,).
    """

    competing = "earlier"

    means_: Tensor
    known_: Tensor

    def __init__(
        self,
        capacity: int = 1000,
        weight: float = 1.0,
        memory_batch: int = 10,
        *,
        distillation: float = 0.0,
        temperature: float = 2.0,
        prediction: str = "prototypes",
    ) -> None:
        self.capacity = capacity
        self.weight = weight
        self.memory_batch = memory_batch
        self.distillation = distillation
        self.temperature = temperature
        self.prediction = prediction

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_number("capacity", self.capacity, 1, whole=True)
        check_number("distillation", self.distillation, 0)
        check_number("temperature", self.temperature, 0, open_low=True)
        check_choice("prediction", self.prediction, PREDICTIONS)

    def before_task(self, network: StreamNetwork, task: TaskRows) -> TaskRows:
        """Looks up earlier classes, and lets the network as it is be the teacher."""
        quota(self.capacity, len(self._met(task)))
        if self.prediction == "nearest-mean":
            _scale(network)
        self._teacher: LwF | None = None
        if self.distillation > 0 and task.number > 1:
            self._teacher = LwF(self.distillation, self.temperature)
            self._teacher.seen_ = self.members_[0].unique()
            self._teacher.before_task(network, task)

        return super().before_task(network, task)

    def penalty(self, step: Step) -> Tensor | None:
        """Returns the weighted loss of recalled exemplars and the distance from the teacher."""
        distance = None if self._teacher is None else self._teacher.penalty(step)
        terms = [term for term in (super().penalty(step), distance) if term is not None]

        return torch.stack(terms).sum() if terms else None

    @torch.no_grad()
    def after_task(self, network: StreamNetwork, task: TaskRows) -> None:
        """Chooses the exemplars of the task's classes, and cuts the others to the quota."""
        super().after_task(network, task)
        self._teacher = None
        if self.prediction == "nearest-mean":
            self.known_, place = self.labels_.unique(return_inverse=True)
            directions = _directions(network, self.inputs_)
            sums = directions.new_zeros(len(self.known_), directions.shape[1])
            sums = sums.index_add(0, place, directions)  # which point where the means do
            self.means_ = normalize_rows(sums, _scale(network))

    def class_points(self, embedded: Tensor, rows: Tensor) -> Tensor:
        """Puts the means of exemplars in the place of prototypes, where they are asked for."""
        if self.prediction == "prototypes":
            return embedded
        place = torch.searchsorted(self.known_, rows).clamp_max(len(self.known_) - 1)
        known = (self.known_[place] == rows).unsqueeze(1)  # (c, 1)

        return torch.where(known, self.means_[place], embedded)

    def memory_bytes(self) -> dict[str, int]:
        """Returns the bytes of exemplars, their labels and tasks, and of their means."""
        kept = super().memory_bytes()
        if self.prediction == "nearest-mean":
            kept["means"] = self.means_.nbytes + self.known_.nbytes

        return kept

    def _keep(self, network: StreamNetwork, task: TaskRows, pool: TaskRows) -> Tensor:
        labels, count = pool.labels, quota(self.capacity, len(self._met(task)))
        new = torch.isin(labels, task.classes)
        chosen = new.nonzero().squeeze(1)
        directions = _directions(network, pool.inputs[chosen])

        old = (~new).nonzero().squeeze(1)  # in the order of herding
        kept = [old[first_of_each_class(labels[old], old, count)]]
        for label in task.classes:
            own = (labels[chosen] == label).nonzero().squeeze(1)
            kept.append(chosen[own[herd(directions[own], count)]])

        return torch.cat(kept)


def herd(directions: Tensor, count: int) -> Tensor:
    r"""Chooses examples whose mean stays closest to that of all, one by one.

    .. math:: p_j = \arg\min_x \left\| \mu - \frac{f(x) + \sum_{i < j} f(p_i)}{
        \| f(x) + \sum_{i < j} f(p_i) \|} \right\|

    with :math:`\mu` the mean of all :math:`f(x)`, brought to length 1 (Algorithm 4).

    Arguments:
        directions: The :math:`f(x)`: features of length 1, with shape (n, d).
        count: The number of examples to choose; all, in their order, where there are fewer.

    Returns:
        The rows of those chosen, in the order of choice.

    Example:
        >>> angle = torch.tensor([0.0, 30.0, 50.0, 80.0, 120.0]).deg2rad()
        >>> herd(torch.stack([angle.cos(), angle.sin()], dim=1), count=3)
        tensor([2, 3, 1])
    """
    mu = normalize_rows(directions.mean(dim=0, keepdim=True))  # (1, d)
    towards = directions @ mu[0]  # (n,)
    # f(x) and the sum of those chosen: their product with mu and with each other, squared length
    total, along, length = towards.new_zeros(()), torch.zeros_like(towards), towards.new_zeros(())
    free, chosen = torch.ones_like(towards, dtype=torch.bool), []

    for _ in range(min(count, len(directions))):
        norm = (length + 2 * along + 1).clamp_min(TINY).sqrt()
        closest = ((total + towards) / norm).masked_fill(~free, -torch.inf).argmax()  # of cosines
        chosen.append(closest)
        free[closest] = False
        total = total + towards[closest]
        length = length + 2 * along[closest] + 1
        along = along + directions @ directions[closest]

    return torch.stack(chosen)


@torch.no_grad()
def _directions(network: StreamNetwork, inputs: Tensor) -> Tensor:
    """Returns the features of inputs (n, ...), brought to length 1, with shape (n, d)."""
    features = [network.features(chunk) for chunk in inputs.split(CHUNK_ROWS)]

    return normalize_rows(torch.cat(features))


def _scale(network: StreamNetwork) -> float:
    """Returns the length of prototypes, which means of exemplars share."""
    head = network.head
    if not isinstance(head, ScaledCosineNetwork) or head.scale is None:
        raise ValueError(
            "`prediction='nearest-mean'` compares means by their direction, and a head with "
            "scale=None does not; give it a scale, or take prediction='prototypes'."
        )

    return head.scale
