r"""The squared error between rows of length 1: a cosine, seen as a regression."""

__all__ = ["normalized_mse"]

import torch.nn.functional as F
from torch import Tensor

from unseen.nets.cosine_head import normalize_rows


def normalized_mse(predicted: Tensor, targets: Tensor) -> Tensor:
    r"""Returns the mean squared error of rows that are first brought to length 1.

    .. math:: L = \frac{1}{n a} \sum_i \Big\lVert \frac{p_i}{\lVert p_i \rVert}
        - \frac{t_i}{\lVert t_i \rVert} \Big\rVert^2
        = \frac{2}{n a} \sum_i (1 - \cos(p_i, t_i))

    It is what ReMSE is with both exponents 0. The length of a prediction has no part in it.

    Arguments:
        predicted: The predictions :math:`p`, with shape :math:`(n, a)`.
        targets: The targets :math:`t`, one row per example, with shape :math:`(n, a)`.

    Example:
        >>> import torch
        >>> normalized_mse(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 5.0]]))
        tensor(1.)
    """
    return F.mse_loss(normalize_rows(predicted), normalize_rows(targets))
