r"""Layer normalisation of one network, or of several side by side.

References:
    Layer Normalization (Ba et al., 2016)
    https://arxiv.org/abs/1607.06450
"""

__all__ = ["LayerNormalization"]

import torch.nn.functional as F
from torch import Tensor, nn


class LayerNormalization(nn.LayerNorm):
    """PyTorch's layer, which also normalises for several networks at once.

    Arguments:
        features: The number of hidden units.

    Example:
        >>> import torch
        >>> LayerNormalization(2)(torch.tensor([[1.0, 3.0]])).detach()
        tensor([[-1.0000,  1.0000]])
    """

    def __init__(self, features: int) -> None:
        super().__init__(features)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, the name of the parent's argument
        """Normalises each row; the shape stays.

        Arguments:
            input: The rows, with shape :math:`(k, j)`; or those of several networks, with shape
                :math:`(s, k, j)`, where weight and bias have shape :math:`(s, j)`.
        """
        if self.weight.dim() == 1:
            return super().forward(input)

        normalized = F.layer_norm(input.float(), self.normalized_shape, eps=self.eps)
        scaled = normalized * self.weight.unsqueeze(1) + self.bias.unsqueeze(1)

        return scaled.to(input.dtype)  # rounded once, as by PyTorch's layer
