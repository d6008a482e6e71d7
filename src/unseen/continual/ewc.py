r"""Elastic weight consolidation (EWC), online: weights that matter stay where they are.

References:
    Overcoming catastrophic forgetting in neural networks (Kirkpatrick et al., 2017)
    https://arxiv.org/abs/1612.00796

    Progress & Compress: A scalable framework for continual learning (Schwarz et al., 2018)
    https://arxiv.org/abs/1805.06370
"""

__all__ = ["EWC"]

import torch
import torch.nn.functional as F
from torch import Tensor

from unseen.continual.importance import Examples, ImportancePenalty, gradient_sizes
from unseen.continual.strategy import StreamNetwork, TaskRows
from unseen.data.arguments import check_choice
from unseen.training.resident import CHUNK_ROWS


class EWC(ImportancePenalty):
    r"""Penalises the moves of weights, by the diagonal of the Fisher information of past tasks.

    .. math:: \lambda \sum_i \Omega_i (\theta_i - \theta^*_i)^2, \qquad
        \Omega \leftarrow \gamma_f \, \Omega + F, \qquad
        F_i = \frac{1}{n} \sum_x \left(
            \frac{\partial}{\partial \theta_i} \mathrm{CE}(y(x), t_x) \right)^2

    Differences from the paper:
        Online, with one anchor and decaying importances, as in the class-norm paper's streams, and
        no factor of 1/2 in the penalty. By default the labels of the data stand for labels drawn
        from the model, and each task's :math:`F` is brought to [0, 1], as in the released code.
        The released code takes :math:`F` on the examples of the *next* task, whose loss among the
        classes of the last one is infinite; and squares the gradients of whole batches. Here it
        is of the task's own examples, one by one (``legacy_importance=True`` squares batches).

    Arguments:
        weight: The :math:`\lambda`, at least 0.
        decay: The :math:`\gamma_f`, from 0 to 1: what remains of the importances of earlier tasks.
        rescale: Whether the least and the greatest :math:`F` of a task become 0 and 1.
        competing: The classes in the cross-entropy of :math:`F`: those of the ``"task"``, or all
            ``"seen"`` so far.
        labels: The :math:`t_x`: those of the ``"data"``, or ones drawn from the ``"model"``.
        legacy_importance: Whether the mean gradients of batches of 32 are squared, and their sum
            divided by the number of examples, as in the released code.

    Attributes:
        importance_: The :math:`\Omega` of each trained weight, with shape (p,).
        anchor_: The :math:`\theta^*`, with shape (p,).
    """

    def __init__(
        self,
        weight: float = 10.0,
        decay: float = 0.99,
        *,
        rescale: bool = True,
        competing: str = "task",
        labels: str = "data",
        legacy_importance: bool = False,
    ) -> None:
        self.weight = weight
        self.decay = decay
        self.rescale = rescale
        self.competing = competing
        self.labels = labels
        self.legacy_importance = legacy_importance

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_choice("labels", self.labels, ("data", "model"))

    def _importance(self, network: StreamNetwork, task: TaskRows) -> Tensor:
        examples = Examples.of(task, self.competing)
        if self.labels == "model":
            examples = _relabelled(network, examples, task.generator())
        fisher = gradient_sizes(network, examples, F.cross_entropy, Tensor.square_, self._group)

        return rescaled(fisher) if self.rescale else fisher


def rescaled(fisher: Tensor) -> Tensor:
    """Brings the least of some values (p,) to 0 and the greatest to 1; all equal become 0.

    Returns:
        The values in [0, 1], with shape (p,).

    Example:
        >>> rescaled(torch.tensor([2.0, 3.0, 6.0])), rescaled(torch.tensor([2.0, 2.0]))
        (tensor([0.0000, 0.2500, 1.0000]), tensor([0., 0.]))
    """
    least, greatest = fisher.aminmax()
    spread = greatest - least

    return (fisher - least) / torch.where(spread > 0, spread, 1.0)


@torch.no_grad()
def _relabelled(network: StreamNetwork, examples: Examples, generator: torch.Generator) -> Examples:
    """Returns the examples with labels that the network draws, on the CPU, for every device."""
    logits = [network(chunk, examples.S) for chunk in examples.inputs.split(CHUNK_ROWS)]
    probabilities = torch.cat(logits).softmax(dim=1).cpu()  # (n, k)
    drawn = torch.multinomial(probabilities, 1, generator=generator).squeeze(1)

    return Examples(examples.inputs, drawn.to(examples.target.device), examples.S)
