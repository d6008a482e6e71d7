r"""Rebalanced zero-shot learning (ReZSL): attributes regressed from features, errors rebalanced.

References:
    Rebalanced Zero-shot Learning (Ye et al., 2023)
    https://arxiv.org/abs/2210.07031
"""

__all__ = ["ReZSL"]

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from unseen.losses.balanced_mse import balanced_mse
from unseen.losses.normalized_mse import normalized_mse
from unseen.losses.remse import TRACKERS, ReMSE
from unseen.methods.base import FLOATS
from unseen.methods.network import NetworkClassifier
from unseen.methods.settings import check_choice, check_number
from unseen.nets.cosine_head import normalize_rows
from unseen.nets.initialization import initialize_normal
from unseen.nets.linear import linear
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.scoring_network import ScoringNetwork
from unseen.training.batches import Batches, Episodes, Shuffled
from unseen.training.resident import chunks
from unseen.training.step import OPTIMIZERS

REGRESSIONS = ("remse", "mse", "normalized-mse", "balanced-mse", None)
LENGTHS = ("unit", "sqrt", "raw")  # what else there is moves descriptions: another cosine
LEAK = 0.1
INIT_STD = 0.02  # of the size of PyTorch's own for 1,000 features, and no slower to turn for few


class RegressionNetwork(ScoringNetwork):
    r"""Scores features by :math:`\gamma \cos(p(x), a_c)`, with :math:`p` the predicted attributes.

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
        remse: ReMSE | None,
        generator: torch.Generator,
    ) -> None:
        super().__init__(features, attributes)

        self.scale = scale
        self.remse = remse
        d, a = len(features.mean), len(attributes.mean)
        self.hidden = nn.Linear(d, hidden, device="meta").to_empty(device="cpu") if hidden else None
        self.output = nn.Linear(hidden or d, a, device="meta").to_empty(device="cpu")
        initialize_normal(self, INIT_STD, generator)

    def regress(self, x: Tensor) -> Tensor:
        """Predicts the attributes of prepared features (n, d), with shape (n, a)."""
        product = linear if self.training else F.linear  # whose rows do not depend on others
        if self.hidden is not None:
            x = F.leaky_relu(product(x, self.hidden.weight, self.hidden.bias), LEAK)

        return product(x, self.output.weight, self.output.bias)

    def embed(self, normalized: Tensor) -> Tensor:
        """Returns descriptions of the length of the scale, with shape (c, a)."""
        return normalize_rows(normalized, self.scale)

    def score(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Scores prepared features (n, d) for scaled descriptions (c, a), with shape (n, c)."""
        return self.compare(self.regress(x), embedded)

    def compare(self, predicted: Tensor, embedded: Tensor) -> Tensor:
        """Scores predicted attributes (n, a) for scaled descriptions (c, a), with shape (n, c)."""
        return normalize_rows(predicted) @ embedded.T


class ReZSL(NetworkClassifier):
    r"""Predicts the attributes of an example, and takes the class whose description points there.

    .. math:: y_{ic} = \gamma \cos(p(x_i), a_c), \qquad
        L = \mathrm{CE}(y, c) + \lambda \, R(p(x), a_{c})

    with :math:`p` a linear map, or one hidden layer with a leaky ReLU, the cross-entropy over all
    seen classes, and :math:`R` a regression of the description: ReMSE, which weights each error by
    how far its class and its attribute lag behind, or one it is compared with.

    Differences from the paper:
        The paper learns a network from images, end to end, with attention over regions; this is
        its plain head, on features as they are stored. No published number is of it.
        The defaults are a short training; the authors' loss and optimizer are the recipes
        ``"rezsl-cub"``, ``"rezsl-awa2"`` and ``"rezsl-sun"``.
        Initial weights are normal with deviation 0.02, and biases 0.
        The two examples of a class in an episode may be the same one; the last of the random
        batches is kept though it is smaller; and the learning rate falls after 10 and 20 epochs,
        where the released program is one epoch early.

    Arguments:
        hidden: The width of the hidden layer; 0 is one linear map.
        scale: The :math:`\gamma`.
        regression: The :math:`R`: ``"remse"``, ``"mse"`` (of descriptions as
            ``attribute_normalization`` leaves them), ``"normalized-mse"`` (of predictions and
            descriptions of length 1, as in ReMSE), ``"balanced-mse"`` (the same), or ``None``: the
            cross-entropy alone.
        regression_weight: The :math:`\lambda`.
        p: The exponent of ReMSE across classes.
        p2: The exponent of ReMSE across attributes.
        tracker: Which errors ReMSE compares: ``"in_batch"`` or ``"cross_batch"``.
        mean_normalize: Whether the weights of ReMSE are divided by their mean, so that
            :math:`\lambda` means the same for all exponents.
        noise: The deviation of the noise of Balanced MSE.
        batches: ``"random"``, or ``"episodes"``: of some classes, and some examples of each.
        ways: The number of classes of an episode; all, if there are fewer.
        shots: The number of examples of each.
        episodes: The number of episodes of an epoch; ``None`` is a twentieth of the number of
            examples, between 8 and 60.
        attribute_normalization: ``"unit"``, ``"sqrt"`` or ``"raw"``; only ``"mse"`` depends on it.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.
        epochs: The number of passes over the examples, or of rounds of episodes.
        batch_size: The number of examples of a random batch; ``None`` is a twentieth of all,
            between 32 and 512.
        lr: The learning rate.
        weight_decay: The L2 penalty.
        optimizer: ``"adam"``, ``"adamw"`` or ``"sgd"`` (momentum 0.9).
        schedule: ``"linear"``, ``"step"`` or ``"constant"``.
        step_epochs: The length of a stair of the schedule ``"step"``, in epochs.
        step_factor: The factor from a stair to the next.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        random_state: The seed of initial weights and batches.

    Attributes:
        network_: The trained network; ``network_.remse`` holds the tracked errors and weights, by
            seen class and attribute.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train = data.subset("train")
        >>> model = ReZSL(random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> test = data.subset("test_unseen")
        >>> bool(model.score(test.features, test.labels) > 1 / 12)
        True
        >>> model.predict_attributes(test.features).shape == (len(test.features), 8)
        True
    """

    network_: Any  # a RegressionNetwork

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "regression_weight": (1.0, 10.0, 100.0),
        "feature_preprocessing": ("centre-scale", "standardize"),
    }

    def __init__(
        self,
        *,
        hidden: int = 0,
        scale: float = 20.0,
        regression: str | None = "remse",
        regression_weight: float = 10.0,
        p: float = 1.0,
        p2: float = 0.1,
        tracker: str = "in_batch",
        mean_normalize: bool = False,
        noise: float = 0.1,
        batches: str = "random",
        ways: int = 16,
        shots: int = 2,
        episodes: int | None = None,
        attribute_normalization: str = "unit",
        feature_preprocessing: str = "centre-scale",
        epochs: int = 10,
        batch_size: int | None = None,
        lr: float = 3e-3,
        weight_decay: float = 1e-5,
        optimizer: str = "adam",
        schedule: str = "linear",
        step_epochs: int = 10,
        step_factor: float = 0.1,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.scale = scale
        self.regression = regression
        self.regression_weight = regression_weight
        self.p = p
        self.p2 = p2
        self.tracker = tracker
        self.mean_normalize = mean_normalize
        self.noise = noise
        self.batches = batches
        self.ways = ways
        self.shots = shots
        self.episodes = episodes
        self.attribute_normalization = attribute_normalization
        self.feature_preprocessing = feature_preprocessing
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.schedule = schedule
        self.step_epochs = step_epochs
        self.step_factor = step_factor
        self.device = device
        self.random_state = random_state

    def predict_attributes(self, X: ArrayLike) -> NDArray[np.float32]:
        """Predicts attributes; to be compared with descriptions up to a positive factor.

        Arguments:
            X: The features, with shape :math:`(n, d)`.

        Returns:
            The predictions, with shape :math:`(n, a)`.
        """
        check_is_fitted(self)
        features: NDArray = validate_data(
            self, X, dtype=FLOATS, reset=False, ensure_all_finite=False
        )
        self._check_finite(features)

        return self._attributes(features)

    @torch.no_grad()
    def _attributes(self, X: NDArray) -> NDArray[np.float32]:
        device = next(self.network_.parameters()).device
        predicted = [
            self.network_.regress(self.network_.prepare(chunk.to(device))).cpu()
            for chunk in chunks(X)
        ]

        return torch.cat(predicted).numpy()  # (n, a)

    def _batches(self, labels: Tensor) -> Batches:
        if self.batches == "random":
            return Shuffled(len(labels), self._batch_size(len(labels)))
        episodes = self.episodes or int(np.clip(len(labels) // 20, 8, 60))

        return Episodes(labels, self.ways, self.shots, episodes)

    def _network(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        generator: torch.Generator,
    ) -> RegressionNetwork:
        return RegressionNetwork(
            features, attributes, self.hidden, self.scale, self._remse(attributes), generator
        )

    def _remse(self, attributes: AttributeNormalization) -> ReMSE | None:
        if self.regression != "remse":
            return None

        return ReMSE(
            int(self.seen_.sum()),
            len(attributes.mean),
            p=self.p,
            p2=self.p2,
            tracker=self.tracker,
            mean_normalize=self.mean_normalize,
            check_values=False,  # the loop looks at the loss, and a step can be captured
        )

    def _loss(self, x: Tensor, target: Tensor, S: Tensor, unseen: Tensor) -> Tensor:  # noqa: ARG002
        predicted = self.network_.regress(x).float()  # (b, a)
        loss = F.cross_entropy(self.network_.compare(predicted, self.network_.embed(S)), target)
        if self.regression is None:
            return loss

        return loss + self.regression_weight * self._regression(
            predicted, S.index_select(0, target), target
        )

    def _regression(self, predicted: Tensor, targets: Tensor, classes: Tensor) -> Tensor:
        """Returns the regression loss of predictions and targets (b, a), given their classes."""
        if self.network_.remse is not None:
            return self.network_.remse(predicted, targets, classes)
        if self.regression == "mse":
            return F.mse_loss(predicted, targets)
        if self.regression == "normalized-mse":
            return normalized_mse(predicted, targets)

        return balanced_mse(normalize_rows(predicted), normalize_rows(targets), classes, self.noise)

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_choice("attribute_normalization", self.attribute_normalization, LENGTHS)
        check_choice("regression", self.regression, REGRESSIONS)
        check_choice("tracker", self.tracker, TRACKERS)
        check_choice("batches", self.batches, ("random", "episodes"))
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_number("hidden", self.hidden, 0, whole=True)
        check_number("scale", self.scale, 0, open_low=True)
        check_number("regression_weight", self.regression_weight, 0)
        check_number("p", self.p, 0)
        check_number("p2", self.p2, 0)
        check_number("noise", self.noise, 0, open_low=True)
        check_number("ways", self.ways, 2, whole=True)
        check_number("shots", self.shots, 1, whole=True)
        if self.episodes is not None:
            check_number("episodes", self.episodes, 1, whole=True)
        check_number("step_epochs", self.step_epochs, 1, whole=True)
        check_number("step_factor", self.step_factor, 0, open_low=True)
