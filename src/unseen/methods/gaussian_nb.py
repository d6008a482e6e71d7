r"""Gaussian naive Bayes with a tied covariance: class means that add up, or follow a description.

References:
    A Simple Exponential Family Framework for Zero-Shot Learning (Verma & Rai, 2017)
    https://arxiv.org/abs/1707.08040

    Lifelong Machine Learning with Deep Streaming Linear Discriminant Analysis
    (Hayes & Kanan, 2020)
    https://arxiv.org/abs/1909.01520
"""

__all__ = ["COVARIANCES", "PRIORS", "TiedGaussian"]

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_solve, cholesky, solve
from sklearn.base import clone
from torch import Tensor

from unseen.data.arguments import check_choice, check_number
from unseen.methods.base import fitted_attributes
from unseen.methods.class_statistics import ClassStatistics, ExactClassifier
from unseen.methods.class_table import row_places
from unseen.methods.closed_form import double, double_chunks
from unseen.nets.preprocessing import FEATURE_PREPROCESSINGS, INDUCTIVE_NORMALIZATIONS

COVARIANCES = ("diagonal", "full")
PRIORS = ("equal", "counted")


class TiedGaussian(ExactClassifier):
    r"""Gives each class a Gaussian: a mean of its own, a covariance that all share.

    .. math:: y_{ic} = \log \mathcal{N}(x_i; \mu_c, \Sigma) - \log \mathcal{N}(x_i; \bar\mu, \Sigma)
        + \log \pi_c, \qquad
        \Sigma = (1 - s) \frac{W}{n} + s \frac{\mathrm{tr}\, W}{n d} I

    with :math:`W` the scatter of the :math:`n` examples around their class means and
    :math:`\bar\mu` the mean of the means of the classes with examples. The difference is linear in
    :math:`x`. A class with examples has their mean, be they few or generated. The mean of a class
    without is predicted from its description by ridge regression on the other classes' means:

    .. math:: \mu(a) = \bar\mu + M^T S (S^T S + \lambda I)^{-1} (a - \bar a)

    with :math:`M` and :math:`S` the means and descriptions of the classes with examples, less
    their averages. Every class counts once there, however many examples it has: a description
    leaves more of a mean unsaid than the noise of a few dozen examples does, and a great class
    tells no more about how descriptions become means.

    Number, sum and scatter of the examples of each class add up over tasks, so that a stream, cut
    in whatever way, gives the same model as all its examples at once.

    Differences from the papers:
        The first predicts a variance of each class, too; here all share a covariance, as in the
        second, which has no descriptions.
        The second adds up the covariance with a fixed small shrinkage; here its share is a
        setting, relative to the mean variance.

    Arguments:
        covariance: ``"diagonal"`` (features independent of each other, naive Bayes) or ``"full"``
            (linear discriminant analysis).
        shrinkage: The share :math:`s`, above 0 and at most 1, of the mean variance in the
            covariance.
        mean_penalty: The ridge :math:`\lambda > 0` of the map from descriptions to means.
        prior: What :math:`\pi_c` is: ``"equal"``, 1 for all, or ``"counted"``, the number of
            examples of the class over the average number; 1 for a class without.
        attribute_normalization: ``"sqrt"``, ``"unit"``, ``"raw"`` or ``"standardize"``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.

    Attributes:
        statistics_: The sums over all examples so far.
        means_: The means of the classes with examples, prepared, with shape :math:`(k, d)`.
        covariance_: Their covariance, with shape :math:`(d, d)`, or its diagonal, :math:`(d,)`.
        coef_: The map from normalised descriptions, and 1, to means, with shape
            :math:`(a + 1, d)`.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train, test = data.subset("train"), data.subset("test_unseen")
        >>> model = TiedGaussian().fit(train.features, train.labels, data.class_attributes)
        >>> few = np.isin(np.arange(len(test.labels)), np.unique(test.labels, return_index=True)[1])
        >>> before = model.score(test.features[~few], test.labels[~few])
        >>> model = model.partial_fit(test.features[few], test.labels[few])  # one example of each
        >>> bool(model.score(test.features[~few], test.labels[~few]) > before)
        True
    """

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "covariance": COVARIANCES,
        "shrinkage": (0.1, 0.3, 0.6),
        "mean_penalty": (0.01, 0.1, 1.0),
    }

    def __init__(
        self,
        *,
        covariance: str = "full",
        shrinkage: float = 0.3,
        mean_penalty: float = 0.1,
        prior: str = "equal",
        attribute_normalization: str = "unit",
        feature_preprocessing: str = "l2-centre",
    ) -> None:
        self.covariance = covariance
        self.shrinkage = shrinkage
        self.mean_penalty = mean_penalty
        self.prior = prior
        self.attribute_normalization = attribute_normalization
        self.feature_preprocessing = feature_preprocessing

    def fit_candidates(
        self,
        X: ArrayLike,
        y: ArrayLike,
        class_attributes: ArrayLike,
        candidates: Sequence[Mapping[str, Any]],
    ) -> Iterator[Self]:
        """Yields one fitted copy per candidate; those alike in what is summed share the sums.

        Arguments:
            X: The features, with shape :math:`(n, d)`.
            y: The row of ``class_attributes`` of each example, with shape :math:`(n,)`.
            class_attributes: One description per class, with shape :math:`(c, a)`.
            candidates: The settings of each copy, which overrule those of this estimator.
        """
        shared: dict[tuple[str, str], dict[str, Any]] = {}

        for settings in candidates:
            model = clone(self).set_params(**settings)
            model.check_settings()
            summed = model.covariance, model.feature_preprocessing
            if summed in shared:
                vars(model).update(shared[summed])
                model._settle()
            else:
                model.fit(X, y, class_attributes)
                shared[summed] = fitted_attributes(model)
            yield model

    @property
    def _diagonal(self) -> bool:
        return self.covariance == "diagonal"

    def _derive(self, prepared: ClassStatistics, S: NDArray[np.float32]) -> None:
        self.means_ = prepared.means
        self.covariance_ = self._covariance(prepared)
        self.factor_ = cholesky(self.covariance_) if self.covariance == "full" else None
        self.coef_ = self._ridge(self.attributes_(double(S)).numpy())

    def _covariance(self, prepared: ClassStatistics) -> NDArray[np.float64]:
        """Returns the covariance, with shape (d, d), or its diagonal, with shape (d,)."""
        within = prepared.scatter / prepared.counts.sum()
        full = within.ndim == 2
        average = (np.trace(within) if full else within.sum()) / len(within)
        target = average or 1.0  # where each class has one example, nothing says how they vary

        return (1 - self.shrinkage) * within + self.shrinkage * target * (
            np.eye(len(within)) if full else 1.0
        )

    def _ridge(self, S: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the map, (a + 1, d), from normalised descriptions (k, a) and 1 to the means."""
        average, centre = S.mean(axis=0), self.means_.mean(axis=0)
        inner = S - average
        gram = inner.T @ inner + self.mean_penalty * np.eye(S.shape[1])  # (a, a)
        slope = solve(gram, inner.T @ (self.means_ - centre), assume_a="pos")  # (a, d)

        return np.vstack([slope, centre - average @ slope])

    def _scores(self, X: NDArray, S: NDArray[np.float32]) -> NDArray[np.float64]:
        means, counts = self._classes(S)
        centre = self.means_.mean(axis=0)
        offsets = means - centre  # (c, d)
        weights = self._precision_times(offsets)  # (c, d)
        bias = -0.5 * np.einsum("cd,cd->c", offsets, weights)
        if self.prior == "counted":
            bias += np.log(counts)

        chunks = (self.features_(chunk).numpy() - centre for chunk in double_chunks(X))

        return np.concatenate([chunk @ weights.T + bias for chunk in chunks])  # (n, c)

    def _classes(self, S: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns the mean of each description's class, (c, d), and its relative number, (c,)."""
        own = self._own(S)
        known = own >= 0
        counts = np.ones(len(S))
        counts[known] = (self.statistics_.counts / self.statistics_.counts.mean())[own[known]]
        means = self.attributes_(double(S)).numpy() @ self.coef_[:-1] + self.coef_[-1]
        means[known] = self.means_[own[known]]

        return means, counts

    def _own(self, S: NDArray[np.float32]) -> NDArray[np.int64]:
        """Returns where in the statistics each class of a table is, with shape (c,); or -1."""
        classes = self.statistics_.classes
        if np.array_equal(S, self.class_attributes_):  # rows tell apart what looks the same
            own = np.full(len(S), -1)
            own[classes] = np.arange(len(classes))
            return own

        return row_places(S, self.class_attributes_[classes])

    def _precision_times(self, offsets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Multiplies rows (c, d) by the inverse of the covariance."""
        if self.factor_ is None:
            return offsets / self.covariance_

        return np.asarray(cho_solve((self.factor_, False), offsets.T)).T

    def _state(self) -> dict[str, Tensor]:
        return self.statistics_.state()

    def _restore(self, state: dict[str, Tensor]) -> None:
        self.check_settings()
        self.statistics_ = ClassStatistics.from_state(state, np.flatnonzero(self.seen_))
        self._settle()

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        check_choice("covariance", self.covariance, COVARIANCES)
        check_number("shrinkage", self.shrinkage, 0, 1, open_low=True)
        check_number("mean_penalty", self.mean_penalty, 0, open_low=True)
        check_choice("prior", self.prior, PRIORS)
        check_choice(
            "attribute_normalization", self.attribute_normalization, INDUCTIVE_NORMALIZATIONS
        )
        check_choice("feature_preprocessing", self.feature_preprocessing, FEATURE_PREPROCESSINGS)
