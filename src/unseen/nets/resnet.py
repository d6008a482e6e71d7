r"""A small residual network for small images.

References:
    Deep Residual Learning for Image Recognition (He et al., 2016), section 4.2
    https://arxiv.org/abs/1512.03385
    Identity Mappings in Deep Residual Networks (He et al., 2016), section 3
    https://arxiv.org/abs/1603.05027
"""

__all__ = ["SmallResNet"]

import itertools
from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unseen.nets.augmentation import RandomShift

MIDDLE, DEVIATION = 127.5, 64.0  # of pixels from 0 to 255, whatever the data


class SmallResNet(nn.Module):
    r"""Maps images, given as rows of pixels, to features by residual units.

    A convolution, then stages of residual units with full pre-activation,

    .. math:: h_{l+1} = P h_l + W_2 \, \mathrm{ReLU}(\mathrm{BN}(
        W_1 \, \mathrm{ReLU}(\mathrm{BN}(h_l))))

    a last BatchNorm and ReLU, and the mean over the places. Each stage after the first halves the
    image and doubles the width :math:`w`, so that there are :math:`d = 2^{k - 1} w` features
    after :math:`k` stages. :math:`P` has no parameters: it takes every second pixel and adds
    channels of zeros (option A of the first paper), or is the identity.

    Pixels are standardised by fixed numbers, :math:`(x - 127.5) / 64`, and lie in memory as
    convolutions on a CPU take them fastest (channels last), without a copy.

    Differences from the papers:
        The first convolution halves the image too, which leaves a quarter of the arithmetic: the
        feature map of 32 x 32 pixels and three stages has 4 x 4 places instead of 8 x 8. It is
        wider instead, 32 channels instead of 16.
        Weights start as PyTorch's convolutions do, 2.4 times smaller than He et al. (2015) draw
        them. Under BatchNorm that is a greater learning rate at the start: more is learned in few
        epochs.

    Arguments:
        channels: The number of channels of an image, 3 for colour.
        size: The height and width of an image, in pixels.
        width: The number :math:`w` of channels of the first stage.
        blocks: The number of residual units of each stage.
        shift: How far images are moved at random in training, in pixels (``RandomShift``).
        generator: The source of randomness of all initial weights.

    Raises:
        ValueError: If a setting is out of its range, or there is no stage.

    Example:
        >>> net = SmallResNet(generator=torch.Generator().manual_seed(0))
        >>> net(torch.zeros(2, 32 * 32 * 3)).shape, net.feature_map(torch.zeros(2, 3072)).shape
        (torch.Size([2, 128]), torch.Size([2, 128, 4, 4]))
    """

    mean: Tensor
    divisor: Tensor

    def __init__(
        self,
        channels: int = 3,
        size: int = 32,
        width: int = 32,
        blocks: Sequence[int] = (1, 1, 1),
        shift: int = 0,
        *,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        _check_settings(channels, size, width, blocks, shift)

        self.channels = channels
        self.size = size
        self.register_buffer("mean", torch.full((channels,), MIDDLE))
        self.register_buffer("divisor", torch.full((channels,), DEVIATION))

        self.first = _convolution(channels, width, stride=2, generator=generator)
        widths = [width, *(width * 2**stage for stage in range(len(blocks)))]
        units: list[nn.Module] = []
        for stage, (before, after) in enumerate(itertools.pairwise(widths)):
            units.append(ResidualUnit(before, after, 2 if stage else 1, generator))
            units += [ResidualUnit(after, after, 1, generator) for _ in range(blocks[stage] - 1)]
        self.units = nn.Sequential(*units)
        self.norm = nn.BatchNorm2d(widths[-1])
        self.shift = RandomShift(shift, seed=int(torch.randint(2**62, (), generator=generator)))

    @property
    def out_features(self) -> int:
        """The number :math:`d` of features."""
        return self.norm.num_features

    def extra_repr(self) -> str:
        return f"size={self.size}"

    @torch.no_grad()
    def settle(self, chunks: Iterable[Tensor]) -> None:
        r"""Replaces running statistics of BatchNorm by the means over chunks of training rows.

        Before BatchNorm is frozen in a new network: until then its statistics are no one's.

        Arguments:
            chunks: Rows of pixels, each with shape :math:`(m, s \cdot s \cdot q)`, in as equal
                parts as batches in training.
        """
        norms = [module for module in self.modules() if isinstance(module, nn.BatchNorm2d)]
        training = self.training
        momenta = [norm.momentum for norm in norms]
        self.eval()
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over all calls
            norm.train()

        for chunk in chunks:
            self.feature_map(chunk)

        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        self.train(training)

    def forward(self, x: Tensor) -> Tensor:
        r"""Returns the features of images.

        Arguments:
            x: The pixels from 0 to 255, row by row of the image and channel by channel of the
                pixel, with shape :math:`(n, s \cdot s \cdot q)` for :math:`q` channels.

        Returns:
            The means of the feature map over its places, with shape :math:`(n, d)`.
        """
        return self.feature_map(x).mean(dim=(2, 3))

    def feature_map(self, x: Tensor) -> Tensor:
        """Returns the features at each place of images.

        Arguments:
            x: The pixels, as ``forward`` takes them.

        Returns:
            The features after the last ReLU, with shape :math:`(n, d, h, w)`.

        Raises:
            ValueError: If the rows have another length.
        """
        pixels = self.size * self.size * self.channels
        if x.dim() != 2 or x.shape[1] != pixels:
            raise ValueError(
                f"SmallResNet takes rows of {self.size} x {self.size} x {self.channels} = {pixels} "
                f"pixels, got the shape {tuple(x.shape)}; set `size` and `channels` to the "
                "`image_shape` of the data."
            )

        images = self.shift(x.unflatten(1, (self.size, self.size, self.channels)))
        standardized = (images - self.mean) / self.divisor  # (n, s, s, q)
        h = self.units(self.first(standardized.permute(0, 3, 1, 2)))

        return F.relu(self.norm(h))  # (n, d, h, w)


class ResidualUnit(nn.Module):
    """Adds to its input what two convolutions make of it, each after BatchNorm and ReLU.

    Arguments:
        before: The number of channels of the input.
        after: The number of channels of the output, not fewer.
        stride: 1 keeps the size of the image, 2 halves it.
        generator: The source of randomness of the weights.
    """

    def __init__(self, before: int, after: int, stride: int, generator: torch.Generator) -> None:
        super().__init__()

        self.stride = stride
        self.new_channels = after - before
        self.norm1 = nn.BatchNorm2d(before)
        self.convolution1 = _convolution(before, after, stride, generator)
        self.norm2 = nn.BatchNorm2d(after)
        self.convolution2 = _convolution(after, after, 1, generator)

    def forward(self, h: Tensor) -> Tensor:
        """Maps (n, before, height, width) to (n, after, height / stride, width / stride)."""
        residual = self.convolution1(F.relu(self.norm1(h)))
        residual = self.convolution2(F.relu(self.norm2(residual)))
        shortcut = h[:, :, :: self.stride, :: self.stride]

        return residual + F.pad(shortcut, (0, 0, 0, 0, 0, self.new_channels))


def _convolution(before: int, after: int, stride: int, generator: torch.Generator) -> nn.Conv2d:
    """Makes a 3 x 3 convolution with PyTorch's default initialisation, from our own generator."""
    layer = nn.Conv2d(before, after, 3, stride, padding=1, bias=False, device="meta")
    layer = layer.to_empty(device="cpu")  # not yet random
    bound = (9 * before) ** -0.5
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)

    return layer


def _check_settings(
    channels: int, size: int, width: int, blocks: Sequence[int], shift: int
) -> None:
    for name, value in (("channels", channels), ("size", size), ("width", width)):
        if value < 1:
            raise ValueError(f"`{name}` of SmallResNet must be at least 1, got {value}.")
    if not blocks or min(blocks) < 1:
        raise ValueError(
            "`blocks` of SmallResNet must name at least one residual unit for each of its "
            f"stages, such as (1, 1, 1), got {tuple(blocks)}."
        )
    if not 0 <= shift < size:
        raise ValueError(
            f"`shift` of SmallResNet must be from 0 to {size - 1} pixels, less than the image, "
            f"got {shift}."
        )
