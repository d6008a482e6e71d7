"""Backbones that are trained along a stream, by name, and what may be frozen in any."""

__all__ = ["BACKBONES", "batch_norms", "small_resnet"]

import math
from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from unseen.nets.resnet import SmallResNet

COLOURS = 3


def small_resnet(width: int, generator: torch.Generator) -> SmallResNet:
    """Makes a small residual network for square pictures in colour.

    Arguments:
        width: The number of columns of the features: the pixels of a picture times 3.
        generator: The source of randomness of all initial weights.

    Raises:
        ValueError: If rows of this width are no such pictures.

    Example:
        >>> small_resnet(32 * 32 * 3, torch.Generator().manual_seed(0)).size
        32
    """
    size = math.isqrt(width // COLOURS)
    if size * size * COLOURS != width:
        raise ValueError(
            f"backbone='resnet' takes square pictures in colour, n x n x 3 numbers a row; these "
            f"features have {width}. Leave the backbone out where features are not pixels."
        )

    return SmallResNet(size=size, generator=generator)


def batch_norms(module: nn.Module | None) -> Iterator[nn.Module]:
    """Yields the BatchNorm layers of a backbone; none where there is no backbone."""
    if module is not None:
        yield from (layer for layer in module.modules() if isinstance(layer, _BatchNorm))


BACKBONES: dict[str, Callable[[int, torch.Generator], SmallResNet]] = {"resnet": small_resnet}
