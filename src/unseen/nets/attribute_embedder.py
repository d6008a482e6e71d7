r"""The attribute embedder: an MLP from class descriptions to prototypes.

References:
    Class Normalization for (Continual)? Generalized Zero-Shot Learning
    (Skorokhodov & Elhoseiny, 2021)
    https://arxiv.org/abs/2006.11328
"""

__all__ = ["AttributeEmbedder"]

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from unseen.nets.class_standardization import ClassStandardization, DynamicNormalization
from unseen.nets.initialization import INITIALIZATIONS
from unseen.nets.linear import Linear

Norm = Callable[[int], nn.Module]


class AttributeEmbedder(nn.Sequential):
    r"""Maps class descriptions to prototypes.

    Each hidden layer is a linear map and a ReLU. The norms, where given, stand around the ReLU of
    the last hidden layer. Without hidden layers the embedder is one linear map.

    Arguments:
        attribute_size: The size :math:`d_a` of a description.
        hidden_sizes: The sizes of the hidden layers; empty for a linear embedder.
        prototype_size: The size :math:`d_z` of a prototype.
        norm_before_relu: Makes the norm before the last hidden ReLU, from its size.
        norm_after_relu: Makes the norm before the last linear map, from its size.
        init: The initialisation of the last linear map, a name in ``INITIALIZATIONS``.
        final_relu: Whether prototypes pass through a ReLU.
        generator: The source of randomness of all initial weights.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> embedder = AttributeEmbedder(85, (1024, 1024), 2048, generator=generator)
        >>> sum(parameter.numel() for parameter in embedder.parameters())
        3236864
    """

    def __init__(
        self,
        attribute_size: int,
        hidden_sizes: Sequence[int],
        prototype_size: int,
        norm_before_relu: Norm | None = None,
        norm_after_relu: Norm | None = None,
        init: str = "class-norm",
        final_relu: bool = True,
        *,
        generator: torch.Generator,
    ) -> None:
        sizes = [attribute_size, *hidden_sizes]
        layers: list[nn.Module] = []

        for i, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes), start=1):
            last = i == len(hidden_sizes)
            layers.append(_linear(fan_in, fan_out, generator))
            if last and norm_before_relu is not None:
                layers.append(norm_before_relu(fan_out))
            layers.append(nn.ReLU())
            if last and norm_after_relu is not None:
                layers.append(norm_after_relu(fan_out))

        output = _linear(sizes[-1], prototype_size, generator)
        INITIALIZATIONS[init](output.weight.data, generator)
        layers.append(output)
        if final_relu:
            layers.append(nn.ReLU())

        super().__init__(*layers)

    @property
    def final_weight(self) -> Tensor:
        """The weight :math:`V` of the last linear map, with shape :math:`(d_z, d_h)`."""
        return [layer for layer in self if isinstance(layer, nn.Linear)][-1].weight

    @torch.no_grad()
    def settle(self, class_attributes: Tensor) -> None:
        """Replaces running statistics by exact ones, from the descriptions of the seen classes.

        Where there are too few classes for a variance, the running ones of a layer stay.

        Arguments:
            class_attributes: The seen descriptions, with shape :math:`(k, d_a)`.
        """
        h = class_attributes
        for layer in self:
            if isinstance(layer, ClassStandardization) and len(h) > layer.ddof:
                layer.running_mean.copy_(h.mean(dim=0))
                layer.running_var.copy_(h.var(dim=0, correction=layer.ddof))
            elif isinstance(layer, DynamicNormalization):
                layer.running_norm.copy_(torch.linalg.vector_norm(h, dim=1).mean())
            h = layer(h)


def _linear(fan_in: int, fan_out: int, generator: torch.Generator) -> nn.Linear:
    """Makes a linear layer with PyTorch's default initialisation, from our own generator."""
    layer = Linear(fan_in, fan_out, device="meta").to_empty(device="cpu")  # not yet random
    bound = fan_in**-0.5
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)

    return layer
