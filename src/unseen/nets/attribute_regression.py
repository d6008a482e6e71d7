r"""Networks that predict attributes, and score classes by the cosine to their descriptions."""

__all__ = ["AttentionNetwork", "AttributeRegression", "RegressionNetwork"]

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unseen.nets.attribute_attention import AttributeAttention
from unseen.nets.cosine_head import normalize_rows
from unseen.nets.initialization import initialize_normal
from unseen.nets.linear import linear
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.scoring_network import ScoringNetwork

LEAK = 0.1
INIT_STD = 0.02  # of the size of PyTorch's own for 1,000 features, and no slower to turn for few


class AttributeRegression(ScoringNetwork):
    r"""Scores features by :math:`\gamma \cos(p(x), a_c)`, with :math:`p` the predicted attributes.

    Arguments:
        features: The preparation of features.
        attributes: The normalisation of descriptions.
        scale: The :math:`\gamma`.
        remse: The loss whose tracker is part of the training's state, if there is one.
    """

    def __init__(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        scale: float,
        remse: nn.Module | None,
    ) -> None:
        super().__init__(features, attributes)

        self.scale = scale
        self.remse = remse

    @abstractmethod
    def regress(self, x: Tensor) -> Tensor:
        """Predicts the attributes of prepared features (n, d), with shape (n, a)."""

    def embed(self, normalized: Tensor) -> Tensor:
        """Returns descriptions of the length of the scale, with shape (c, a)."""
        return normalize_rows(normalized, self.scale)

    def score(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Scores prepared features (n, d) for scaled descriptions (c, a), with shape (n, c)."""
        return self.compare(self.regress(x), embedded)

    def compare(self, predicted: Tensor, embedded: Tensor) -> Tensor:
        """Scores predicted attributes (n, a) for scaled descriptions (c, a), with shape (n, c)."""
        return normalize_rows(predicted) @ embedded.T


class RegressionNetwork(AttributeRegression):
    r"""Predicts attributes by a linear map, or one hidden layer with a leaky ReLU.

    Arguments:
        features: The preparation of features.
        attributes: The normalisation of descriptions.
        hidden: The width of the hidden layer of :math:`p`; 0 is one linear map.
        scale: The :math:`\gamma`.
        remse: The loss whose tracker is part of the training's state, if there is one.
        generator: The source of randomness of all initial weights.
    """

    def __init__(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        hidden: int,
        scale: float,
        remse: nn.Module | None,
        generator: torch.Generator,
    ) -> None:
        super().__init__(features, attributes, scale, remse)

        d, a = len(features.mean), len(attributes.mean)
        self.hidden = nn.Linear(d, hidden, device="meta").to_empty(device="cpu") if hidden else None
        self.output = nn.Linear(hidden or d, a, device="meta").to_empty(device="cpu")
        initialize_normal(self, INIT_STD, generator)

    def regress(self, x: Tensor) -> Tensor:
        """Predicts the attributes of prepared features (n, d), with shape (n, a)."""
        # the rows of F.linear do not depend on others; the faster one trains
        product = linear if self.training else F.linear
        if self.hidden is not None:
            x = F.leaky_relu(product(x, self.hidden.weight, self.hidden.bias), LEAK)

        return product(x, self.output.weight, self.output.bias)


class AttentionNetwork(AttributeRegression):
    """Predicts attributes by attention over the regions that a row of features consists of.

    Arguments:
        features: The preparation of the :math:`C` channels, the same in all regions.
        attributes: The normalisation of descriptions.
        regions: The number :math:`R` of regions; a row has :math:`R C` features, region by region.
        scale: The scale of the cosine.
        remse: The loss whose tracker is part of the training's state, if there is one.
        attention: The head.
    """

    def __init__(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        regions: int,
        scale: float,
        remse: nn.Module | None,
        attention: AttributeAttention,
    ) -> None:
        super().__init__(features, attributes, scale, remse)

        self.regions = regions
        self.attention = attention

    def prepare(self, X: Tensor) -> Tensor:
        """Prepares features of shape (n, R C), each region as a row of channels."""
        return self.features(X.unflatten(1, (self.regions, -1))).flatten(1)

    def attend(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Predicts attributes, (n, a), of prepared features (n, R C), with attention, (n, a, R)."""
        return self.attention(x.unflatten(1, (self.regions, -1)))

    def regress(self, x: Tensor) -> Tensor:
        """Predicts the attributes of prepared features (n, R C), with shape (n, a)."""
        return self.attend(x)[0]
