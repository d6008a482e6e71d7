r"""What a linear or Gaussian method needs to know of examples; it adds up over parts of them.

References:
    Updating Formulae and a Pairwise Algorithm for Computing Sample Variances
    (Chan, Golub & LeVeque, 1979)
    https://doi.org/10.1007/978-3-642-51461-6_3
"""

__all__ = ["ClassStatistics", "ExactClassifier"]

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unseen.methods.closed_form import double, double_chunks
from unseen.methods.continual import ContinualClassifier
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.training.loop import Monitor

PREFIX = "statistics."
STATE = ("counts", "sums", "scatter", "greatest")


@dataclass(frozen=True)
class ClassStatistics:
    r"""The number and sum of the examples of each class, and their scatter around the class means.

    .. math:: W = \sum_i (x_i - \mu_{y_i}) (x_i - \mu_{y_i})^T

    Two parts of the examples, of whatever classes, add up to the statistics of all. The scatter is
    that around the means, not around zero, so that features far from zero lose no digits.

    Arguments:
        classes: The classes with examples, ascending, with shape :math:`(k,)`.
        counts: The number of examples of each, with shape :math:`(k,)`.
        sums: Their sums, with shape :math:`(k, d)`.
        scatter: :math:`W`, with shape :math:`(d, d)`, or its diagonal, with shape :math:`(d,)`.
        greatest: The greatest value of each feature, with shape :math:`(d,)`.

    Example:
        >>> X, y = np.array([[0.0], [2.0], [4.0], [6.0], [9.0]]), np.array([0, 0, 0, 0, 7])
        >>> none = FeaturePreprocessing("none", 1)
        >>> first, second = (ClassStatistics.of(X[i], y[i], none) for i in ([0, 1], [2, 3, 4]))
        >>> both = first.merged(second)
        >>> both.classes.tolist(), both.means.tolist(), both.scatter.tolist()
        ([0, 7], [[3.0], [9.0]], [[20.0]])
    """

    classes: NDArray[np.int64]
    counts: NDArray[np.int64]
    sums: NDArray[np.float64]
    scatter: NDArray[np.float64]
    greatest: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        X: NDArray,
        rows: NDArray[np.int64],
        features: FeaturePreprocessing,
        diagonal: bool = False,
    ) -> Self:
        """Sums examples up, after the first part of their preparation, in float64.

        The second part, mean and divisors, follows from the statistics (``prepare``, ``prepared``).

        Arguments:
            X: The features, with shape :math:`(n, d)`.
            rows: The class of each example, with shape :math:`(n,)`.
            features: Their preparation, which need not be fitted.
            diagonal: Whether the diagonal of the scatter is all that is wanted.
        """
        classes, index, counts = np.unique(rows, return_inverse=True, return_counts=True)
        width, of_row = X.shape[1], torch.from_numpy(index)

        sums, start = torch.zeros((len(classes), width), dtype=torch.float64), 0
        greatest = torch.full((width,), -torch.inf, dtype=torch.float64)
        for block in map(features.scaled, double_chunks(X)):
            sums.index_add_(0, of_row[start : start + len(block)], block)
            greatest = greatest.maximum(block.amax(dim=0))
            start += len(block)

        means, start = sums / torch.from_numpy(counts)[:, None], 0
        scatter = np.zeros(width if diagonal else (width, width))
        for block in map(features.scaled, double_chunks(X)):
            around = block - means[of_row[start : start + len(block)]]
            scatter += _products(around.numpy(), diagonal)
            start += len(block)

        return cls(classes, counts, sums.numpy(), scatter, greatest.numpy())

    def merged(self, other: Self) -> Self:
        """Returns the statistics of the examples of both; neither is changed."""
        classes = np.union1d(self.classes, other.classes)
        counts, sums = np.zeros(len(classes), dtype=np.int64), np.zeros((len(classes), self.width))
        for part in (self, other):
            rows = np.searchsorted(classes, part.classes)
            counts[rows] += part.counts
            sums[rows] += part.sums

        return type(self)(
            classes,
            counts,
            sums,
            self.scatter + other.scatter + self._between(other),
            np.maximum(self.greatest, other.greatest),
        )

    def _between(self, other: Self) -> NDArray[np.float64]:
        r"""Returns what the scatter of two parts lacks: that between their means of a class.

        .. math:: \sum_c \frac{n_c m_c}{n_c + m_c} (\mu_c - \nu_c) (\mu_c - \nu_c)^T
        """
        _, ours, theirs = np.intersect1d(self.classes, other.classes, return_indices=True)
        n, m = self.counts[ours], other.counts[theirs]
        weights = (n * (m / (n + m)))[:, None]

        return _products(
            np.sqrt(weights) * (self.means[ours] - other.means[theirs]), self.scatter.ndim == 1
        )

    def prepare(self, features: FeaturePreprocessing) -> None:
        """Gives a preparation the mean and divisors of the examples."""
        inner = self.scatter if self.scatter.ndim == 1 else self.scatter.diagonal()
        rows = self.counts.sum()
        features.settle(
            torch.from_numpy(self.sums.sum(axis=0) / rows),
            torch.from_numpy((inner + self.counts @ self.means**2) / rows),
            torch.from_numpy(self.greatest),
        )

    def prepared(self, features: FeaturePreprocessing) -> Self:
        """Returns the statistics of the examples after the second part of their preparation."""
        mean = features.mean.numpy()
        divisor = np.ones(self.width) if features.divisor is None else features.divisor.numpy()
        divisors = divisor**2 if self.scatter.ndim == 1 else np.outer(divisor, divisor)

        return type(self)(
            self.classes,
            self.counts,
            (self.means - mean) / divisor * self.counts[:, None],
            self.scatter / divisors,
            (self.greatest - mean) / divisor,
        )

    @property
    def width(self) -> int:
        """The number of features."""
        return self.sums.shape[1]

    @property
    def means(self) -> NDArray[np.float64]:
        """The mean of each class, with shape (k, d)."""
        return self.sums / self.counts[:, None]

    def state(self) -> dict[str, Tensor]:
        """Returns the statistics as tensors, by name; the classes are not among them."""
        return {PREFIX + name: torch.from_numpy(getattr(self, name)) for name in STATE}

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor], classes: NDArray[np.int64]) -> Self:
        """Takes the statistics of the given classes back from what ``state`` gave."""
        return cls(classes, *(state[PREFIX + name].numpy() for name in STATE))


class ExactClassifier(ContinualClassifier):
    """A classifier that follows from the statistics of all examples so far: it forgets nothing.

    A method writes ``_derive`` beside ``_scores``, ``_state`` and ``_restore``. Its constructor
    stores at least the settings below.

    Arguments:
        attribute_normalization: ``"sqrt"``, ``"unit"``, ``"raw"`` or ``"standardize"``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.

    Attributes:
        statistics_: The sums over all examples so far.
        features_: The preparation of the features.
        attributes_: The normalisation of the descriptions.
    """

    attribute_normalization: str
    feature_preprocessing: str

    statistics_: ClassStatistics
    features_: FeaturePreprocessing
    attributes_: AttributeNormalization

    @abstractmethod
    def _derive(self, prepared: ClassStatistics, S: NDArray[np.float32]) -> None:
        """Finds what scores are made of.

        Arguments:
            prepared: The statistics of the prepared examples.
            S: The descriptions of their classes, with shape (k, a).
        """

    @property
    def _diagonal(self) -> bool:
        """Whether the diagonal of the scatter is all that is wanted."""
        return False

    def memory_bytes(self) -> dict[str, int]:
        """Returns the bytes of the sums; what follows from them are weights."""
        return {"statistics": sum(value.nbytes for value in self.statistics_.state().values())}

    def _fit(
        self,
        X: NDArray,
        rows: NDArray[np.int64],
        S: NDArray[np.float32],  # noqa: ARG002, they are the described rows of the class table
        monitor: Monitor,
    ) -> None:
        self._partial_fit(X, np.flatnonzero(self.seen_)[rows], True, monitor)

    def _partial_fit(
        self,
        X: NDArray,
        rows: NDArray[np.int64],
        first: bool,
        monitor: Monitor,  # noqa: ARG002, there are no epochs to look at
    ) -> None:
        unfitted = FeaturePreprocessing(self.feature_preprocessing, X.shape[1])
        added = ClassStatistics.of(X, rows, unfitted, self._diagonal)
        self.statistics_ = added if first else self.statistics_.merged(added)
        self._settle()

    def _settle(self) -> None:
        """Prepares features and descriptions as the sums say, and derives the rest."""
        S = self.class_attributes_[self.statistics_.classes]  # (k, a)
        self.features_ = FeaturePreprocessing(self.feature_preprocessing, self.statistics_.width)
        self.attributes_ = AttributeNormalization(self.attribute_normalization, S.shape[1])
        self.statistics_.prepare(self.features_.double())
        self.attributes_.double().fit(double(S))

        self._derive(self.statistics_.prepared(self.features_), S)


def _products(rows: NDArray[np.float64], diagonal: bool) -> NDArray[np.float64]:
    """Returns the sum of the outer products of rows (m, d), with shape (d, d), or its diagonal."""
    return np.einsum("md,md->d", rows, rows) if diagonal else rows.T @ rows
