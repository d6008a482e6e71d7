r"""Maximum mean discrepancy with a rational kernel that no width has to be chosen for."""

__all__ = ["negative_mmd"]

import torch
from torch import Tensor

from unseen.nets.linear import linear


def negative_mmd(x: Tensor, y: Tensor) -> Tensor:
    r"""Returns minus an estimate of the squared discrepancy of two samples of one size.

    .. math:: \frac{2}{n^2} \sum_{i, j} \kappa(x_i, y_j)
        - \frac{1}{n (n - 1)} \sum_{i \neq j} [\kappa(x_i, x_j) + \kappa(y_i, y_j)], \qquad
        \kappa(x, y) = \frac{2 d}{2 d + \lVert x - y \rVert^2}

    To minimise it drives the samples apart; it lies above -2. The pairs of a row with itself are
    left out; a sample of one row has no others, and counts 0 there.

    References:
        Invertible Zero-Shot Recognition Flows (Shen et al., 2020); kernel and estimator as in
        public readings of the paper
        https://arxiv.org/abs/2007.04873

    Arguments:
        x: The first sample, with shape :math:`(n, d)`.
        y: The second, with shape :math:`(n, d)`.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> x = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
        >>> y = torch.tensor([[0.0, 2.0], [1.0, 2.0]])
        >>> print(f"{negative_mmd(x, y):.4f}, {negative_mmd(x, x):.4f}")
        -0.6556, 0.2000
    """
    if x.shape != y.shape:
        raise ValueError(f"Both samples must have one shape; got {[*x.shape]} and {[*y.shape]}.")
    n, width = len(x), 2 * x.shape[1]
    xx, xy, yy = linear(x, x), linear(x, y), linear(y, y)
    of_x, of_y = xx.diagonal(), yy.diagonal()  # squared lengths
    between = kernel(xy, of_x, of_y, width).sum() * (2 / n**2)
    within = sum(
        _off_diagonal(kernel(products, lengths, lengths, width))
        for products, lengths in ((xx, of_x), (yy, of_y))
    )

    return between - within / max(n * (n - 1), 1)


def kernel(products: Tensor, of_x: Tensor, of_y: Tensor, width: int) -> Tensor:
    r"""Returns :math:`\kappa` of inner products (n, m) and squared lengths (n,) and (m,)."""
    # rounding can make the difference of large numbers negative
    distances = torch.sub(of_x[:, None] + of_y, products, alpha=2).clamp_min(0)

    return width / (width + distances)


def _off_diagonal(values: Tensor) -> Tensor:
    return values.sum() - values.diagonal().sum()
