r"""Convex combination of semantic embeddings (ConSE): a classifier that speaks in descriptions.

References:
    Zero-Shot Learning by Convex Combination of Semantic Embeddings (Norouzi et al., 2014)
    https://arxiv.org/abs/1312.5650
"""

__all__ = ["ConSE"]

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unseen.data.arguments import check_number
from unseen.methods.network import NetworkClassifier
from unseen.nets.cosine_head import normalize_rows
from unseen.nets.linear import linear
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.scoring_network import ScoringNetwork


class CombiningNetwork(ScoringNetwork):
    """Scores features by the descriptions of the seen classes that they resemble.

    Arguments:
        features: The preparation of features.
        attributes: The normalisation of descriptions.
        seen: The normalised descriptions of the seen classes, with shape (k, a).
        top: The number of classes that are combined.
    """

    seen: Tensor

    def __init__(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        seen: Tensor,
        top: int,
    ) -> None:
        super().__init__(features, attributes)

        self.top = min(top, len(seen))
        self.weight = nn.Parameter(torch.zeros(len(seen), len(features.mean)))  # (k, d)
        self.bias = nn.Parameter(torch.zeros(len(seen)))
        self.register_buffer("seen", seen)

    def embed(self, normalized: Tensor) -> Tensor:
        """Returns the normalised descriptions, (c, a), with length 1."""
        return normalize_rows(normalized)

    def score(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Scores prepared features (n, d) for unit descriptions (c, a), with shape (n, c)."""
        probabilities = (x @ self.weight.T + self.bias).softmax(dim=1)  # (n, k)
        best, classes = probabilities.topk(self.top, dim=1)  # (n, t)
        weights = torch.zeros_like(probabilities).scatter(1, classes, best)
        combined = (weights / best.sum(dim=1, keepdim=True)) @ self.seen  # (n, a)

        return normalize_rows(combined) @ embedded.T


class ConSE(NetworkClassifier):
    r"""Describes an example by the seen classes it resembles, and takes the nearest description.

    .. math:: y_{ic} = \cos(s(x_i), a_c), \qquad
        s(x) = \frac{1}{Z} \sum_{t=1}^{T} p(c_t \mid x) \, a_{c_t}

    with :math:`c_1, \ldots, c_T` the most likely seen classes, :math:`Z` the sum of their
    probabilities, and :math:`p` a linear softmax classifier of the seen classes.

    Differences from the paper:
        The softmax classifier is linear on the features; the paper's is a deep network's own.
        Descriptions are standardised over the seen classes by default: the paper's word vectors
        point in all directions, while those of attributes all have a small angle to each other.

    Arguments:
        top: The number :math:`T` of seen classes that are combined; all, if there are fewer.
        attribute_normalization: A name in ``ATTRIBUTE_NORMALIZATIONS``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.
        epochs: The number of passes over the examples.
        batch_size: The number of examples of a step; ``None`` is a twentieth of all, between 32
            and 512.
        lr: The learning rate of gradient descent (momentum 0.9); the default is for rows of unit
            length, longer ones want a smaller rate.
        weight_decay: The L2 penalty.
        schedule: ``"linear"``, ``"step"`` or ``"constant"``.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        random_state: The seed of the batches.

    Attributes:
        network_: The trained network.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train = data.subset("train")
        >>> model = ConSE(random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> test = data.subset("test_seen")
        >>> bool(model.score(test.features, test.labels) > 1 / 12)
        True
    """

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "lr": (3.0, 10.0, 30.0),
        "attribute_normalization": ("sqrt", "standardize"),
    }

    optimizer: str = "sgd"

    def __init__(
        self,
        *,
        top: int = 10,
        attribute_normalization: str = "standardize",
        feature_preprocessing: str = "l2-centre",
        epochs: int = 10,
        batch_size: int | None = None,
        lr: float = 10.0,
        weight_decay: float = 0.0,
        schedule: str = "linear",
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.top = top
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
        generator: torch.Generator,  # noqa: ARG002
    ) -> CombiningNetwork:
        seen = torch.from_numpy(self.class_attributes_[self.seen_])

        return CombiningNetwork(features, attributes, attributes(seen), self.top)

    def _loss(self, x: Tensor, target: Tensor, S: Tensor, unseen: Tensor) -> Tensor:  # noqa: ARG002
        network = cast(CombiningNetwork, self.network_)
        logits = linear(x, network.weight, network.bias)  # (b, k)

        return F.cross_entropy(logits.float(), target)

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_number("top", self.top, 1, whole=True)
