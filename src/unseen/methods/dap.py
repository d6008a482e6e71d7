r"""Direct attribute prediction (DAP): one probabilistic classifier per attribute.

References:
    Learning to Detect Unseen Object Classes by Between-Class Attribute Transfer
    (Lampert, Nickisch & Harmeling, 2009)
    https://doi.org/10.1109/CVPR.2009.5206594

    Attribute-Based Classification for Zero-Shot Visual Object Categorization
    (Lampert, Nickisch & Harmeling, 2014)
    https://doi.org/10.1109/TPAMI.2013.140
"""

__all__ = ["DAP"]

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unseen.data.arguments import check_choice
from unseen.methods.network import NetworkClassifier
from unseen.nets.linear import linear
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.scoring_network import ScoringNetwork

PRIORS = ("seen", "half")


class AttributeClassifiers(ScoringNetwork):
    r"""Scores features by how likely the binary attributes of each class are.

    Arguments:
        features: The preparation of features.
        attributes: The normalisation of descriptions.
        prior: A name in ``PRIORS``.
    """

    threshold: Tensor
    informative: Tensor
    prior: Tensor

    def __init__(
        self, features: FeaturePreprocessing, attributes: AttributeNormalization, prior: str
    ) -> None:
        super().__init__(features, attributes)

        d, a = len(features.mean), len(attributes.mean)
        self.counts_classes = prior == "seen"
        self.weight = nn.Parameter(torch.zeros(a, d))
        self.bias = nn.Parameter(torch.zeros(a))
        self.register_buffer("threshold", torch.zeros(a))
        self.register_buffer("informative", torch.ones(a))
        self.register_buffer("prior", torch.full((a,), 0.5))

    @torch.no_grad()
    def settle(self, normalized: Tensor) -> None:
        """Takes thresholds and priors from the normalised seen descriptions, (k, a)."""
        self.threshold.copy_(normalized.mean(dim=0))
        share = self.binary(normalized).mean(dim=0)  # (a,)
        self.informative.copy_((share > 0) & (share < 1))
        if self.counts_classes:
            # where all seen classes agree, the attribute is left out, and any prior will do
            self.prior.copy_(torch.where(self.informative > 0, share, 0.5))

    def binary(self, normalized: Tensor) -> Tensor:
        """Returns the binary attributes (c, a) of normalised descriptions: 0 or 1."""
        return (normalized > self.threshold).to(normalized.dtype)

    def embed(self, normalized: Tensor) -> Tensor:
        """Returns the binary attributes, with shape (c, a), of normalised descriptions."""
        return self.binary(normalized)

    def score(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Scores prepared features (n, d) for binary descriptions (c, a), with shape (n, c)."""
        logits = x @ self.weight.T + self.bias  # (n, a)
        present = (logits - self.prior.logit()) * self.informative
        absent = (F.logsigmoid(-logits) - (1 - self.prior).log()) @ self.informative  # (n,)

        return present @ embedded.T + absent[:, None]


class DAP(NetworkClassifier):
    r"""Predicts each attribute by itself, and takes the class whose attributes fit best.

    .. math:: y_{ic} = \sum_m \ln p(a_m = a_m^c \mid x_i) - \ln p(a_m = a_m^c)

    with :math:`p(a_m = 1 \mid x) = \sigma(w_m^T x + b_m)`, all learned at once as one logistic
    regression with many outputs: the mean over the examples of the sum over the attributes of
    the binary cross-entropy.

    Differences from the paper:
        Attributes are made binary here: 1 where a description is above the mean of the seen
        classes. Unseen classes get the same thresholds.
        An attribute that is the same for all seen classes is left out of the score: nothing can
        be learned of it.
        Linear logistic regression stands where the paper has kernel machines with Platt scaling.

    Arguments:
        prior: What :math:`p(a_m = 1)` is: ``"seen"``, the share of the seen classes that have
            the attribute, or ``"half"``, 0.5.
        attribute_normalization: A name in ``ATTRIBUTE_NORMALIZATIONS``, before the thresholds.
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
        >>> model = DAP(random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> test = data.subset("test_unseen")
        >>> bool(model.score(test.features, test.labels) > 1 / 12)
        True
    """

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "lr": (3.0, 10.0, 30.0),
        "prior": PRIORS,
    }

    optimizer: str = "sgd"

    def __init__(
        self,
        *,
        prior: str = "seen",
        attribute_normalization: str = "unit",
        feature_preprocessing: str = "l2-centre",
        epochs: int = 10,
        batch_size: int | None = None,
        lr: float = 10.0,
        weight_decay: float = 0.0,
        schedule: str = "linear",
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.prior = prior
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
    ) -> AttributeClassifiers:
        network = AttributeClassifiers(features, attributes, self.prior)
        seen = torch.from_numpy(self.class_attributes_[self.seen_])
        network.settle(attributes(seen))

        return network

    def _loss(self, x: Tensor, target: Tensor, S: Tensor, unseen: Tensor) -> Tensor:  # noqa: ARG002
        network = cast(AttributeClassifiers, self.network_)
        logits = linear(x, network.weight, network.bias).float()  # (b, a)
        present = network.embed(S).index_select(0, target)  # (b, a)
        loss = F.binary_cross_entropy_with_logits(
            logits, present, network.informative, reduction="sum"
        )

        return loss / len(x)

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_choice("prior", self.prior, PRIORS)
