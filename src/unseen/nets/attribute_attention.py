r"""Attention of attributes over the regions of an image.

References:
    Rebalanced Zero-shot Learning (Ye et al., 2023)
    https://arxiv.org/abs/2210.07031
    Goal-Oriented Gaze Estimation for Zero-Shot Learning (Liu et al., 2021)
    https://arxiv.org/abs/2103.03433
"""

__all__ = ["AttributeAttention", "compactness"]

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unseen.nets.initialization import INITIALIZATIONS
from unseen.nets.linear import linear


class AttributeAttention(nn.Module):
    r"""Predicts each attribute from the regions that it attends to, and from their mean.

    With regions :math:`F \in \mathbb{R}^{R \times C}` of one image, and word vectors :math:`v` of
    the attributes,

    .. math:: Q = v W_q + b_q, \quad K = F W_k, \quad V = F W_v + b_v, \quad
        A = \mathrm{softmax}_R (Q K^T), \quad O = A V W_o + b_o

    .. math:: h_s = \bar F + \rho \, O_s, \qquad p_s = \langle h_s U + u, \theta_s \rangle

    with :math:`\bar F` the mean of the regions; without hidden layer :math:`p_s` is
    :math:`\langle h_s, \theta_s \rangle`. The products are not divided by :math:`\sqrt M`. A bias
    of :math:`K` would add the same to all regions, which the softmax takes away again: there is
    none.

    All is linear but the softmax. So the vectors that an attribute is compared with are brought to
    the channels first, :math:`Q_s W_k^T` and :math:`\theta_s U^T W_o^T W_v^T`, once a batch; the
    rest is one product with the regions, of shape (n, R, 2a). Nothing of shape (n, a, C) is made.

    Arguments:
        channels: The number :math:`C` of channels of a region.
        attributes: The number :math:`a` of attributes.
        size: The length :math:`M` of queries, keys and values.
        hidden: The width of the hidden layer, which has no activation; 0 is none.
        ratio: The share :math:`\rho` of what attention finds; 0 leaves the mean.
        std: The deviation of the first :math:`\theta`.
        vectors: The word vectors, with shape :math:`(a, w)`, which are not learned; ``None``
            numbers the attributes (one-hot).
        generator: The source of randomness of all initial weights.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> head = AttributeAttention(8, 5, size=4, generator=generator)
        >>> predicted, attention = head(torch.rand(2, 9, 8, generator=generator))
        >>> predicted.shape, attention.shape, bool(attention.sum(dim=2).allclose(torch.ones(2, 5)))
        (torch.Size([2, 5]), torch.Size([2, 5, 9]), True)
    """

    vectors: Tensor | None

    def __init__(
        self,
        channels: int,
        attributes: int,
        size: int,
        hidden: int = 0,
        ratio: float = 1.0,
        std: float = 0.02,
        vectors: Tensor | None = None,
        *,
        generator: torch.Generator,
    ) -> None:
        super().__init__()

        self.ratio = ratio
        self.register_buffer("vectors", vectors)
        width = attributes if vectors is None else vectors.shape[1]
        self.query = _layer(width, size, generator)
        self.key = _layer(channels, size, generator, bias=False)
        self.value = _layer(channels, size, generator)
        self.output = _layer(size, channels, generator)
        self.hidden = _layer(channels, hidden, generator) if hidden else None
        self.readout = nn.Parameter(torch.empty(attributes, hidden or channels))
        nn.init.normal_(self.readout, std=std, generator=generator)

    def extra_repr(self) -> str:
        return f"attributes={len(self.readout)}, ratio={self.ratio}"

    def forward(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Predicts attributes, and says where each looked.

        Arguments:
            regions: The regions, with shape :math:`(n, R, C)`.

        Returns:
            The attributes, with shape :math:`(n, a)`, and the attention, with shape
            :math:`(n, a, R)`; over the regions it sums to 1.
        """
        n, places, channels = regions.shape
        # the rows of F.linear do not depend on others; the faster one trains
        product = linear if self.training else F.linear
        keys, values, pooled, constant = self._directions()
        found = product(regions.reshape(-1, channels), torch.cat([keys, values]))  # (n R, 2a)
        logits, content = found.view(n, places, -1).chunk(2, dim=2)  # (n, R, a)
        attention = logits.softmax(dim=1)
        predicted = product(regions.mean(dim=1), pooled, constant)  # (n, a)

        return predicted + self.ratio * (attention * content).sum(dim=1), attention.transpose(1, 2)

    def _directions(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns what each attribute looks for, reads there and in the mean, and its constant.

        The first three have the shape (a, C), the last (a,).
        """
        pooled = self.readout if self.hidden is None else self.readout @ self.hidden.weight
        inner = pooled @ self.output.weight  # (a, M)
        constant = self.ratio * (inner @ self.value.bias + pooled @ self.output.bias)
        if self.hidden is not None:
            constant = constant + self.readout @ self.hidden.bias

        return self._queries() @ self.key.weight, inner @ self.value.weight, pooled, constant

    def _queries(self) -> Tensor:
        """Returns the queries, with shape (a, M)."""
        if self.vectors is None:
            return self.query.weight.T + self.query.bias

        return F.linear(self.vectors, self.query.weight, self.query.bias)


def compactness(attention: Tensor) -> Tensor:
    r"""Returns how far attention spreads over a square grid, a loss of GEM-ZSL.

    .. math:: \frac{1}{n a R} \sum_{isr} A_{isr} \, \lVert z_r - z_{\arg\max_{r'} A_{isr'}} \rVert^2

    with :math:`z_r` the row and column of region :math:`r`.

    Arguments:
        attention: The attention over regions row by row of the grid, with shape :math:`(n, a, R)`.

    Returns:
        The mean of attention times squared distance to its peak, in steps of the grid.

    Example:
        >>> attention = torch.tensor([[[0.5, 0.25, 0.25, 0.0]]])  # over 2 x 2 regions
        >>> compactness(attention).item()  # one step to the right, one down
        0.125
    """
    side = math.isqrt(attention.shape[2])
    places = torch.arange(side, device=attention.device, dtype=attention.dtype)
    grid = torch.cartesian_prod(places, places)  # (R, 2)
    distances = (grid[:, None] - grid).square().sum(dim=2)  # (R, R)

    return (attention * distances[attention.argmax(dim=2)]).mean()


def _layer(before: int, after: int, generator: torch.Generator, *, bias: bool = True) -> nn.Linear:
    """Makes a linear layer with PyTorch's initialisation, from our own generator; biases are 0."""
    layer = nn.Linear(before, after, bias=bias, device="meta").to_empty(device="cpu")
    INITIALIZATIONS["pytorch"](layer.weight, generator)
    if bias:
        nn.init.zeros_(layer.bias)

    return layer
