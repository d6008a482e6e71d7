"""Random numbers that follow from a seed and a count of calls, without a random generator."""

__all__ = ["CountedNoise"]

import math

import torch
from torch import Tensor, nn

from unseen.nets.dropout import STRIDE, mixed

LOW_BITS = 0xFFFFFFFF


class CountedNoise(nn.Module):
    """Draws normal numbers and classes; the count of calls is saved and resumed with the weights.

    As with ``CountedDropout``, PyTorch's global generator stays as it is, every device draws the
    same numbers up to rounding, and a step that draws can be captured as a CUDA graph.

    Arguments:
        seed: The seed.

    Example:
        >>> first, again = CountedNoise(0), CountedNoise(0)
        >>> torch.equal(first.normal(2, 3), again.normal(2, 3))
        True
        >>> torch.equal(first.normal(2, 3), CountedNoise(0).normal(2, 3))
        False
    """

    calls: Tensor

    def __init__(self, seed: int) -> None:
        super().__init__()

        self.register_buffer("calls", torch.tensor(mixed(torch.tensor(seed)).item()))

    def normal(self, rows: int, width: int) -> Tensor:
        """Returns standard normal numbers, with shape (rows, width), by Box and Muller's method."""
        pairs = (rows * width + 1) // 2
        bits = self._bits(pairs)
        # both in 24 bits, what float32 holds; the first is never 0
        radius = ((bits >> 40 & 0xFFFFFF) + 1).float().mul_(2**-24).log_().mul_(-2).sqrt_()
        angle = (bits >> 8 & 0xFFFFFF).float().mul_(2 * math.pi / 2**24)
        both = torch.stack([angle.cos().mul_(radius), angle.sin().mul_(radius)])

        return both.view(-1)[: rows * width].view(rows, width)

    def integers(self, count: int, below: int) -> Tensor:
        """Returns whole numbers from 0, all below a bound of at most 2^31, with shape (count,)."""
        return (self._bits(count) >> 32 & LOW_BITS) * below >> 32

    def subset(self, count: int, below: int) -> Tensor:
        """Returns different whole numbers from 0, all below a bound, with shape (count,)."""
        return self._bits(below).argsort()[:count]

    def _bits(self, count: int) -> Tensor:
        self.calls += STRIDE  # in place, so that each replay of a captured step counts on
        place = torch.arange(count, device=self.calls.device)

        return mixed(mixed(self.calls) + place * STRIDE)
