r"""Relation network (RelationNet): a learned comparison of examples and descriptions.

References:
    Learning to Compare: Relation Network for Few-Shot Learning (Sung et al., 2018)
    https://arxiv.org/abs/1711.06025
"""

__all__ = ["RelationNet"]

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils import Tags
from torch import Tensor, nn

from unseen.data.arguments import check_number
from unseen.methods.network import NetworkClassifier
from unseen.nets.attribute_embedder import AttributeEmbedder
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.relation import Relation
from unseen.nets.scoring_network import ScoringNetwork
from unseen.training.batches import Batches, RandomRows
from unseen.training.loop import Optimization


class RelationNetwork(ScoringNetwork):
    """Scores features by their relation to prototypes made from class descriptions.

    Arguments:
        features: The preparation of features.
        attributes: The normalisation of descriptions.
        embedder: The attribute embedder :math:`P`.
        relation: The relation module, before its sigmoid.
    """

    def __init__(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        embedder: AttributeEmbedder,
        relation: Relation,
    ) -> None:
        super().__init__(features, attributes)

        self.embedder = embedder
        self.relation = relation

    def embed(self, normalized: Tensor) -> Tensor:
        """Returns the classes' half of the hidden layer, with shape (c, h)."""
        return self.relation.of_classes(self.embedder(normalized))

    def score(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Scores prepared features (n, d) for embedded classes (c, h), with shape (n, c)."""
        return self.relation(x, embedded)


class RelationNet(NetworkClassifier):
    r"""Learns to say whether an example and a class description belong together.

    .. math:: r_{ic} = \sigma(w \cdot \mathrm{ReLU}(W [P(a_c) ; x_i] + b) + b'), \qquad
        P(a) = \mathrm{ReLU}(W_2 \, \mathrm{ReLU}(W_1 a + b_1) + b_2)

    trained on the mean of :math:`(r_{ic} - [c = y_i])^2` over the examples :math:`i` of a batch
    and the classes :math:`c` that are present in it.

    The scores are the relations before the sigmoid :math:`\sigma`. Their order is the same, they
    do not tie where the sigmoid is 0 or 1 to the last bit, and a penalty on seen classes then
    divides their odds, where it would do nothing to speak of near 0 and much near 1.

    Differences from the paper:
        The defaults are a short training of a smaller network; the authors' are the recipe
        ``"relation-net-awa1"``.
        Weights start as PyTorch's do, but :math:`b'`: it starts where the sigmoid gives the share
        of the pairs that belong together. From 0 the first steps all push towards "no", at which
        many a short training dies.

    Arguments:
        hidden: The width of the hidden layers, of :math:`P` and of the relation.
        episodes: The number of episodes of an epoch; ``None`` is a tenth of the number of examples,
            between 12 and 200.
        attribute_normalization: A name in ``ATTRIBUTE_NORMALIZATIONS``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.
        epochs: The number of rounds of episodes.
        batch_size: The number of examples of an episode, any, drawn with repetition; ``None`` is a
            twentieth of all, between 32 and 512.
        lr: The learning rate.
        weight_decay: The L2 penalty, on :math:`P` alone.
        beta2: The decay of Adam's mean of squared gradients; a short training wants a short memory.
        schedule: ``"linear"``, ``"step"`` or ``"constant"``.
        step_epochs: The length of a stair of the schedule ``"step"``, in epochs.
        step_factor: The factor from a stair to the next.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        random_state: The seed of initial weights and batches.

    Attributes:
        network_: The trained network.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train = data.subset("train")
        >>> model = RelationNet(hidden=64, random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> test = data.subset("test_seen")
        >>> bool(model.score(test.features, test.labels) > 1 / 12)
        True
    """

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "lr": (3e-4, 1e-3, 3e-3),
        "attribute_normalization": ("sqrt", "standardize"),
    }

    def __init__(
        self,
        *,
        hidden: int = 256,
        episodes: int | None = None,
        attribute_normalization: str = "sqrt",
        feature_preprocessing: str = "centre-scale",
        epochs: int = 10,
        batch_size: int | None = 16,
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        beta2: float = 0.95,
        schedule: str = "linear",
        step_epochs: int = 50,
        step_factor: float = 0.5,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.episodes = episodes
        self.attribute_normalization = attribute_normalization
        self.feature_preprocessing = feature_preprocessing
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.beta2 = beta2
        self.schedule = schedule
        self.step_epochs = step_epochs
        self.step_factor = step_factor
        self.device = device
        self.random_state = random_state

    def _batches(self, labels: Tensor) -> Batches:
        episodes = self.episodes or int(np.clip(len(labels) // 10, 12, 200))

        return RandomRows(len(labels), self._batch_size(len(labels)), episodes)

    def _network(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        generator: torch.Generator,
    ) -> RelationNetwork:
        d, a = len(features.mean), len(attributes.mean)
        embedder = AttributeEmbedder(a, [self.hidden], d, init="pytorch", generator=generator)
        relation = Relation(d, self.hidden, generator)
        seen = int(self.seen_.sum())
        others = min(self.batch_size or seen, seen) - 1
        nn.init.constant_(relation.output.bias, -math.log(max(others, 1)))

        return RelationNetwork(features, attributes, embedder, relation)

    def _loss(self, x: Tensor, target: Tensor, S: Tensor, unseen: Tensor) -> Tensor:  # noqa: ARG002
        # A batch of b rows has at most b classes: a captured step needs a shape that does not
        # depend on how many, so the rest is filled up with absent classes that count nothing.
        classes, present = present_classes(target, len(S))  # (m,)
        embedded = self.network_.embed(S.index_select(0, classes))  # (m, h)
        relations = self.network_.score(x, embedded).sigmoid()  # (b, m)

        wanted = (target[:, None] == classes).to(x.dtype)
        errors = ((relations - wanted).square() * present).sum() / (len(x) * present.sum())
        if self.weight_decay == 0:
            return errors

        squares = [
            weight.square().sum()
            for name, weight in self.network_.named_parameters()
            if name.startswith("embedder.")
        ]
        return errors + self.weight_decay / 2 * torch.stack(squares).sum()

    def _optimization(self) -> Optimization:
        return replace(super()._optimization(), weight_decay=0.0)  # it stands in the loss

    def __sklearn_tags__(self) -> Tags:
        """Tells scikit-learn of a known weakness.

        Prototypes have as many numbers as there are features, none below 0. In the two dimensions
        of scikit-learn's accuracy check, those of two classes can both die and stay the same.
        """
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True

        return tags

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_number("hidden", self.hidden, 1, whole=True)
        check_number("beta2", self.beta2, 0, 1, open_high=True)
        if self.episodes is not None:
            check_number("episodes", self.episodes, 1, whole=True)
        check_number("step_epochs", self.step_epochs, 1, whole=True)
        check_number("step_factor", self.step_factor, 0, open_low=True)


def present_classes(target: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Returns the classes of a batch, and as many absent ones as make the shape fixed.

    Arguments:
        target: The class of each row, with shape (b,).
        classes: The number :math:`k` of classes.

    Returns:
        The classes, and 1 for each that is present, 0 for the others, both of shape (min(b, k),).

    Example:
        >>> numbers, present = present_classes(torch.tensor([2, 0, 2]), 4)
        >>> sorted(numbers[present == 1].tolist()), int(present.sum())
        ([0, 2], 2)
    """
    counted = torch.zeros(classes, device=target.device).index_fill(0, target, 1.0)  # (k,)
    present, numbers = counted.topk(min(len(target), classes))

    return numbers, present
