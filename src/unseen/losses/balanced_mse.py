r"""Balanced MSE: a regression that counts how often each target comes, from the batch itself.

References:
    Balanced MSE for Imbalanced Visual Regression (Ren et al., 2022)
    https://arxiv.org/abs/2203.16427
"""

__all__ = ["balanced_mse"]

import torch
from torch import Tensor


def balanced_mse(predicted: Tensor, targets: Tensor, classes: Tensor, noise: float = 0.1) -> Tensor:
    r"""Returns the batch-based Monte-Carlo estimate (BMC) of Balanced MSE.

    .. math:: L = -\frac{2 \sigma^2}{n} \sum_i \log
        \frac{\sum_{j : y_j = y_i} \mathcal{N}(t_j; p_i, \sigma^2 I)}
             {\sum_j \mathcal{N}(t_j; p_i, \sigma^2 I)}

    Each example shall find its own target among those of the batch.

    Differences from the paper:
        The examples of a class share a target, so that none of them is the only right answer: the
        numerator sums over all of them. This takes a constant from the loss, and leaves its
        gradient as it is. The noise is not learned.

    Arguments:
        predicted: The predictions :math:`p`, with shape :math:`(n, a)`.
        targets: The targets :math:`t`, one row per example, with shape :math:`(n, a)`.
        classes: The class :math:`y` of each example, with shape :math:`(n,)`; the examples of one
            class have the same target.
        noise: The deviation :math:`\sigma` of the noise, in units of the targets.

    Raises:
        ValueError: If the noise is not positive.

    Example:
        >>> right, wrong = torch.eye(2), torch.eye(2).flip(0)
        >>> [round(balanced_mse(p, right, torch.arange(2)).item(), 4) for p in (right, wrong)]
        [0.0, 2.0]
    """
    if not noise > 0:
        raise ValueError(f"`noise` must be greater than 0; got {noise}.")

    # what the rows of a softmax have in common, the squared length of a prediction, cancels
    logits = predicted @ targets.T - targets.square().sum(dim=1) / 2  # (n, n)
    logits = logits / noise**2
    same = classes[:, None] == classes  # (n, n)
    own = logits.masked_fill(~same, -torch.inf).logsumexp(dim=1)  # (n,)

    return 2 * noise**2 * (logits.logsumexp(dim=1) - own).mean()
