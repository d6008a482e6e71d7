r"""Class prototypes rectified by episodes (CVC-ZSL): a cosine to what each description predicts.

References:
    Rethinking Zero-Shot Learning: A Conditional Visual Classification Perspective
    (Li, Min & Fu, 2019)
    https://arxiv.org/abs/1909.05995
"""

__all__ = ["CVC"]

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unseen.data.arguments import check_number
from unseen.methods.network import PrototypeClassifier
from unseen.nets.attribute_embedder import AttributeEmbedder
from unseen.nets.initialization import initialize_normal
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.scoring_network import ScaledCosineNetwork
from unseen.training.batches import Batches, Episodes


class LearnedScaleNetwork(ScaledCosineNetwork):
    r"""Scores features by :math:`s (\cos(x, P(a_c)) + b)`, with :math:`s` and :math:`b` learned.

    Arguments:
        features: The preparation of features.
        attributes: The normalisation of descriptions.
        embedder: The attribute embedder :math:`P`.
    """

    def __init__(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        embedder: AttributeEmbedder,
    ) -> None:
        super().__init__(features, attributes, embedder, scale=1.0)

        self.slope = nn.Parameter(torch.tensor(10.0))
        self.bias = nn.Parameter(torch.tensor(0.0))

    def score(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Scores prepared features (n, d) for unit prototypes (c, d), with shape (n, c)."""
        return self.slope * (x @ embedded.T + self.bias)


class CVC(PrototypeClassifier):
    r"""Learns in episodes to predict a visual classifier from each class description.

    .. math:: y_{ic} = s \, (\cos(x_i, w_c) + b), \qquad
        w_c = \mathrm{ReLU}(W_2 \, \mathrm{ReLU}(W_1 a_c + b_1) + b_2)

    An episode holds some classes and some examples of each; the loss is the cross-entropy over
    the classes of the episode alone. The learned :math:`b` moves all classes alike, so that it
    changes neither loss nor prediction; it is kept as the paper has it.

    Differences from the paper:
        The defaults are a short training; the authors' are the recipe ``"cvc-zsl-awa1"``.
        The last ReLU is left out where a prepared feature is negative (``final_activation``).
        Its transductive variant, which learns from unlabelled test examples, is not here.

    Arguments:
        hidden: The width of the hidden layer.
        ways: The number of classes of an episode; all, if there are fewer.
        shots: The number of examples of each.
        episodes: The number of episodes of an epoch; ``None`` is a twentieth of the number of
            examples, between 8 and 60.
        final_activation: ``"relu"``, ``None``, or ``"auto"``: a ReLU where no prepared feature is
            negative.
        attribute_normalization: A name in ``ATTRIBUTE_NORMALIZATIONS``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.
        epochs: The number of rounds of episodes.
        lr: The learning rate.
        weight_decay: The L2 penalty.
        schedule: ``"linear"``, ``"step"`` or ``"constant"``.
        step_epochs: The length of a stair of the schedule ``"step"``, in epochs.
        step_factor: The factor from a stair to the next.
        clip_norm: The greatest norm of the gradient; ``None`` does not clip.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        random_state: The seed of initial weights and episodes.

    Attributes:
        network_: The trained network.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train = data.subset("train")
        >>> model = CVC(hidden=64, random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> test = data.subset("test_unseen")
        >>> bool(model.score(test.features, test.labels) > 1 / 12)
        True
    """

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "ways": (8, 16, 32),
        "feature_preprocessing": ("centre", "standardize"),
    }

    def __init__(
        self,
        *,
        hidden: int = 1024,
        ways: int = 16,
        shots: int = 8,
        episodes: int | None = None,
        final_activation: str | None = "auto",
        attribute_normalization: str = "sqrt",
        feature_preprocessing: str = "centre",
        epochs: int = 10,
        lr: float = 1e-3,
        weight_decay: float = 1e-4,
        schedule: str = "linear",
        step_epochs: int = 500,
        step_factor: float = 0.5,
        clip_norm: float | None = None,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.ways = ways
        self.shots = shots
        self.episodes = episodes
        self.final_activation = final_activation
        self.attribute_normalization = attribute_normalization
        self.feature_preprocessing = feature_preprocessing
        self.epochs = epochs
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.step_epochs = step_epochs
        self.step_factor = step_factor
        self.clip_norm = clip_norm
        self.device = device
        self.random_state = random_state

    def _batches(self, labels: Tensor) -> Batches:
        episodes = self.episodes or int(np.clip(len(labels) // 20, 8, 60))

        return Episodes(labels, self.ways, self.shots, episodes)

    def _network(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        generator: torch.Generator,
    ) -> LearnedScaleNetwork:
        embedder = AttributeEmbedder(
            len(attributes.mean),
            [self.hidden],
            len(features.mean),
            init="pytorch",
            final_relu=self.final_relu_,
            generator=generator,
        )
        initialize_normal(embedder, 0.02, generator)

        return LearnedScaleNetwork(features, attributes, embedder)

    def _loss(self, x: Tensor, target: Tensor, S: Tensor, unseen: Tensor) -> Tensor:  # noqa: ARG002
        classes = target[:: self.shots]  # (w,), as an episode goes class after class
        prototypes = self.network_.embed(S.index_select(0, classes))  # (w, d)
        logits = self.network_.score(x, prototypes)  # (w * shots, w)

        ways = torch.arange(len(classes), device=target.device)
        return F.cross_entropy(logits, ways.repeat_interleave(self.shots))

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_number("hidden", self.hidden, 1, whole=True)
        check_number("ways", self.ways, 2, whole=True)
        check_number("shots", self.shots, 1, whole=True)
        if self.episodes is not None:
            check_number("episodes", self.episodes, 1, whole=True)
        check_number("step_epochs", self.step_epochs, 1, whole=True)
        check_number("step_factor", self.step_factor, 0, open_low=True)
        if self.clip_norm is not None:
            check_number("clip_norm", self.clip_norm, 0, open_low=True)
