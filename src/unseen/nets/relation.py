r"""The relation module: how well an example and a class go together, as a learned function.

References:
    Learning to Compare: Relation Network for Few-Shot Learning (Sung et al., 2018)
    https://arxiv.org/abs/1711.06025
"""

__all__ = ["Relation"]

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unseen.nets.linear import Linear, linear

TILE = 64  # rows and classes at a time in prediction: 16 kB a hidden unit


class Relation(nn.Module):
    r"""Scores pairs of an example and a prototype by a network of one hidden layer.

    .. math:: r(x, p) = w \cdot \mathrm{ReLU}(W [p ; x] + b) + b'
        = w \cdot \mathrm{ReLU}(W_p \, p + b + W_x \, x) + b'

    The first linear map is split in two, so that no pair is ever put together.

    Arguments:
        features: The size :math:`d` of an example and of a prototype.
        hidden: The size :math:`h` of the hidden layer.
        generator: The source of randomness of all initial weights.

    Example:
        >>> relation = Relation(4, 8, torch.Generator().manual_seed(0))
        >>> relation(torch.zeros(5, 4), relation.of_classes(torch.zeros(3, 4))).shape
        torch.Size([5, 3])
    """

    def __init__(self, features: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()

        self.of_classes = Linear(features, hidden, device="meta").to_empty(device="cpu")
        self.of_examples = Linear(features, hidden, bias=False, device="meta").to_empty(
            device="cpu"
        )
        self.output = nn.Linear(hidden, 1, device="meta").to_empty(device="cpu")

        for layer, fan_in in (
            (self.of_classes, 2 * features),  # as of one map from [p; x]
            (self.of_examples, 2 * features),
            (self.output, hidden),
        ):
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -(fan_in**-0.5), fan_in**-0.5, generator=generator)

    def forward(self, x: Tensor, classes: Tensor) -> Tensor:
        """Scores all pairs: in training in one piece, in prediction tile by tile.

        Arguments:
            x: The examples, with shape :math:`(n, d)`.
            classes: What ``of_classes`` gives for the prototypes, with shape :math:`(c, h)`.

        Returns:
            The relations before any sigmoid, with shape :math:`(n, c)`.
        """
        if self.training:
            return self._meet(linear(x, self.of_examples.weight), classes)

        examples = F.linear(x, self.of_examples.weight)  # (n, h)
        return torch.cat(
            [
                torch.cat([self._meet(rows, part) for part in classes.split(TILE)], dim=1)
                for rows in examples.split(TILE)
            ]
        )

    def _meet(self, examples: Tensor, classes: Tensor) -> Tensor:
        hidden = (examples[:, None] + classes).relu_()  # (n, c, h)

        return hidden @ self.output.weight[0] + self.output.bias  # (n, c)
