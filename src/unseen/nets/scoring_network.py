r"""Networks that score features against classes made from descriptions."""

__all__ = ["ScaledCosineNetwork", "ScoringNetwork"]

from abc import abstractmethod

from torch import Tensor, nn

from unseen.nets.attribute_embedder import AttributeEmbedder
from unseen.nets.cosine_head import normalize_rows
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing


class ScoringNetwork(nn.Module):
    """A network of two sides, features and class descriptions, that meet in a score.

    A method writes ``embed`` and ``score``. Features are prepared once, before training; what is
    learned on their side stands in ``score``.

    Arguments:
        features: The preparation of features.
        attributes: The normalisation of descriptions.
    """

    def __init__(self, features: FeaturePreprocessing, attributes: AttributeNormalization) -> None:
        super().__init__()

        self.features = features
        self.attributes = attributes

    def prepare(self, X: Tensor) -> Tensor:
        """Prepares features of shape (n, d); the same for training and prediction."""
        return self.features(X)

    def describe(self, class_attributes: Tensor) -> Tensor:
        """Returns what ``score`` compares with, of raw descriptions of shape (c, a)."""
        return self.embed(self.attributes(class_attributes))

    @abstractmethod
    def embed(self, normalized: Tensor) -> Tensor:
        """Maps normalised descriptions of shape (c, a) to what ``score`` compares with."""

    @abstractmethod
    def score(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Scores prepared features (n, d) for embedded classes (c, e), with shape (n, c)."""

    def settle(self, normalized: Tensor) -> None:
        """Takes exact statistics from the normalised seen descriptions, where it has any."""


class ScaledCosineNetwork(ScoringNetwork):
    r"""Scores features against prototypes made from class descriptions.

    .. math:: y_{ic} = \gamma^2 \cos(z_i, P(a_c))

    Arguments:
        features: The preparation of features.
        attributes: The normalisation of descriptions.
        embedder: The attribute embedder :math:`P`.
        scale: The :math:`\gamma`; ``None`` scores by the plain product :math:`z_i \cdot P(a_c)`.
    """

    def __init__(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        embedder: AttributeEmbedder,
        scale: float | None,
    ) -> None:
        super().__init__(features, attributes)

        self.embedder = embedder
        self.scale = scale

    def prepare(self, X: Tensor) -> Tensor:
        """Prepares features of shape (n, d), and scales them once for all steps."""
        return self.scaled(self.features(X))

    def embed(self, normalized: Tensor) -> Tensor:
        """Returns the scaled prototypes, with shape (c, d), of normalised descriptions."""
        return self.scaled(self.embedder(normalized).float())

    def score(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Scores prepared features (n, d) for prototypes (c, d), with shape (n, c)."""
        return x @ embedded.T

    def settle(self, normalized: Tensor) -> None:
        """Replaces running statistics by exact ones."""
        self.embedder.settle(normalized)

    def scaled(self, x: Tensor) -> Tensor:
        """Gives the rows the length of the scale."""
        return x if self.scale is None else normalize_rows(x, self.scale)
