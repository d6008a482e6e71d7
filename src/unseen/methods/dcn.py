r"""Deep calibration network (DCN): features mapped to descriptions, sharp on unseen classes.

References:
    Generalized Zero-Shot Learning with Deep Calibration Network (Liu et al., 2018)
    https://papers.nips.cc/paper/2018/hash/1587965fb4d4b5afe8428a4a024feb0d-Abstract.html
"""

__all__ = ["DCN"]

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unseen.data.arguments import check_number
from unseen.methods.base import Setting
from unseen.methods.network import NetworkClassifier
from unseen.nets.dropout import CountedDropout
from unseen.nets.linear import linear
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.scoring_network import ScoringNetwork

CLASS_SCALE = 10.0


class CalibrationNetwork(ScoringNetwork):
    r"""Scores features by the product of their embedding :math:`\phi(x)` with class vectors.

    Arguments:
        features: The preparation of features.
        attributes: The normalisation of descriptions.
        hidden: The width of the hidden layer of :math:`\phi`.
        dropout: The share of its units that a step of training leaves out.
        temperature: The factor :math:`\tau_s` on the scores.
        generator: The source of randomness of all initial weights, and of the dropout's seed.
    """

    def __init__(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        hidden: int,
        dropout: float,
        temperature: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__(features, attributes)

        self.temperature = temperature
        d, a = len(features.mean), len(attributes.mean)
        self.first = nn.Linear(d, hidden, device="meta").to_empty(device="cpu")
        self.second = nn.Linear(hidden, a, device="meta").to_empty(device="cpu")
        for layer, std in ((self.first, 0.01), (self.second, 0.03)):
            nn.init.normal_(layer.weight, std=std, generator=generator)
            nn.init.zeros_(layer.bias)
        seed = int(torch.randint(2**31, (), generator=generator))
        self.dropout = CountedDropout(dropout, seed)

    def phi(self, x: Tensor) -> Tensor:
        """Maps prepared features (n, d) into the space of descriptions, with shape (n, a)."""
        product = linear if self.training else F.linear  # whose rows do not depend on others
        hidden = self.dropout(product(x, self.first.weight, self.first.bias).relu())

        return product(hidden, self.second.weight, self.second.bias).tanh()

    def embed(self, normalized: Tensor) -> Tensor:
        """Returns the class vectors, with shape (c, a)."""
        return CLASS_SCALE * normalized.tanh()

    def score(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Scores prepared features (n, d) for class vectors (c, a), with shape (n, c)."""
        return self.temperature * (self.phi(x) @ embedded.T)


class DCN(NetworkClassifier):
    r"""Maps features to descriptions, calibrated by its certainty about unseen classes.

    .. math:: f_{ic} = \phi(x_i) \cdot 10 \tanh(a_c), \qquad
        \phi(x) = \tanh(W_2 \, \mathrm{dropout}(\mathrm{ReLU}(W_1 x + b_1)) + b_2)

    .. math:: L = \mathrm{CE}(\tau_s f_{\mathrm{seen}}, y)
        + w \, H(\mathrm{softmax}(\tau_u f_{\mathrm{unseen}}))

    where the mean entropy :math:`H` over the unseen classes, for examples of seen ones, is
    minimised: each example, although of a seen class, shall resemble few unseen classes. The
    descriptions of unseen classes are so used in training. Without unseen classes in the table,
    the entropy is left out; with :math:`w = 0` the method is inductive.

    The scores are :math:`\tau_s f`.

    Differences from the paper:
        The defaults are a short training; the authors' are the recipe ``"dcn-awa1"``.
        The released program leaves dropout active in prediction and sets the deviation of the
        first feature to 1; this does neither. Its entropy takes the logarithm of probabilities
        that can be 0; ours are log-probabilities throughout.
        The share of dropout is not known to us; 0.5, PyTorch's default, is assumed.

    Arguments:
        hidden: The width of the hidden layer.
        dropout: The share of its units that a step of training leaves out.
        seen_temperature: The factor :math:`\tau_s` on the scores of seen classes.
        unseen_temperature: The factor :math:`\tau_u` on those of unseen classes.
        entropy_weight: The :math:`w`.
        attribute_normalization: A name in ``ATTRIBUTE_NORMALIZATIONS``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.
        epochs: The number of passes over the examples.
        batch_size: The number of examples of a step; ``None`` is a twentieth of all, between 32
            and 512.
        lr: The learning rate.
        schedule: ``"linear"``, ``"step"`` or ``"constant"``.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        random_state: The seed of initial weights, dropout and batches.

    Attributes:
        network_: The trained network.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train = data.subset("train")
        >>> model = DCN(hidden=64, random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> test = data.subset("test_unseen")
        >>> bool(model.score(test.features, test.labels) > 1 / 12)
        True
    """

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "entropy_weight": (0.0, 1e-3, 0.1),
        "feature_preprocessing": ("centre", "standardize"),
    }

    def __init__(
        self,
        *,
        hidden: int = 512,
        dropout: float = 0.5,
        seen_temperature: float = 2.0,
        unseen_temperature: float = 1.0,
        entropy_weight: float = 1e-3,
        attribute_normalization: str = "unit",
        feature_preprocessing: str = "centre",
        epochs: int = 10,
        batch_size: int | None = None,
        lr: float = 3e-3,
        schedule: str = "linear",
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.dropout = dropout
        self.seen_temperature = seen_temperature
        self.unseen_temperature = unseen_temperature
        self.entropy_weight = entropy_weight
        self.attribute_normalization = attribute_normalization
        self.feature_preprocessing = feature_preprocessing
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.schedule = schedule
        self.device = device
        self.random_state = random_state

    @property
    def setting(self) -> Setting:
        """Semantic-transductive, unless unseen descriptions have no part in the training."""
        uses_unseen = self.entropy_weight != 0
        uses_unseen |= self.attribute_normalization == "standardize-all"

        return "semantic-transductive" if uses_unseen else "inductive"

    def _network(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        generator: torch.Generator,
    ) -> CalibrationNetwork:
        return CalibrationNetwork(
            features, attributes, self.hidden, self.dropout, self.seen_temperature, generator
        )

    def _loss(self, x: Tensor, target: Tensor, S: Tensor, unseen: Tensor) -> Tensor:
        scores = self.network_.score(x, self.network_.embed(torch.cat([S, unseen])))  # (b, k + u)
        loss = F.cross_entropy(scores[:, : len(S)], target)
        if self.entropy_weight == 0 or len(unseen) == 0:
            return loss

        temperature = self.unseen_temperature / self.seen_temperature  # of what the scores have
        entropies = entropy(temperature * scores[:, len(S) :])  # (b,)

        return loss + self.entropy_weight * entropies.mean()

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_number("hidden", self.hidden, 1, whole=True)
        check_number("dropout", self.dropout, 0, 0.95)
        check_number("seen_temperature", self.seen_temperature, 0, open_low=True)
        check_number("unseen_temperature", self.unseen_temperature, 0, open_low=True)
        check_number("entropy_weight", self.entropy_weight, 0)


def entropy(logits: Tensor) -> Tensor:
    """Returns the entropy of the softmax of each row of shape (n, u), with shape (n,), in nats.

    Example:
        >>> entropy(torch.tensor([[0.0, 0.0], [0.0, 1000.0]])).exp()
        tensor([2., 1.])
    """
    log_probabilities = logits.log_softmax(dim=1)

    return -(log_probabilities.exp() * log_probabilities).sum(dim=1)
