r"""What closed forms share: sums over the examples, and one decomposition for a grid of penalties.

The map :math:`V` between features and attributes of ESZSL and of SAE solves an equation in two
Gram matrices. In their eigenvectors every entry of it is a quotient, so that further penalties
cost two matrix products and no decomposition.
"""

__all__ = ["ClosedFormClassifier", "Decomposition", "Moments", "double", "double_chunks"]

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from torch import Tensor

from unseen.data.arguments import check_choice
from unseen.methods.base import ZeroShotClassifier, fitted_attributes
from unseen.nets.preprocessing import (
    FEATURE_PREPROCESSINGS,
    INDUCTIVE_NORMALIZATIONS,
    AttributeNormalization,
    FeaturePreprocessing,
)
from unseen.training.loop import Monitor

CHUNK_ROWS = 2048  # 32 MB of float64 at 2,048 features


@dataclass(frozen=True)
class Moments:
    r"""All that a closed form needs to know of the prepared examples.

    Arguments:
        gram: :math:`X^T X`, with shape :math:`(d, d)`.
        sums: The sum of the examples of each class, with shape :math:`(k, d)`.
        counts: The number of examples of each class, with shape :math:`(k,)`.
    """

    gram: NDArray[np.float64]
    sums: NDArray[np.float64]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Decomposition:
    r"""An equation in the eigenvectors of its two Gram matrices.

    Arguments:
        feature_values: The eigenvalues of the feature side, with shape :math:`(d,)`.
        feature_vectors: Its eigenvectors :math:`T`, with shape :math:`(d, d)`.
        attribute_values: The eigenvalues of the attribute side, with shape :math:`(a,)`.
        attribute_vectors: Its eigenvectors :math:`U`, with shape :math:`(a, a)`.
        target: :math:`T^T R \, U` of the right-hand side :math:`R`, with shape :math:`(d, a)`.
    """

    feature_values: NDArray[np.float64]
    feature_vectors: NDArray[np.float64]
    attribute_values: NDArray[np.float64]
    attribute_vectors: NDArray[np.float64]
    target: NDArray[np.float64]


class ClosedFormClassifier(ZeroShotClassifier):
    r"""A classifier whose map :math:`V` between features and attributes is solved for.

    A method writes its constructor, ``_equation``, ``_quotients`` and ``_score``. Its constructor
    stores at least the settings below. All is float64; features are prepared in chunks, so that
    they never stand in memory as a whole in it.

    ``late_settings`` names the settings that the decomposition does not depend on: candidates that
    differ in these alone share one.

    Arguments:
        attribute_normalization: ``"sqrt"``, ``"unit"``, ``"raw"`` or ``"standardize"``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.

    Attributes:
        coef_: The map :math:`V`, with shape :math:`(d, a)`.
        features_: The preparation of the features.
        attributes_: The normalisation of the descriptions.
    """

    late_settings: ClassVar[tuple[str, ...]]

    attribute_normalization: str
    feature_preprocessing: str

    coef_: NDArray[np.float64]
    features_: FeaturePreprocessing
    attributes_: AttributeNormalization

    _kept: list[Decomposition] | None = None  # where `fit` leaves its decomposition, if anywhere

    @abstractmethod
    def _equation(
        self, moments: Moments, S: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns the Gram matrix of the attribute side, (a, a), and the right-hand side, (d, a).

        Arguments:
            moments: What there is to know of the prepared examples.
            S: The normalised descriptions of the seen classes, with shape (k, a).
        """

    @abstractmethod
    def _quotients(
        self, feature_values: NDArray[np.float64], attribute_values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Returns what the target is multiplied by in the eigenvectors, with shape (d, a).

        Arguments:
            feature_values: The eigenvalues of the feature side, with shape (d, 1).
            attribute_values: The eigenvalues of the attribute side, with shape (a,).
        """

    @abstractmethod
    def _score(self, X: NDArray[np.float64], S: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores prepared features (m, d) for normalised descriptions (c, a), as (m, c)."""

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        check_choice(
            "attribute_normalization", self.attribute_normalization, INDUCTIVE_NORMALIZATIONS
        )
        check_choice("feature_preprocessing", self.feature_preprocessing, FEATURE_PREPROCESSINGS)

    def fit_candidates(
        self,
        X: ArrayLike,
        y: ArrayLike,
        class_attributes: ArrayLike,
        candidates: Sequence[Mapping[str, Any]],
    ) -> Iterator[Self]:
        """Yields one fitted copy per candidate, with one decomposition for all alike but penalties.

        Arguments:
            X: The features, with shape :math:`(n, d)`.
            y: The row of ``class_attributes`` of each example, with shape :math:`(n,)`.
            class_attributes: One description per class, with shape :math:`(c, a)`.
            candidates: The settings of each copy, which overrule those of this estimator.
        """
        shared: dict[tuple[Any, ...], tuple[dict[str, Any], Decomposition]] = {}

        for settings in candidates:
            model = clone(self).set_params(**settings)
            model.check_settings()
            early = tuple(
                value
                for name, value in sorted(model.get_params().items())
                if name not in self.late_settings
            )
            if early in shared:
                fitted, parts = shared[early]
                vars(model).update(fitted)
                model._solve(parts)
            else:
                model._kept = []
                model.fit(X, y, class_attributes)
                (parts,) = model._kept
                del model._kept
                shared[early] = fitted_attributes(model), parts
            yield model

    def _fit(
        self,
        X: NDArray,
        rows: NDArray[np.int64],
        S: NDArray[np.float32],
        monitor: Monitor,  # noqa: ARG002, there are no epochs to look at
    ) -> None:
        self.features_, self.attributes_ = self._preparation(X.shape[1], S.shape[1])
        self.features_.fit(double_chunks(X))
        self.attributes_.fit(double(S))

        self._learn(self._moments(X, rows, len(S)), S)

    def _learn(self, moments: Moments, S: NDArray[np.float32]) -> None:
        """Finds the map from what there is to know of the examples, and descriptions S (k, a)."""
        parts = self._decompose(moments, S)
        self._solve(parts)
        if self._kept is not None:
            self._kept.append(parts)

    def _decompose(self, moments: Moments, S: NDArray[np.float32]) -> Decomposition:
        """Does the costly part, which the settings in ``late_settings`` do not change."""
        gram, right = self._equation(moments, self.attributes_(double(S)).numpy())
        feature_values, T = _eigen(moments.gram)
        attribute_values, U = _eigen(gram)

        return Decomposition(feature_values, T, attribute_values, U, T.T @ right @ U)

    def _solve(self, parts: Decomposition) -> None:
        """Finds the map of these penalties."""
        quotients = self._quotients(parts.feature_values[:, None], parts.attribute_values)
        inner = (parts.target * quotients) @ parts.attribute_vectors.T  # (d, a)
        self.coef_ = parts.feature_vectors @ inner  # (d, a)

    def _moments(self, X: NDArray, rows: NDArray[np.int64], classes: int) -> Moments:
        width = X.shape[1]
        gram, sums = np.zeros((width, width)), torch.zeros((classes, width), dtype=torch.float64)
        start = 0
        for chunk in double_chunks(X):
            prepared = self.features_(chunk)
            block = prepared.numpy()
            gram += block.T @ block  # NumPy sees the symmetry and does half the work
            sums.index_add_(0, torch.from_numpy(rows[start : start + len(block)]), prepared)
            start += len(block)

        return Moments(gram, sums.numpy(), np.bincount(rows, minlength=classes))

    def _scores(self, X: NDArray, S: NDArray[np.float32]) -> NDArray[np.float64]:
        described = self.attributes_(double(S)).numpy()  # (c, a)

        return np.concatenate(
            [self._score(self.features_(chunk).numpy(), described) for chunk in double_chunks(X)]
        )  # (n, c)

    def _state(self) -> dict[str, Tensor]:
        return {
            "coef": torch.from_numpy(self.coef_),
            **self.features_.state_dict(prefix="features."),
            **self.attributes_.state_dict(prefix="attributes."),
        }

    def _restore(self, state: dict[str, Tensor]) -> None:
        self.check_settings()
        self.coef_ = state["coef"].numpy()
        self.features_, self.attributes_ = self._preparation(*self.coef_.shape)
        for prefix, module in (("features.", self.features_), ("attributes.", self.attributes_)):
            module.load_state_dict(
                {
                    name.removeprefix(prefix): value
                    for name, value in state.items()
                    if name.startswith(prefix)
                }
            )

    def _preparation(
        self, features: int, attributes: int
    ) -> tuple[FeaturePreprocessing, AttributeNormalization]:
        return (
            FeaturePreprocessing(self.feature_preprocessing, features).double(),
            AttributeNormalization(self.attribute_normalization, attributes).double(),
        )


def double_chunks(X: NDArray) -> Iterator[Tensor]:
    """Cuts features (n, d) into float64 tensors of at most ``CHUNK_ROWS`` rows."""
    for start in range(0, len(X), CHUNK_ROWS):
        yield double(X[start : start + CHUNK_ROWS])


def double(array: NDArray) -> Tensor:
    """Returns an array as a float64 tensor of the same shape."""
    return torch.from_numpy(array.astype(np.float64))  # a copy: PyTorch has no read-only tensors


def _eigen(gram: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the eigenvalues (m,) and eigenvectors (m, m) of a Gram matrix (m, m)."""
    values, vectors = np.linalg.eigh(gram)

    return values.clip(0), vectors  # rounding puts zeros on either side of zero
