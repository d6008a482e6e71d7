r"""Memory aware synapses (MAS), online: weights that the outputs depend on stay where they are.

References:
    Memory Aware Synapses: Learning what (not) to forget (Aljundi et al., 2018)
    https://arxiv.org/abs/1711.09601
"""

__all__ = ["MAS"]

from torch import Tensor

from unseen.continual.importance import Examples, ImportancePenalty, gradient_sizes
from unseen.continual.strategy import StreamNetwork, TaskRows


class MAS(ImportancePenalty):
    r"""Penalises the moves of weights, by how much the logits of past tasks depend on them.

    .. math:: \lambda \sum_i \Omega_i (\theta_i - \theta^*_i)^2, \qquad
        \Omega \leftarrow \gamma_f \, \Omega + F, \qquad
        F_i = \frac{1}{n} \sum_x \left|
            \frac{\partial}{\partial \theta_i} \sum_c y_c(x)^2 \right|

    Importances need no labels. Logits grow as :math:`\gamma^2`, the square of the head's scale, so
    :math:`\lambda` is to be chosen anew when that changes.

    Differences from the paper:
        Importances decay, as in the class-norm paper's streams. The released code takes them on
        the examples of the *next* task, and sums the gradients of a batch before it takes the
        absolute value, so that those of different sign cancel. Here they are of the task's own
        examples, one by one (``legacy_importance=True`` sums batches).

    Arguments:
        weight: The :math:`\lambda`, at least 0.
        decay: The :math:`\gamma_f`, from 0 to 1: what remains of the importances of earlier tasks.
        competing: The classes :math:`c`: those of the ``"task"``, or all ``"seen"`` so far.
        legacy_importance: Whether gradients are summed over batches of 32 before the absolute
            value, as in the released code.

    Attributes:
        importance_: The :math:`\Omega` of each trained weight, with shape (p,).
        anchor_: The :math:`\theta^*`, with shape (p,).
    """

    def __init__(
        self,
        weight: float = 1e-4,
        decay: float = 0.95,
        *,
        competing: str = "task",
        legacy_importance: bool = False,
    ) -> None:
        self.weight = weight
        self.decay = decay
        self.competing = competing
        self.legacy_importance = legacy_importance

    def _importance(self, network: StreamNetwork, task: TaskRows) -> Tensor:
        examples = Examples.of(task, self.competing)

        return gradient_sizes(network, examples, squared_length, Tensor.abs_, self._group)


def squared_length(logits: Tensor, target: Tensor) -> Tensor:  # noqa: ARG001, without labels
    """Returns the sum of the squares of logits (b, k), a scalar of at least 0."""
    return logits.square().sum()
