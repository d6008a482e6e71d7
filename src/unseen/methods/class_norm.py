r"""Class Normalization (CN): a deep attribute embedder that trains, and its plain baseline.

References:
    Class Normalization for (Continual)? Generalized Zero-Shot Learning
    (Skorokhodov & Elhoseiny, 2021)
    https://arxiv.org/abs/2006.11328
"""

__all__ = ["MLP", "ClassNorm"]

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from sklearn.utils import Tags
from torch import Tensor

from unseen.data.arguments import check_choice, check_number
from unseen.losses.smoothed_cross_entropy import smoothed_cross_entropy
from unseen.methods.network import PrototypeClassifier
from unseen.nets.attribute_embedder import AttributeEmbedder, Norm
from unseen.nets.class_standardization import ClassStandardization, DynamicNormalization
from unseen.nets.initialization import INITIALIZATIONS
from unseen.nets.layer_normalization import LayerNormalization
from unseen.nets.linear import linear
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.scoring_network import ScaledCosineNetwork
from unseen.training.step import OPTIMIZERS


class ClassNorm(PrototypeClassifier):
    r"""Learns prototypes from class descriptions, standardised over classes on the way.

    .. math:: y_{ic} = \gamma^2 \cos(z_i, P(a_c)), \qquad
        P = \mathrm{ReLU} \circ V \circ \mathrm{norm} \circ \mathrm{ReLU} \circ \ldots

    with :math:`\mathrm{Var}[V_{ij}] = 1 / (d_z d_h)` at the start, trained by cross-entropy over
    the seen classes, whose descriptions alone ever pass through :math:`P` in training.

    Differences from the paper:
        The defaults train many times faster than the paper's (the page on real data compares both);
        the paper's, the authors' notebook's and their package's are in
        ``unseen.benchmark.recipes``.
        Features are prepared (``feature_preprocessing``) where the paper takes them raw.

    Arguments:
        depth: The number of hidden layers; 0 is a linear embedder.
        hidden: The width of each hidden layer.
        norm: ``"class"`` (Eq. 9), ``"layer"``, ``"dynamic"`` or ``None``.
        norm_position: Where the norms stand around the ReLU of the last hidden layer: ``"both"``,
            ``"before-relu"`` or ``"last"``, which is just before :math:`V`.
        divide_by: ``"std"`` (Eq. 9) or ``"var"`` (the authors' notebook).
        ddof: The delta degrees of freedom in training; by default 0 for ``"std"``, 1 for ``"var"``.
        eps: What is added to the variance.
        momentum: The weight of the newest statistics in the running ones.
        affine: Which class norms learn a scale and shift: ``"none"``, ``"first"``, ``"last"`` or
            ``"both"``.
        statistics: What stands for the statistics in prediction: ``"running"`` averages, or the
            ``"exact"`` ones of the seen classes, taken once after training.
        init: The initialisation of :math:`V`, a name in ``INITIALIZATIONS``.
        final_activation: ``"relu"``, ``None``, or ``"auto"``: a ReLU where no prepared feature is
            negative.
        scale: The :math:`\gamma`; ``None`` scores by the plain product.
        attribute_normalization: A name in ``ATTRIBUTE_NORMALIZATIONS``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.
        smoothing: The share of the true class in the target; 1 is off.
        legacy_smoothing: Whether the target is the authors', which sums to less than 1.
        epochs: The number of passes over the examples.
        batch_size: The number of examples of a step; ``None`` is a twentieth of all, between 32
            and 512: from 640 examples on, ten epochs are then 200 steps or more.
        lr: The learning rate.
        weight_decay: The L2 penalty.
        optimizer: ``"adam"``, ``"adamw"`` or ``"sgd"``.
        beta2: The decay of Adam's mean of squared gradients; a short training wants a short memory.
        schedule: ``"linear"``, ``"step"`` or ``"constant"``.
        step_epochs: The length of a stair of the schedule ``"step"``, in epochs.
        step_factor: The factor from a stair to the next.
        clip_norm: The greatest norm of the gradient; ``None`` does not clip.
        precision: The type of the matrix products: ``"float32"``, ``"bfloat16"``, or ``"auto"``:
            bfloat16 where the hardware is faster at it. Norms and loss stay float32.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        random_state: The seed of initial weights and batches.

    Attributes:
        network_: The trained network.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train = data.subset("train")
        >>> model = ClassNorm(hidden=64, random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> test = data.subset("test_unseen")
        >>> bool(model.score(test.features, test.labels) > 1 / 12)
        True
    """

    stackable = True

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "scale": (4.0, 5.0, 7.0),
        "lr": (5e-4, 1e-3),
    }

    def __init__(
        self,
        *,
        depth: int = 2,
        hidden: int = 1024,
        norm: str | None = "class",
        norm_position: str = "both",
        divide_by: str = "std",
        ddof: int | None = None,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: str = "none",
        statistics: str = "running",
        init: str = "class-norm",
        final_activation: str | None = "auto",
        scale: float | None = 5.0,
        attribute_normalization: str = "sqrt",
        feature_preprocessing: str = "centre",
        smoothing: float = 1.0,
        legacy_smoothing: bool = False,
        epochs: int = 10,
        batch_size: int | None = None,
        lr: float = 1e-3,
        weight_decay: float = 1e-4,
        optimizer: str = "adam",
        beta2: float = 0.95,
        schedule: str = "linear",
        step_epochs: int = 25,
        step_factor: float = 0.1,
        clip_norm: float | None = None,
        precision: str = "auto",
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.depth = depth
        self.hidden = hidden
        self.norm = norm
        self.norm_position = norm_position
        self.divide_by = divide_by
        self.ddof = ddof
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.statistics = statistics
        self.init = init
        self.final_activation = final_activation
        self.scale = scale
        self.attribute_normalization = attribute_normalization
        self.feature_preprocessing = feature_preprocessing
        self.smoothing = smoothing
        self.legacy_smoothing = legacy_smoothing
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.beta2 = beta2
        self.schedule = schedule
        self.step_epochs = step_epochs
        self.step_factor = step_factor
        self.clip_norm = clip_norm
        self.precision = precision
        self.device = device
        self.random_state = random_state

    def _loss(self, x: Tensor, target: Tensor, S: Tensor, unseen: Tensor) -> Tensor:  # noqa: ARG002
        logits = linear(x, self.network_.embed(S))  # (b, k) or (s, b, k)

        return smoothed_cross_entropy(
            logits.float().flatten(end_dim=-2),
            target.flatten(),
            self.smoothing,
            self.legacy_smoothing,
        )

    def _settle(self, S: Tensor) -> None:
        if self.statistics == "exact":
            self.network_.settle(S)

    def _network(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        generator: torch.Generator,
    ) -> ScaledCosineNetwork:
        d, a = len(features.mean), len(attributes.mean)
        before = self.norm_position in ("both", "before-relu")
        after = self.norm_position in ("both", "last")
        embedder = AttributeEmbedder(
            a,
            [self.hidden] * self.depth,
            d,
            norm_before_relu=self._norm("first") if before else None,
            norm_after_relu=self._norm("last") if after else None,
            init=self.init,
            final_relu=self.final_relu_,
            generator=generator,
        )

        return ScaledCosineNetwork(features, attributes, embedder, self.scale)

    def _norm(self, which: str) -> Norm | None:
        if self.norm is None:
            return None
        if self.norm == "layer":
            return LayerNormalization
        if self.norm == "dynamic":
            return lambda _: DynamicNormalization(self.momentum)

        return partial(
            ClassStandardization,
            divide_by=self.divide_by,
            ddof=self.ddof,
            eps=self.eps,
            momentum=self.momentum,
            affine=self.affine in (which, "both"),
        )

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_choice("norm", self.norm, ("class", "layer", "dynamic", None))
        check_choice("norm_position", self.norm_position, ("both", "before-relu", "last"))
        check_choice("divide_by", self.divide_by, ("std", "var"))
        check_choice("affine", self.affine, ("none", "first", "last", "both"))
        check_choice("statistics", self.statistics, ("running", "exact"))
        check_choice("legacy_smoothing", self.legacy_smoothing, (True, False))
        check_choice("init", self.init, INITIALIZATIONS)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)

        check_number("depth", self.depth, 0, 20, whole=True)
        check_number("hidden", self.hidden, 1, whole=True)
        check_number("step_epochs", self.step_epochs, 1, whole=True)
        check_number("beta2", self.beta2, 0, 1, open_high=True)
        check_number("step_factor", self.step_factor, 0, open_low=True)
        check_number("eps", self.eps, 0, open_low=True)
        check_number("momentum", self.momentum, 0, 1)
        check_number("smoothing", self.smoothing, 0, 1, open_low=True)
        if self.scale is not None:
            check_number("scale", self.scale, 0, open_low=True)
        if self.clip_norm is not None:
            check_number("clip_norm", self.clip_norm, 0, open_low=True)
        if self.ddof is not None:
            check_number("ddof", self.ddof, 0, 1, whole=True)
        if self.statistics == "exact" and self.norm not in ("class", "dynamic"):
            raise ValueError(
                f"`statistics='exact'` needs a norm with statistics; norm={self.norm!r} has none."
            )
        if self.depth == 0 and self.norm is not None:
            raise ValueError("`depth=0` has no hidden layer to normalise; set norm=None with it.")


class MLP(ClassNorm):
    """The plain baseline: the same embedder and loss, without norms and special initialisation.

    Each setting is as in ``ClassNorm``.

    Example:
        >>> MLP().norm is None
        True
    """

    def __init__(
        self,
        *,
        depth: int = 2,
        hidden: int = 1024,
        final_activation: str | None = "auto",
        scale: float | None = 5.0,
        attribute_normalization: str = "sqrt",
        feature_preprocessing: str = "centre",
        epochs: int = 10,
        batch_size: int | None = None,
        lr: float = 1e-3,
        weight_decay: float = 1e-4,
        beta2: float = 0.95,
        schedule: str = "linear",
        precision: str = "auto",
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            depth=depth,
            hidden=hidden,
            norm=None,
            init="pytorch",
            final_activation=final_activation,
            scale=scale,
            attribute_normalization=attribute_normalization,
            feature_preprocessing=feature_preprocessing,
            epochs=epochs,
            batch_size=batch_size,
            lr=lr,
            weight_decay=weight_decay,
            beta2=beta2,
            schedule=schedule,
            precision=precision,
            device=device,
            random_state=random_state,
        )

    def __sklearn_tags__(self) -> Tags:
        """Tells scikit-learn of a known weakness.

        Without norms all prototypes begin nearly equal; in the two dimensions of scikit-learn's
        accuracy check, three of them can stay in the wrong order around the circle.
        """
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True

        return tags
