r"""The bilinear form between features and class descriptions."""

__all__ = ["BilinearNetwork"]

import torch
from torch import Tensor, nn

from unseen.nets.linear import linear
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.scoring_network import ScoringNetwork


class BilinearNetwork(ScoringNetwork):
    r"""Scores features against descriptions by one matrix.

    .. math:: F(x, c) = x^T W a_c

    :math:`W` starts at zero: then a direction that no training example has keeps no random weight.

    Arguments:
        features: The preparation of features.
        attributes: The normalisation of descriptions.
    """

    def __init__(self, features: FeaturePreprocessing, attributes: AttributeNormalization) -> None:
        super().__init__(features, attributes)

        self.weight = nn.Parameter(torch.zeros(len(features.mean), len(attributes.mean)))  # (d, a)

    def embed(self, normalized: Tensor) -> Tensor:
        """Returns the classifier of each class, with shape (c, d), of its description."""
        return linear(normalized, self.weight)

    def score(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Scores prepared features (n, d) for classifiers (c, d), with shape (n, c)."""
        return x @ embedded.T
