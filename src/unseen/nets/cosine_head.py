r"""Rows of a given length: attribute normalisation, and the two sides of a scaled cosine.

References:
    Class Normalization for (Continual)? Generalized Zero-Shot Learning
    (Skorokhodov & Elhoseiny, 2021)
    https://arxiv.org/abs/2006.11328
"""

__all__ = ["normalize_rows"]

import torch
from torch import Tensor

TINY = 1e-12  # a dead ReLU gives an all-zero prototype: its cosine is 0, not NaN


def normalize_rows(x: Tensor, length: float = 1.0) -> Tensor:
    r"""Scales each row to a given length; a zero row stays zero.

    Arguments:
        x: The rows, with shape :math:`(n, d)` or, of several networks, :math:`(s, n, d)`.
        length: The Euclidean length of each row of the result.

    Example:
        >>> normalize_rows(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000]])
    """
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)  # (n, 1)

    return x * (length / norm.clamp_min(TINY))
