"""Images moved at random in training, so that a network cannot learn where things stand."""

__all__ = ["RandomShift"]

import torch
from torch import Tensor, nn

from unseen.nets.noise import CountedNoise


class RandomShift(nn.Module):
    """Moves each image by a few whole pixels in training; its edges are repeated.

    How far is a hash of a seed and of the count of calls, as in ``CountedDropout``.

    Arguments:
        pixels: The greatest distance to each side, in pixels.
        seed: The seed.

    Example:
        >>> shift, images = RandomShift(1, seed=0), torch.arange(9.0).view(1, 3, 3, 1)
        >>> shift(images).shape, torch.equal(shift.eval()(images), images)
        (torch.Size([1, 3, 3, 1]), True)
    """

    def __init__(self, pixels: int, seed: int) -> None:
        super().__init__()

        self.pixels = pixels
        self.noise = CountedNoise(seed)

    def extra_repr(self) -> str:
        return f"pixels={self.pixels}"

    def forward(self, images: Tensor) -> Tensor:
        """Moves images of shape :math:`(n, h, w, q)`; each by a distance of its own."""
        if not self.training or self.pixels == 0:
            return images

        n, height, width, _ = images.shape
        distances = self.noise.integers(2 * n, 2 * self.pixels + 1) - self.pixels
        down, right = distances.view(2, n, 1)
        rows = torch.arange(height, device=images.device) + down  # (n, h)
        columns = torch.arange(width, device=images.device) + right  # (n, w)
        rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
        image = torch.arange(n, device=images.device)

        return images[image[:, None, None], rows[:, :, None], columns[:, None, :]]
