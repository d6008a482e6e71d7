"""What a network is inspected on: some training rows, and the descriptions of all seen classes."""

__all__ = ["Probe", "draw_probe", "training_copy"]

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from unseen.data.dataset import ZeroShotData
from unseen.nets.cosine_head import normalize_rows
from unseen.nets.scoring_network import ScoringNetwork


@dataclass(frozen=True)
class Probe:
    r"""Holds rows and classes, as a network gets them in a step of its training.

    Arguments:
        features: The prepared features :math:`z_i`, not yet scaled, with shape :math:`(n, d)`.
        labels: The row of ``descriptions`` of each, with shape :math:`(n,)`.
        descriptions: The normalised descriptions of the seen classes, with shape :math:`(k, a)`.
        scale: The :math:`\gamma` of the logits; ``None`` is the plain product.

    Example:
        >>> probe = Probe(torch.eye(2), torch.arange(2), torch.eye(2), scale=2.0)
        >>> probe.logits(probe.prototypes(nn.Identity()))
        tensor([[4., 0.],
                [0., 4.]])
    """

    features: Tensor
    labels: Tensor
    descriptions: Tensor
    scale: float | None = 5.0

    def prototypes(self, embedder: nn.Module) -> Tensor:
        """Returns the prototypes of the seen classes, with shape :math:`(k, d)`."""
        return embedder(self.descriptions).to(self.features.dtype)

    def logits(self, prototypes: Tensor) -> Tensor:
        r"""Returns :math:`\gamma^2 \cos(z_i, p_c)`, or the product, with shape :math:`(n, k)`."""
        return self.scaled(self.features) @ self.scaled(prototypes).T

    def loss(self, prototypes: Tensor) -> Tensor:
        """Returns the mean cross-entropy over the seen classes."""
        return nn.functional.cross_entropy(self.logits(prototypes), self.labels)

    def scaled(self, x: Tensor) -> Tensor:
        """Gives rows of shape :math:`(m, d)` the length of the scale."""
        return x if self.scale is None else normalize_rows(x, self.scale)

    def double(self) -> "Probe":
        """Returns the same probe in double precision."""
        return Probe(self.features.double(), self.labels, self.descriptions.double(), self.scale)


def draw_probe(
    data: ZeroShotData, network: ScoringNetwork, scale: float | None, rows: int = 256, seed: int = 0
) -> Probe:
    """Draws training rows of a data set, and prepares them as a network does.

    Arguments:
        data: The data; only its training rows and the descriptions of their classes are used.
        network: What prepares features and normalises descriptions.
        scale: The scale of the logits; ``None`` is the plain product.
        rows: How many rows to draw; all of them if there are fewer.
        seed: The seed of the draw.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> from unseen.methods.class_norm import ClassNorm
        >>> data = simulate_toy()
        >>> train = data.subset("train")
        >>> model = ClassNorm(hidden=8, epochs=1, random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> draw_probe(data, model.network_, model.scale, rows=10).features.shape
        torch.Size([10, 16])
    """
    rng = np.random.default_rng(seed)
    drawn = rng.choice(data.train, min(rows, len(data.train)), replace=False)
    device = next(network.parameters()).device
    seen = np.flatnonzero(data.seen)

    with torch.no_grad():
        return Probe(
            network.features(torch.from_numpy(data.rows(drawn)).to(device)),
            torch.from_numpy(np.searchsorted(seen, data.labels[drawn])).to(device),
            network.attributes(torch.from_numpy(data.class_attributes[seen]).to(device)),
            scale,
        )


def training_copy(embedder: nn.Module) -> nn.Module:
    """Returns a copy in training mode: the running statistics of the original stay as they are."""
    return copy.deepcopy(embedder).train()
