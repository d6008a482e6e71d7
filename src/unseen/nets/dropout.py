"""Dropout whose masks follow from a seed and a count of calls, without a random generator."""

__all__ = ["CountedDropout", "mixed"]

import torch
from torch import Tensor, nn

# The odd constants of SplitMix64 (Steele, Lea & Flood, 2014), as signed numbers: products wrap.
STRIDE, FIRST, SECOND = -7046029254386353131, -4658895280553007687, -7723592293110705685


class CountedDropout(nn.Module):
    """Sets a share of all values to zero in training, and scales the others up.

    Which ones is a hash of a seed, of the number of calls so far and of the place. So PyTorch's
    global generator stays as it is, every device draws the same masks, the state is saved and
    resumed with the weights, and a step can be captured as a CUDA graph.

    Arguments:
        share: The share of the values that is set to zero, at least 0 and below 1.
        seed: The seed.

    Example:
        >>> dropout = CountedDropout(0.5, seed=0)
        >>> sorted(set(dropout(torch.ones(4, 100)).flatten().tolist()))
        [0.0, 2.0]
        >>> dropout.eval()(torch.ones(1, 2))
        tensor([[1., 1.]])
    """

    calls: Tensor

    def __init__(self, share: float, seed: int) -> None:
        super().__init__()

        self.share = share
        self.register_buffer("calls", torch.tensor(mixed(torch.tensor(seed)).item()))

    def forward(self, x: Tensor) -> Tensor:
        """Drops values of a tensor of any shape; each call in training draws another mask."""
        if not self.training or self.share == 0:
            return x
        self.calls += STRIDE  # in place, so that each replay of a captured step counts on

        place = torch.arange(x.numel(), device=x.device).view(x.shape)
        bits = mixed(mixed(self.calls) + place * STRIDE)
        kept = (bits >> 40 & 0xFFFFFF) >= self.share * 2**24  # 24 bits, uniform

        return x * kept / (1 - self.share)


def mixed(bits: Tensor) -> Tensor:
    """Spreads each of 64 bits over all, by the finaliser of SplitMix64."""
    bits = (bits ^ (bits >> 30 & (1 << 34) - 1)) * FIRST
    bits = (bits ^ (bits >> 27 & (1 << 37) - 1)) * SECOND

    return bits ^ (bits >> 31 & (1 << 33) - 1)
