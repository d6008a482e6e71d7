r"""Invertible zero-shot flow (IZF): one invertible network recognises and makes features.

References:
    Invertible Zero-Shot Recognition Flows (Shen et al., 2020)
    https://arxiv.org/abs/2007.04873
"""

__all__ = ["IZF"]

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unseen.data.arguments import check_choice, check_number
from unseen.losses.mmd import negative_mmd
from unseen.methods.base import Setting
from unseen.methods.generative import GenerativeZeroShotClassifier
from unseen.methods.network import Given, NetworkClassifier
from unseen.nets.flow import LEAST_BLOCKS
from unseen.nets.noise import CountedNoise
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.semantic_flow import SemanticFlow
from unseen.training.checkpoint import Checkpoint
from unseen.training.device import choose_precision
from unseen.training.loop import EpochReport, Monitor, TrainingError

CLASSIFIERS = ("naive-bayes", "softmax")
LIKELIHOODS = ("sum", "per-dimension")
PRECISIONS = ("auto", "float32", "bfloat16")
CENTRES = 256  # classes whose prototypes are compared with their means in a step, at most
WATCHED = 256  # rows
ROUND_TRIP = 1e-2  # the greatest error, in units of prepared features, that is let pass

log = logging.getLogger(__name__)


class IZF(GenerativeZeroShotClassifier):
    r"""Maps features invertibly to a semantic part, which the description names, and the rest.

    With the invertible :math:`f(v) = [\hat c, \hat z]`, the description :math:`c` of a class (as
    normalised) is the mean of the semantic part; the density of a row is

    .. math:: \log p(v | c) = -\frac{\lVert \hat c - c \rVert^2}{2 \sigma_c^2}
        - d_c \ln \sigma_c - \frac{\lVert \hat z \rVert^2}{2} - \frac{d_v}{2} \ln 2 \pi
        + \ln \left| \det \frac{\partial f}{\partial v} \right|

    and the loss, over examples of seen classes with means :math:`\bar v(c)`,

    .. math:: -\lambda_1 \, \mathrm{mean} \log p(v | c)
        + \lambda_2 \, \mathrm{mean}_c \lVert f^{-1}([c, 0]) - \bar v(c) \rVert^2
        - \lambda_3 \, \mathrm{MMD}^2(v, f^{-1}([c^u, z]))

    where :math:`z` is standard normal and :math:`c^u` describes an unseen class: what is made for
    unseen classes is driven away from the examples of seen ones. The descriptions of unseen
    classes are so used in training; with :math:`\lambda_3 = 0` the method is inductive.

    Naive Bayes scores with the semantic part alone, :math:`-\lVert \hat c - c \rVert^2 / 2
    \sigma_c^2`, as all else is the same for all classes. The softmax is a last layer, trained on
    real examples of seen classes and synthetic ones of unseen classes.

    Differences from the paper:
        No code of the authors reproduces the paper; kernel, weights and network follow public
        readings of it. The defaults are a short training.
        Every other permutation brings the unchanged half to the half that is changed, so that no
        column is a mere copy of an input.
        Descriptions are standardised over the seen classes (over all, where :math:`\lambda_3` is
        not 0), not brought to [0, 1]: margins between classes then do not depend on their unit.
        Features that do not vary in training take no part; they carry noise instead.
        A classifier without class table gets further such columns, as one-hot descriptions may be
        wider than the features.

    Arguments:
        blocks: The number of blocks of permutation and affine coupling, at least 4.
        hidden: The width of the hidden layer of each coupling.
        scale_bound: The bound of the logarithm of the scales of a coupling.
        semantic_std: The deviation :math:`\sigma_c` of the semantic part.
        semantic_size: The length :math:`d_c` of the semantic part: descriptions are reduced to so
            many principal components of those of the seen classes. ``None`` does not reduce, and
            wants descriptions shorter than the features; ``"auto"`` reduces those that are not.
        likelihood: ``"sum"`` over the dimensions, as the formula says, or ``"per-dimension"``:
            divided by :math:`d_v`.
        likelihood_weight: The :math:`\lambda_1`.
        centre_weight: The :math:`\lambda_2`.
        separation_weight: The :math:`\lambda_3`; negative, it draws what is made for unseen
            classes towards the examples of seen ones.
        input_noise: The deviation of the noise on prepared features, in training alone.
        classifier: ``"naive-bayes"`` or ``"softmax"``.
        synthetic_per_class: How many synthetic examples of each class are made at once for the
            softmax; ``None`` makes new ones in every step.
        final_steps: The number of steps of the softmax's training.
        final_lr: The learning rate of the softmax.
        attribute_normalization: A name in ``ATTRIBUTE_NORMALIZATIONS``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.
        epochs: The number of passes over the examples.
        batch_size: The number of examples of a step; ``None`` is a twentieth of all, between 32
            and 512.
        lr: The learning rate.
        weight_decay: The L2 penalty.
        schedule: ``"linear"``, ``"step"`` or ``"constant"``.
        clip_norm: The greatest norm of the gradient of all parameters; ``None`` does not clip.
        gradient_precision: The type of the matrix products that make gradients: ``"float32"``,
            ``"bfloat16"``, or ``"auto"``: bfloat16 where the hardware multiplies it faster. The
            map and its inverse are float32 at all times.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        random_state: The seed of initial weights, permutations, noise and batches.

    Attributes:
        network_: The trained network.
        semantic_size_: The length of the semantic part.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train = data.subset("train")
        >>> model = IZF(hidden=64, random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> test = data.subset("test_unseen")
        >>> bool(model.score(test.features, test.labels) > 1 / 12)
        True
        >>> features, labels = model.generate(data.class_attributes[~data.seen], 3, random_state=0)
        >>> features.shape, labels.tolist()
        ((12, 16), [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    """

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "semantic_std": (0.3, 1.0),
        "separation_weight": (0.0, 0.1),
    }

    network_: Any  # a SemanticFlow
    semantic_size_: int

    def __init__(
        self,
        *,
        blocks: int = 5,
        hidden: int = 512,
        scale_bound: float = 2.0,
        semantic_std: float = 0.3,
        semantic_size: int | str | None = "auto",
        likelihood: str = "sum",
        likelihood_weight: float = 2.0,
        centre_weight: float = 1.0,
        separation_weight: float = 0.1,
        input_noise: float = 0.3,
        classifier: str = "naive-bayes",
        synthetic_per_class: int | None = None,
        final_steps: int = 1000,
        final_lr: float = 1e-3,
        attribute_normalization: str = "standardize",
        feature_preprocessing: str = "centre-scale",
        epochs: int = 20,
        batch_size: int | None = None,
        lr: float = 3e-3,
        weight_decay: float = 1e-5,
        schedule: str = "linear",
        clip_norm: float | None = 10.0,
        gradient_precision: str = "auto",
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.blocks = blocks
        self.hidden = hidden
        self.scale_bound = scale_bound
        self.semantic_std = semantic_std
        self.semantic_size = semantic_size
        self.likelihood = likelihood
        self.likelihood_weight = likelihood_weight
        self.centre_weight = centre_weight
        self.separation_weight = separation_weight
        self.input_noise = input_noise
        self.classifier = classifier
        self.synthetic_per_class = synthetic_per_class
        self.final_steps = final_steps
        self.final_lr = final_lr
        self.attribute_normalization = attribute_normalization
        self.feature_preprocessing = feature_preprocessing
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.clip_norm = clip_norm
        self.gradient_precision = gradient_precision
        self.device = device
        self.random_state = random_state

    @property
    def setting(self) -> Setting:
        """Semantic-transductive, unless unseen descriptions have no part in the training."""
        return "semantic-transductive" if self.separation_weight != 0 else super().setting

    def _preparations(
        self, X: NDArray, S: NDArray[np.float32]
    ) -> tuple[FeaturePreprocessing, AttributeNormalization]:
        self.semantic_size_ = self._semantic_size(X.shape[1], *S.shape)

        return super()._preparations(X, S)

    def _semantic_size(self, features: int, classes: int, attributes: int) -> int:
        """Returns the length of the semantic part."""
        if self.ordinary_:
            return attributes
        size = attributes if self.semantic_size is None else self.semantic_size
        if self.semantic_size == "auto":
            size = attributes if attributes < features else min(classes - 1, features // 2)
        elif size != attributes:
            check_number("semantic_size", size, 1, min(classes - 1, attributes), whole=True)
        if not 0 < int(size) < features:
            raise ValueError(
                f"The semantic part must be shorter than the features: got {size} and {features} "
                "columns. Reduce the descriptions with `semantic_size`, or give wider features."
            )

        return int(size)

    def _network(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        generator: torch.Generator,
    ) -> SemanticFlow:
        d, a = len(features.mean), len(attributes.mean)

        return SemanticFlow(
            features,
            attributes,
            semantic=self.semantic_size_,
            width=max(d, a + 1) if self.ordinary_ else d,
            blocks=self.blocks,
            hidden=self.hidden,
            scale_bound=self.scale_bound,
            semantic_std=self.semantic_std,
            input_noise=self.input_noise,
            generator=generator,
        )

    def _given(self, X: NDArray, rows: NDArray[np.int64], S: NDArray[np.float32]) -> Given:
        given = super()._given(X, rows, S)
        self.network_.look_at(given.features, given.seen)
        self.network_.round_gradients(
            choose_precision(self.gradient_precision, given.features.device)
        )

        return given

    def _loss(self, x: Tensor, target: Tensor, S: Tensor, unseen: Tensor) -> Tensor:
        terms = self._terms(x, target, S, unseen, self.network_.noise)

        return torch.stack([*terms.values()]).sum()

    def _terms(
        self, x: Tensor, target: Tensor, S: Tensor, unseen: Tensor, noise: CountedNoise
    ) -> dict[str, Tensor]:
        """Returns the weighted terms of the loss by name."""
        network = self.network_
        c, v = network.embed(S), network.noised(x, noise)  # (k, d_c), (b, width)
        dimensions = network.width if self.likelihood == "per-dimension" else 1
        density = network.log_density(v, c.index_select(0, target))  # (b,)
        terms = {"likelihood": -self.likelihood_weight / dimensions * density.mean()}

        centred = noise.subset(min(CENTRES, len(S)), len(S))  # (m,)
        apart = len(x) if self.separation_weight != 0 and len(unseen) else 0
        semantic, rest = c.index_select(0, centred), noise.normal(apart, network.rest)
        if apart:
            drawn = noise.integers(apart, len(unseen))
            semantic = torch.cat([semantic, network.embed(unseen).index_select(0, drawn)])
        rest = torch.cat([rest.new_zeros(len(centred), network.rest), rest])
        # one pass of the inverse for both; the gradient flows through it
        prototypes, made = network.invert(semantic, rest).split([len(centred), apart])

        if self.centre_weight != 0:
            means = self._class_means.index_select(0, centred)
            distances = (prototypes - means).square().sum(dim=1)  # (m,)
            terms["centre"] = self.centre_weight * distances.mean()
        if apart:
            terms["separation"] = self.separation_weight * negative_mmd(v, made)

        return terms

    def _train(
        self,
        given: Given,
        generators: Sequence[torch.Generator],
        monitor: Monitor,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        def watch(report: EpochReport) -> None:
            self._watch(given, report)
            if monitor.callback is not None:
                monitor.callback(report)

        self._class_means = self._means(given)
        try:
            super()._train(given, generators, replace(monitor, callback=watch), checkpoint)
        finally:
            del self._class_means

    def _means(self, given: Given) -> Tensor:
        """Returns the mean of the examples of each seen class, with shape (k, width)."""
        k, d = len(given.seen), given.features.shape[1]
        totals = given.features.new_zeros(k, d).index_add_(0, given.labels, given.features)

        return self.network_.fill(totals / given.labels.bincount(minlength=k)[:, None])

    def _watch(self, given: Given, report: EpochReport) -> None:
        """Checks that the flow can be inverted; logs the terms of the loss, with gradient norms."""
        network, x = self.network_, given.features[:WATCHED]
        error = network.round_trip_error(x)
        if not error < ROUND_TRIP:
            raise TrainingError(
                f"After epoch {report.epoch} the flow is no longer inverted to within "
                f"{ROUND_TRIP:g}: the error is {error:g}. Lower `lr` or `scale_bound`."
            )
        if not log.isEnabledFor(logging.INFO):
            return

        noise = CountedNoise(self.seed_).to(x.device)
        terms = self._terms(x, given.labels[:WATCHED], given.seen, given.unseen, noise)
        parameters = [p for p in network.parameters() if p.requires_grad]
        shown = []
        for name, term in terms.items():
            gradients = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
            norm = math.sqrt(sum(float(g.square().sum()) for g in gradients if g is not None))
            shown.append(f"{name} {term.item():.4g} (gradient {norm:.3g})")
        with torch.no_grad():
            log_det = network.encode(x)[1].mean().item()
            lengths = network.invert(
                network.embed(torch.cat([given.seen, given.unseen])),
                x.new_zeros(len(given.seen) + len(given.unseen), network.rest),
            ).norm(dim=1)
        log.info(
            "epoch %d of %d: %s; mean log-det %.4g; round-trip error %.2g; length of prototypes, "
            "seen %.4g, unseen %.4g",
            report.epoch,
            report.epochs,
            ", ".join(shown),
            log_det,
            error,
            lengths[: len(given.seen)].mean().item(),
            lengths[len(given.seen) :].mean().item() if len(given.unseen) else math.nan,
        )

    def _synthesize(self, S: Tensor, noise: CountedNoise) -> Tensor:
        network = self.network_

        return network.decode(network.embed(S), noise.normal(len(S), network.rest))

    def _finish(self, X: NDArray, rows: NDArray[np.int64]) -> None:
        if self.classifier == "softmax":
            super()._finish(X, rows)

    def _scores(self, X: NDArray, S: NDArray[np.float32]) -> NDArray:
        if self.classifier == "naive-bayes":
            return NetworkClassifier._scores(self, X, S)

        return super()._scores(X, S)

    def _fitted(self) -> dict[str, int]:
        return {**super()._fitted(), "semantic_size_": self.semantic_size_}

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_number("blocks", self.blocks, LEAST_BLOCKS, whole=True)
        check_number("hidden", self.hidden, 1, whole=True)
        check_number("scale_bound", self.scale_bound, 0, 10, open_low=True)
        check_number("semantic_std", self.semantic_std, 0, open_low=True)
        check_choice("likelihood", self.likelihood, LIKELIHOODS)
        check_number("likelihood_weight", self.likelihood_weight, 0, open_low=True)
        check_number("centre_weight", self.centre_weight, 0)
        # nothing holds the prototypes of unseen classes: a large weight drives them ever further
        check_number("separation_weight", self.separation_weight, -10, 10)
        check_number("input_noise", self.input_noise, 0)
        check_choice("classifier", self.classifier, CLASSIFIERS)
        check_choice("gradient_precision", self.gradient_precision, PRECISIONS)
        if isinstance(self.semantic_size, str):
            check_choice("semantic_size", self.semantic_size, ("auto",))
        if self.clip_norm is not None:
            check_number("clip_norm", self.clip_norm, 0, open_low=True)

    _class_means: Tensor
