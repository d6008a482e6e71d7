r"""Embarrassingly simple zero-shot learning (ESZSL): a bilinear map in closed form.

References:
    An embarrassingly simple approach to zero-shot learning (Romera-Paredes & Torr, 2015)
    https://proceedings.mlr.press/v37/romera-paredes15.html
"""

__all__ = ["ESZSL"]

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unseen.data.arguments import check_number
from unseen.methods.closed_form import ClosedFormClassifier, Moments

PENALTIES = tuple(10.0**exponent for exponent in range(-3, 4))


class ESZSL(ClosedFormClassifier):
    r"""Fits a bilinear map :math:`V` between features :math:`X` and class attributes :math:`S`.

    .. math:: V = (X^T X + \alpha I)^{-1} X^T Y S (S^T S + \gamma I)^{-1}, \qquad
        y_{ic} = x_i^T V a_c

    with :math:`Y_{ic} = 1` if example :math:`i` is of class :math:`c`, else :math:`t = -1`. It
    minimises

    .. math:: \|X V S^T - Y\|^2 + \alpha \|V S^T\|^2 + \gamma \|X V\|^2 + \alpha \gamma \|V\|^2.

    Differences from the paper:
        Examples and classes are rows here and columns there; the solution is the same.
        The default penalties were chosen on hidden seen classes of sets of ours.
        Features are prepared (``feature_preprocessing``) where the paper takes them raw.
        The authors' program has :math:`t = 0` where the paper has -1. Where the training mean is
        subtracted that changes scores by a factor alone; where it is not, it is another map.

    Arguments:
        feature_penalty: The ridge :math:`\alpha > 0` of the feature side.
        attribute_penalty: The ridge :math:`\gamma > 0` of the attribute side.
        negative_target: The target :math:`t` of the classes that an example is not of: -1 as in
            the paper, 0 as in the authors' program, or between.
        attribute_normalization: ``"sqrt"``, ``"unit"``, ``"raw"`` or ``"standardize"``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.

    Attributes:
        coef_: The map :math:`V`, with shape :math:`(d, a)`.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train, test = data.subset("train"), data.subset("test_unseen")
        >>> model = ESZSL().fit(train.features, train.labels, data.class_attributes)
        >>> model.decision_function(test.features).shape == (len(test.labels), 12)
        True
    """

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "feature_penalty": PENALTIES,
        "attribute_penalty": PENALTIES,
    }
    late_settings: ClassVar[tuple[str, ...]] = ("feature_penalty", "attribute_penalty")

    def __init__(
        self,
        *,
        feature_penalty: float = 1.0,
        attribute_penalty: float = 0.1,
        negative_target: float = -1.0,
        attribute_normalization: str = "unit",
        feature_preprocessing: str = "l2-centre",
    ) -> None:
        self.feature_penalty = feature_penalty
        self.attribute_penalty = attribute_penalty
        self.negative_target = negative_target
        self.attribute_normalization = attribute_normalization
        self.feature_preprocessing = feature_preprocessing

    def _equation(
        self, moments: Moments, S: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        # Y is 1 - t for the class and 0 for the others, plus t for all: no matrix of n rows needed
        t = self.negative_target
        XY = (1 - t) * moments.sums + t * moments.sums.sum(axis=0)  # (k, d)

        return S.T @ S, XY.T @ S  # (a, a), (d, a)

    def _quotients(
        self, feature_values: NDArray[np.float64], attribute_values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        ridges = feature_values + self.feature_penalty, attribute_values + self.attribute_penalty

        return 1 / (ridges[0] * ridges[1])  # (d, a)

    def _score(self, X: NDArray[np.float64], S: NDArray[np.float64]) -> NDArray[np.float64]:
        return X @ (self.coef_ @ S.T)  # (m, c)

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_number("feature_penalty", self.feature_penalty, 0, open_low=True)
        check_number("attribute_penalty", self.attribute_penalty, 0, open_low=True)
        check_number("negative_target", self.negative_target, -1, 0)
