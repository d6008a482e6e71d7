r"""Initialisations: of the last weight matrix of an attribute embedder, or of whole networks.

References:
    Class Normalization for (Continual)? Generalized Zero-Shot Learning
    (Skorokhodov & Elhoseiny, 2021)
    https://arxiv.org/abs/2006.11328
"""

__all__ = ["INITIALIZATIONS", "class_norm_std", "initialize_normal"]

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn


def class_norm_std(prototype_size: int, hidden_size: int, relu_aware: bool = False) -> float:
    r"""Returns the standard deviation of Eq. (10).

    .. math:: \mathrm{Var}[V_{ij}] = \frac{1}{d_z d_h}
        \qquad \text{or} \qquad \frac{2}{d_z d_h (1 - 1 / \pi)}

    Arguments:
        prototype_size: The size :math:`d_z` of a prototype.
        hidden_size: The size :math:`d_h` of the last hidden layer.
        relu_aware: Whether to count in that a ReLU follows the standardisation.

    Example:
        >>> print(f"{class_norm_std(2048, 1024):.4g}")
        0.0006905
    """
    gain = 2 / (1 - 1 / math.pi) if relu_aware else 1.0

    return math.sqrt(gain / (prototype_size * hidden_size))


def initialize_normal(
    module: nn.Module, std: float, generator: torch.Generator, truncated: bool = False
) -> None:
    """Draws all weights of the linear layers of a network anew; their biases become 0.

    Arguments:
        module: The network.
        std: The standard deviation of the normal distribution.
        generator: The source of randomness.
        truncated: Whether values beyond two standard deviations are drawn again.

    Example:
        >>> layer = nn.Linear(2, 1000)
        >>> initialize_normal(layer, 0.1, torch.Generator().manual_seed(0), truncated=True)
        >>> bool(layer.weight.abs().max() <= 0.2), bool((layer.bias == 0).all())
        (True, True)
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            if truncated:
                nn.init.trunc_normal_(
                    layer.weight, std=std, a=-2 * std, b=2 * std, generator=generator
                )
            else:
                nn.init.normal_(layer.weight, std=std, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _uniform(weight: Tensor, generator: torch.Generator) -> None:
    bound = math.sqrt(3) * class_norm_std(weight.shape[0], weight.shape[1])
    nn.init.uniform_(weight, -bound, bound, generator=generator)


def _normal(weight: Tensor, generator: torch.Generator) -> None:
    nn.init.normal_(
        weight, std=class_norm_std(weight.shape[0], weight.shape[1]), generator=generator
    )


def _relu_aware(weight: Tensor, generator: torch.Generator) -> None:
    bound = math.sqrt(3) * class_norm_std(weight.shape[0], weight.shape[1], relu_aware=True)
    nn.init.uniform_(weight, -bound, bound, generator=generator)


def _pytorch(weight: Tensor, generator: torch.Generator) -> None:
    bound = 1 / math.sqrt(weight.shape[1])
    nn.init.uniform_(weight, -bound, bound, generator=generator)


def _kaiming_fan_in(weight: Tensor, generator: torch.Generator) -> None:
    nn.init.kaiming_uniform_(weight, nonlinearity="relu", generator=generator)


def _kaiming_fan_out(weight: Tensor, generator: torch.Generator) -> None:
    nn.init.kaiming_uniform_(weight, mode="fan_out", nonlinearity="relu", generator=generator)


def _xavier(weight: Tensor, generator: torch.Generator) -> None:
    nn.init.xavier_uniform_(weight, generator=generator)


INITIALIZATIONS: dict[str, Callable[[Tensor, torch.Generator], None]] = {
    "class-norm": _uniform,
    "class-norm-normal": _normal,
    "class-norm-relu": _relu_aware,
    "pytorch": _pytorch,
    "kaiming-fan-in": _kaiming_fan_in,
    "kaiming-fan-out": _kaiming_fan_out,
    "xavier": _xavier,
}
