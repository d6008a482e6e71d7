"""What DeViSE, ALE, SJE and LatEm share: a bilinear score, trained to rank the true class first."""

__all__ = ["BilinearRankingClassifier"]

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from unseen.data.arguments import check_choice, check_number
from unseen.methods.network import NetworkClassifier
from unseen.nets.bilinear import BilinearNetwork
from unseen.nets.linear import linear
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.scoring_network import ScoringNetwork
from unseen.training.step import OPTIMIZERS


class BilinearRankingClassifier(NetworkClassifier):
    r"""A bilinear score :math:`F(x, c) = x^T W a_c` with a loss on violated margins.

    A method writes ``_ranking_loss``. The loss of a batch is the mean over its rows.

    Arguments:
        margin: The :math:`m` by which the true class shall be ahead of the others.
        attribute_normalization: A name in ``ATTRIBUTE_NORMALIZATIONS``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.
        epochs: The number of passes over the examples.
        batch_size: The number of examples of a step; ``None`` is a twentieth of all, between 32
            and 512.
        lr: The learning rate. As :math:`W` starts at zero, ``"sgd"`` predicts the same if rate
            and margin are both ten times as large.
        weight_decay: The L2 penalty.
        optimizer: ``"sgd"`` (momentum 0.9), ``"adam"`` or ``"adamw"``.
        schedule: ``"linear"``, ``"step"`` or ``"constant"``.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        random_state: The seed of the batches.

    Attributes:
        network_: The trained network.
    """

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "lr": (0.01, 0.1, 1.0),
        "attribute_normalization": ("sqrt", "standardize"),
    }

    def __init__(
        self,
        *,
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
        self.margin = margin
        self.attribute_normalization = attribute_normalization
        self.feature_preprocessing = feature_preprocessing
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.schedule = schedule
        self.device = device
        self.random_state = random_state

    @abstractmethod
    def _ranking_loss(self, violations: Tensor) -> Tensor:
        r"""Returns the loss of each row, with shape (b,).

        Arguments:
            violations: By how much each class is too close to the true one,
                :math:`(m + F(x, c) - F(x, y))_+`, and 0 for the true one, with shape (b, k).
        """

    def _batch_scores(self, x: Tensor, S: Tensor) -> Tensor:
        """Scores a batch (b, d) for descriptions (k, a) in training, with shape (b, k)."""
        return linear(x, self.network_.embed(S))

    def _loss(self, x: Tensor, target: Tensor, S: Tensor, unseen: Tensor) -> Tensor:  # noqa: ARG002
        scores = self._batch_scores(x, S).float()  # (b, k)
        true = scores.gather(1, target[:, None])  # (b, 1)
        violations = (self.margin + scores - true).relu()  # (b, k)

        return self._ranking_loss(violations.scatter(1, target[:, None], 0.0)).mean()

    def _network(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        generator: torch.Generator,  # noqa: ARG002
    ) -> ScoringNetwork:
        return BilinearNetwork(features, attributes)

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_number("margin", self.margin, 0, open_low=True)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
