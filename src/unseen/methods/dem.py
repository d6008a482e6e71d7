r"""Deep embedding model (DEM): descriptions learn to hit the features of their class.

References:
    Learning a Deep Embedding Model for Zero-Shot Learning (Zhang, Xiang & Gong, 2017)
    https://arxiv.org/abs/1611.05088
"""

__all__ = ["DEM"]

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from unseen.data.arguments import check_choice, check_number
from unseen.methods.network import PrototypeClassifier
from unseen.nets.attribute_embedder import AttributeEmbedder
from unseen.nets.cosine_head import normalize_rows
from unseen.nets.initialization import initialize_normal
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.scoring_network import ScoringNetwork


class PrototypeNetwork(ScoringNetwork):
    """Scores features by their closeness to prototypes made from class descriptions.

    Arguments:
        features: The preparation of features.
        attributes: The normalisation of descriptions.
        embedder: The attribute embedder :math:`P`.
        similarity: ``"distance"`` (negative and squared) or ``"cosine"``.
    """

    def __init__(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        embedder: AttributeEmbedder,
        similarity: str,
    ) -> None:
        super().__init__(features, attributes)

        self.embedder = embedder
        self.similarity = similarity

    def embed(self, normalized: Tensor) -> Tensor:
        """Returns the prototypes, with shape (c, d), of normalised descriptions."""
        return self.embedder(normalized)

    def score(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Scores prepared features (n, d) for prototypes (c, d), with shape (n, c)."""
        if self.similarity == "cosine":
            return normalize_rows(x) @ normalize_rows(embedded).T

        lengths = x.square().sum(dim=1, keepdim=True) + embedded.square().sum(dim=1)  # (n, c)
        return 2 * x @ embedded.T - lengths


class DEM(PrototypeClassifier):
    r"""Maps descriptions to prototypes by least squares, and takes the nearest prototype.

    .. math:: \min_P \; \frac{1}{n d} \sum_{i} \lVert P(a_{y_i}) - x_i \rVert^2
        + \frac{\lambda}{2} \lVert \theta \rVert^2, \qquad
        P(a) = \mathrm{ReLU}(W_2 \, \mathrm{ReLU}(W_1 a + b_1) + b_2)

    where :math:`\theta` are all parameters, biases included.

    Differences from the paper:
        The defaults are a short training; the authors' are the recipe ``"dem-awa1"``.
        The last ReLU is left out where a prepared feature is negative (``final_activation``):
        prototypes could not reach it.

    Arguments:
        hidden: The width of the hidden layer.
        init_std: The deviation of the initial weights, from a normal distribution cut at twice
            of it. The paper's 0.1 wants descriptions of length 1.
        similarity: What the nearest prototype is: ``"distance"`` or ``"cosine"``.
        final_activation: ``"relu"``, ``None``, or ``"auto"``: a ReLU where no prepared feature is
            negative.
        attribute_normalization: A name in ``ATTRIBUTE_NORMALIZATIONS``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.
        epochs: The number of passes over the examples.
        batch_size: The number of examples of a step; ``None`` is a twentieth of all, between 32
            and 512.
        lr: The learning rate.
        weight_decay: The :math:`\lambda`.
        schedule: ``"linear"``, ``"step"`` or ``"constant"``.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        random_state: The seed of initial weights and batches.

    Attributes:
        network_: The trained network.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train = data.subset("train")
        >>> model = DEM(hidden=64, random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> test = data.subset("test_unseen")
        >>> bool(model.score(test.features, test.labels) > 1 / 12)
        True
    """

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "weight_decay": (1e-5, 1e-4, 1e-3),
        "feature_preprocessing": ("centre-scale", "standardize"),
    }

    def __init__(
        self,
        *,
        hidden: int = 1024,
        init_std: float = 0.02,
        similarity: str = "distance",
        final_activation: str | None = "auto",
        attribute_normalization: str = "sqrt",
        feature_preprocessing: str = "centre-scale",
        epochs: int = 10,
        batch_size: int | None = None,
        lr: float = 3e-3,
        weight_decay: float = 1e-4,
        schedule: str = "linear",
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.init_std = init_std
        self.similarity = similarity
        self.final_activation = final_activation
        self.attribute_normalization = attribute_normalization
        self.feature_preprocessing = feature_preprocessing
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.device = device
        self.random_state = random_state

    def _network(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        generator: torch.Generator,
    ) -> PrototypeNetwork:
        embedder = AttributeEmbedder(
            len(attributes.mean),
            [self.hidden],
            len(features.mean),
            init="pytorch",
            final_relu=self.final_relu_,
            generator=generator,
        )
        initialize_normal(embedder, self.init_std, generator, truncated=True)

        return PrototypeNetwork(features, attributes, embedder, self.similarity)

    def _loss(self, x: Tensor, target: Tensor, S: Tensor, unseen: Tensor) -> Tensor:  # noqa: ARG002
        prototypes = self.network_.embed(S)  # (k, d)

        # the penalty on all parameters is the optimizer's `weight_decay`
        return F.mse_loss(prototypes.index_select(0, target), x)

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_number("hidden", self.hidden, 1, whole=True)
        check_number("init_std", self.init_std, 0, open_low=True)
        check_choice("similarity", self.similarity, ("distance", "cosine"))
