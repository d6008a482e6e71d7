r"""Latent embeddings (LatEm): several bilinear maps, and each pair picks its best.

References:
    Latent Embeddings for Zero-shot Classification
    (Xian, Akata, Sharma, Nguyen, Hein & Schiele, 2016)
    https://arxiv.org/abs/1603.08895
"""

__all__ = ["LatEm"]

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from unseen.data.arguments import check_number
from unseen.methods.bilinear_ranking import BilinearRankingClassifier
from unseen.nets.linear import linear
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.scoring_network import ScoringNetwork


class LatentNetwork(ScoringNetwork):
    r"""Scores features against descriptions by the best of several matrices.

    .. math:: F(x, c) = \max_i \, x^T W_i a_c

    Arguments:
        features: The preparation of features.
        attributes: The normalisation of descriptions.
        matrices: The number :math:`K` of matrices.
        init_std: The deviation of their initial entries.
        generator: The source of randomness of the initial entries.
    """

    def __init__(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        matrices: int,
        init_std: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__(features, attributes)

        weight = torch.empty(matrices, len(features.mean), len(attributes.mean))
        self.weight = nn.Parameter(weight.normal_(std=init_std, generator=generator))  # (K, d, a)

    def embed(self, normalized: Tensor) -> Tensor:
        """Returns the classifiers of each class, with shape (c, K, d), of its description."""
        matrices, features, _ = self.weight.shape

        return linear(normalized, self.weight.flatten(0, 1)).unflatten(1, (matrices, features))

    def score(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Scores prepared features (n, d) for classifiers (c, K, d), with shape (n, c)."""
        return best(x @ embedded.flatten(0, 1).T, len(self.weight))


def best(products: Tensor, matrices: int) -> Tensor:
    """Returns the greatest of the products (n, c K) of each class, with shape (n, c).

    Example:
        >>> best(torch.tensor([[1.0, 2.0, -3.0, -4.0]]), matrices=2)
        tensor([[ 2., -3.]])
    """
    return products.unflatten(1, (-1, matrices)).amax(dim=2)


class LatEm(BilinearRankingClassifier):
    r"""Ranks by the best of several bilinear scores, with the sum of all violated margins as loss.

    .. math:: F(x, c) = \max_{i = 1, \ldots, K} x^T W_i a_c, \qquad
        L(x, y) = \sum_{c \neq y} \max(0, m + F(x, c) - F(x, y))

    The score is linear in pieces: examples of a class may differ in the matrix that speaks for it.

    Differences from the paper:
        The sum is over all seen classes; the paper draws one wrong class for each example.
        :math:`K` is a setting; the paper also prunes matrices that few examples choose.
        Batches and momentum 0.9 stand for single examples without.

    Arguments:
        matrices: The number :math:`K` of matrices.
        init_std: The deviation of their initial entries; at 0 all matrices would stay alike. The
            authors' program has one over the root of the number of features.
        lr: The learning rate. ``"sgd"`` predicts the same if rate, margin and ``init_std`` are all
            ten times as large.
        random_state: The seed of initial weights and batches.

    Each other setting is as in ``BilinearRankingClassifier``.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train = data.subset("train")
        >>> model = LatEm(random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> test = data.subset("test_unseen")
        >>> bool(model.score(test.features, test.labels) > 1 / 12)
        True
    """

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "lr": (0.01, 0.1),
        "matrices": (1, 2, 4),
    }

    def __init__(
        self,
        *,
        matrices: int = 2,
        init_std: float = 0.01,
        margin: float = 1.0,
        attribute_normalization: str = "sqrt",
        feature_preprocessing: str = "l2-centre",
        epochs: int = 10,
        batch_size: int | None = None,
        lr: float = 0.1,
        weight_decay: float = 0.0,
        optimizer: str = "sgd",
        schedule: str = "linear",
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            margin=margin,
            attribute_normalization=attribute_normalization,
            feature_preprocessing=feature_preprocessing,
            epochs=epochs,
            batch_size=batch_size,
            lr=lr,
            weight_decay=weight_decay,
            optimizer=optimizer,
            schedule=schedule,
            device=device,
            random_state=random_state,
        )

        self.matrices = matrices
        self.init_std = init_std

    def _network(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        generator: torch.Generator,
    ) -> LatentNetwork:
        return LatentNetwork(features, attributes, self.matrices, self.init_std, generator)

    def _batch_scores(self, x: Tensor, S: Tensor) -> Tensor:
        return best(linear(x, self.network_.embed(S).flatten(0, 1)), self.matrices)

    def _ranking_loss(self, violations: Tensor) -> Tensor:
        return violations.sum(dim=1)

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_number("matrices", self.matrices, 1, whole=True)
        check_number("init_std", self.init_std, 0, open_low=True)
