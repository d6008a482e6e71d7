r"""Rebalanced zero-shot learning (ReZSL): attributes regressed from features, errors rebalanced.

References:
    Rebalanced Zero-shot Learning (Ye et al., 2023)
    https://arxiv.org/abs/2210.07031
"""

__all__ = ["ReZSL"]

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from unseen.data.arguments import check_choice, check_number
from unseen.data.attribute_vectors import read_attribute_vectors
from unseen.losses.balanced_mse import balanced_mse
from unseen.losses.normalized_mse import normalized_mse
from unseen.losses.remse import TRACKERS, ReMSE
from unseen.methods.network import Given, NetworkClassifier
from unseen.nets.attribute_attention import AttributeAttention, compactness
from unseen.nets.attribute_regression import (
    INIT_STD,
    AttentionNetwork,
    AttributeRegression,
    RegressionNetwork,
)
from unseen.nets.cosine_head import normalize_rows
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.training.batches import Batches, Episodes, Shuffled
from unseen.training.checkpoint import Checkpoint
from unseen.training.loop import EpochReport, Monitor
from unseen.training.step import OPTIMIZERS
from unseen.training.weight_history import EpochWeights, weights_after

REGRESSIONS = ("remse", "mse", "normalized-mse", "balanced-mse", None)
# `standardize` would shift descriptions, and so change cosines.
LENGTHS = ("unit", "sqrt", "raw")


class ReZSL(NetworkClassifier):
    r"""Predicts the attributes of an example, and takes the class whose description points there.

    .. math:: y_{ic} = \gamma \cos(p(x_i), a_c), \qquad
        L = \mathrm{CE}(y, c) + \lambda \, R(p(x), a_{c})

    with :math:`p` a linear map, or one hidden layer with a leaky ReLU, the cross-entropy over all
    seen classes, and :math:`R` a regression of the description: ReMSE, which weights each error by
    how far its class and its attribute lag behind, or one it is compared with.

    With ``regions``, a row is the channels of one region after another, and :math:`p` is the
    paper's attention of attributes over them (``AttributeAttention``).

    Differences from the paper:
        The paper learns a network from images, end to end, with attention over regions; these are
        its heads, on features as they are stored. No published number is of them.
        ``compactness_weight`` is of GEM-ZSL, where attention serves but this loss and one for the
        diversity of groups of attributes; groups are not part of the data here.
        The defaults are a short training; the authors' loss and optimizer are the recipes
        ``"rezsl-cub"``, ``"rezsl-awa2"`` and ``"rezsl-sun"``.
        Initial weights are normal with deviation 0.02, and biases 0.
        The two examples of a class in an episode may be the same one; the last of the random
        batches is kept though it is smaller; and the learning rate falls after 10 and 20 epochs,
        where the released program is one epoch early.

    Arguments:
        hidden: The width of the hidden layer, without activation if there are regions; 0 is one
            linear map.
        regions: The number :math:`R` of regions in a row, of :math:`d / R` channels each: region
            by region, as ``maps.reshape(n, -1)`` of regions with shape (n, R, C). They are
            prepared channel by channel. ``None`` takes a row as it is.
        attribute_vectors: The npz file with one word vector per attribute (the key ``vectors``),
            from which attention makes its queries; ``None`` numbers the attributes. A saved model
            holds the vectors.
        attention_size: The length of queries and keys.
        ratio: The share of what attention finds beside the mean of the regions; 0 is the mean.
        compactness_weight: The weight of a loss for attention that stays together, for regions
            that are a square grid row by row.
        scale: The :math:`\gamma`.
        regression: The :math:`R`: ``"remse"``, ``"mse"`` (of descriptions as
            ``attribute_normalization`` leaves them), ``"normalized-mse"`` (of predictions and
            descriptions of length 1, as in ReMSE), ``"balanced-mse"`` (the same), or ``None``: the
            cross-entropy alone.
        regression_weight: The :math:`\lambda`.
        p: The exponent of ReMSE across classes.
        p2: The exponent of ReMSE across attributes.
        normalize: Whether ReMSE compares predictions and descriptions of length 1; or, as ``"mse"``
            does, descriptions as ``attribute_normalization`` leaves them.
        tracker: Which errors ReMSE compares: ``"in_batch"`` or ``"cross_batch"``.
        mean_normalize: Whether the weights of ReMSE are divided by their mean, so that
            :math:`\lambda` means the same for all exponents.
        noise: The deviation of the noise of Balanced MSE.
        batches: ``"random"``, or ``"episodes"``: of some classes, and some examples of each.
        ways: The number of classes of an episode; all, if there are fewer.
        shots: The number of examples of each.
        episodes: The number of episodes of an epoch; ``None`` is a twentieth of the number of
            examples, between 8 and 60.
        attribute_normalization: ``"unit"``, ``"sqrt"`` or ``"raw"``; only ``"mse"``, and ReMSE
            without ``normalize``, depend on it.
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
        weight_history_: Mean and greatest weight of ReMSE after each epoch (``EpochWeights``), of
            the classes of its last batch, or of all so far with ``"cross_batch"``. A resumed
            training has those of the epochs since it was resumed, and always the last; models of
            another regression have none.
        vectors_: The word vectors of the attributes, with shape :math:`(a, w)`, if there are any.

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

    network_: Any  # an AttributeRegression
    weight_history_: list[EpochWeights]
    vectors_: Tensor | None

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "regression_weight": (1.0, 10.0, 100.0),
        "feature_preprocessing": ("centre-scale", "standardize"),
    }

    def __init__(
        self,
        *,
        hidden: int = 0,
        regions: int | None = None,
        attribute_vectors: str | None = None,
        attention_size: int = 64,
        ratio: float = 1.0,
        compactness_weight: float = 0.0,
        scale: float = 20.0,
        regression: str | None = "remse",
        regression_weight: float = 10.0,
        p: float = 1.0,
        p2: float = 0.1,
        normalize: bool = True,
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
        self.regions = regions
        self.attribute_vectors = attribute_vectors
        self.attention_size = attention_size
        self.ratio = ratio
        self.compactness_weight = compactness_weight
        self.scale = scale
        self.regression = regression
        self.regression_weight = regression_weight
        self.p = p
        self.p2 = p2
        self.normalize = normalize
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
        return self._over_rows(self._checked_rows(X), self.network_.regress)

    def attention(self, X: ArrayLike) -> NDArray[np.float32]:
        """Says where each attribute looks.

        Arguments:
            X: The features of regions, with shape :math:`(n, d)`.

        Returns:
            The attention, with shape :math:`(n, a, R)`: over the regions it sums to 1.

        Raises:
            ValueError: If the model was fitted without ``regions``, or with ``ratio=0``.
        """
        check_is_fitted(self)
        if not isinstance(self.network_, AttentionNetwork):
            raise ValueError(
                "This model was fitted without `regions`, so it attends to none; fit one with "
                "ReZSL(regions=...) on the regions of a feature map, with shape (n, R * C)."
            )
        if not self.network_.attention.ratio:
            raise ValueError(
                "This model was fitted with ratio=0: it takes the mean of the regions, and nothing "
                "is attended to. Fit one with ReZSL(regions=..., ratio=1.0)."
            )

        return self._over_rows(self._checked_rows(X), lambda x: self.network_.attend(x)[1])

    def _preparations(
        self, X: NDArray, S: NDArray[np.float32]
    ) -> tuple[FeaturePreprocessing, AttributeNormalization]:
        """Fits what comes before the network; that of regions to each as a row of channels."""
        self.vectors_ = None
        if self.regions is None:
            return super()._preparations(X, S)

        self._check_regions(self.regions, X.shape[1])
        if self.attribute_vectors is not None:
            vectors = read_attribute_vectors(self.attribute_vectors, S.shape[1])
            self.vectors_ = torch.from_numpy(vectors)

        return super()._preparations(X.reshape(len(X) * self.regions, -1), S)

    def _further_inputs(self) -> dict[str, str]:
        if self.vectors_ is None:
            return {}

        return {"vectors": hashlib.sha256(self.vectors_.numpy().tobytes()).hexdigest()}

    def _check_regions(self, regions: int, d: int) -> None:
        """Raises a ``ValueError`` if rows of ``d`` features do not consist of so many regions."""
        if d % regions:
            raise ValueError(
                f"`regions` must divide the number of features: {d} features are not {regions} "
                "regions of the same number of channels. Give feature maps of shape (n, R, C) as "
                "`maps.reshape(n, -1)`, with regions=R."
            )
        if self.compactness_weight and math.isqrt(regions) ** 2 != regions:
            raise ValueError(
                f"`compactness_weight` is for regions that are a square grid; {regions} is "
                "no square number. Set it to 0."
            )

    def _restore(self, state: dict[str, Tensor]) -> None:
        self.vectors_ = state.get("attention.vectors")
        told = vars(self).get("weight_history_", ())  # older models have none
        self.weight_history_ = [EpochWeights(*weights) for weights in told]
        super()._restore(state)

    def _fitted(self) -> dict[str, Any]:
        return {**super()._fitted(), "weight_history_": self.weight_history_}

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
    ) -> AttributeRegression:
        remse = self._remse(attributes)
        if self.regions is None:
            return RegressionNetwork(
                features, attributes, self.hidden, self.scale, remse, generator
            )

        channels = self.n_features_in_ // self.regions
        if len(features.mean) != channels:  # of a model that is read: its numbers come later
            features = FeaturePreprocessing(features.kind, channels)
        attention = AttributeAttention(
            channels,
            len(attributes.mean),
            self.attention_size,
            self.hidden,
            self.ratio,
            INIT_STD,
            self.vectors_,
            generator=generator,
        )

        return AttentionNetwork(features, attributes, self.regions, self.scale, remse, attention)

    def _remse(self, attributes: AttributeNormalization) -> ReMSE | None:
        if self.regression != "remse":
            return None

        return ReMSE(
            int(self.seen_.sum()),
            len(attributes.mean),
            p=self.p,
            p2=self.p2,
            normalize=self.normalize,
            tracker=self.tracker,
            mean_normalize=self.mean_normalize,
            check_values=False,  # the loop looks at the loss, and a step can be captured
        )

    def _train(
        self,
        given: Given,
        generators: Sequence[torch.Generator],
        monitor: Monitor,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        def keep(report: EpochReport) -> None:
            self._keep_weights(report.epoch)
            if monitor.callback is not None:
                monitor.callback(report)

        self.weight_history_ = []
        super()._train(given, generators, replace(monitor, callback=keep), checkpoint)
        if not self.weight_history_:  # resumed after the last epoch, whose tracker this is
            self._keep_weights(self.epochs)

    def _keep_weights(self, epoch: int) -> None:
        if self.network_.remse is not None:
            self.weight_history_.append(weights_after(epoch, self.network_.remse))

    def _loss(self, x: Tensor, target: Tensor, S: Tensor, unseen: Tensor) -> Tensor:  # noqa: ARG002
        if self.compactness_weight:
            predicted, attention = self.network_.attend(x)
            spread = self.compactness_weight * compactness(attention.float())
        else:
            predicted, spread = self.network_.regress(x), 0.0
        predicted = predicted.float()  # (b, a)
        scores = self.network_.compare(predicted, self.network_.embed(S))
        loss = F.cross_entropy(scores, target) + spread
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
        check_choice("normalize", self.normalize, (True, False))
        check_choice("mean_normalize", self.mean_normalize, (True, False))
        check_choice("batches", self.batches, ("random", "episodes"))
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_number("hidden", self.hidden, 0, whole=True)
        check_number("attention_size", self.attention_size, 1, whole=True)
        check_number("ratio", self.ratio, 0)
        check_number("compactness_weight", self.compactness_weight, 0)
        if self.regions is not None:
            check_number("regions", self.regions, 1, whole=True)
        elif self.attribute_vectors is not None or self.compactness_weight:
            raise ValueError(
                "`attribute_vectors` and `compactness_weight` are for attention over regions: set "
                "`regions`, or leave them out."
            )
        if self.compactness_weight and not self.ratio:
            raise ValueError(
                "`compactness_weight` is for attention, of which ratio=0 takes nothing: set one "
                "to 0, and not the other."
            )
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
