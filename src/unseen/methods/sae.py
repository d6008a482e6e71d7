r"""Semantic autoencoder (SAE): features to attributes and back, by one map and its transpose.

References:
    Semantic Autoencoder for Zero-Shot Learning (Kodirov, Xiang & Gong, 2017)
    https://arxiv.org/abs/1704.08345
"""

__all__ = ["SAE"]

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unseen.data.arguments import check_choice, check_number
from unseen.methods.closed_form import ClosedFormClassifier, Moments

DIRECTIONS = ("features-to-attributes", "attributes-to-features")
TINY = 1e-300  # what lies in no direction of the map has the cosine 0, not NaN


class SAE(ClosedFormClassifier):
    r"""Fits an encoder :math:`W` from features to attributes whose transpose decodes.

    .. math:: \min_W \; \|X^T - W^T S_y^T\|^2 + \lambda \|W X^T - S_y^T\|^2

    where :math:`S_y` has the description of each example's class. The solution is that of a
    Sylvester equation, :math:`B W + W C = Q` with :math:`B = S_y^T S_y`,
    :math:`C = \lambda X^T X` and :math:`Q = (1 + \lambda) S_y^T X`. The score is a cosine: of the
    encoded example :math:`W x` and the description :math:`a_c`, or of the example and the
    prototype :math:`W^T a_c`.

    Differences from the paper:
        Examples and classes are rows here and columns there; the solution is the same.
        The default weight was chosen on hidden seen classes of sets of ours; features are prepared
        (``feature_preprocessing``).
        Where seen descriptions leave directions of attribute space out, as they do whenever there
        are fewer classes than attributes, those rows of :math:`W` are free: they are 0 here.

    Arguments:
        encoder_weight: The :math:`\lambda > 0`, what the error of the encoder counts beside that
            of the decoder.
        direction: Where examples and classes meet: ``"features-to-attributes"`` encodes the
            example, ``"attributes-to-features"`` decodes the description.
        attribute_normalization: ``"sqrt"``, ``"unit"``, ``"raw"`` or ``"standardize"``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.

    Attributes:
        coef_: The transpose of :math:`W`, with shape :math:`(d, a)`.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train, test = data.subset("train"), data.subset("test_unseen")
        >>> model = SAE().fit(train.features, train.labels, data.class_attributes)
        >>> bool(abs(model.decision_function(test.features)).max() <= 1)
        True
    """

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "encoder_weight": tuple(10.0**exponent for exponent in range(-2, 5)),
        "direction": DIRECTIONS,
    }
    late_settings: ClassVar[tuple[str, ...]] = ("encoder_weight", "direction")

    def __init__(
        self,
        *,
        encoder_weight: float = 100.0,
        direction: str = "attributes-to-features",
        attribute_normalization: str = "unit",
        feature_preprocessing: str = "l2-centre",
    ) -> None:
        self.encoder_weight = encoder_weight
        self.direction = direction
        self.attribute_normalization = attribute_normalization
        self.feature_preprocessing = feature_preprocessing

    def _equation(
        self, moments: Moments, S: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return (S.T * moments.counts) @ S, moments.sums.T @ S  # (a, a), (d, a)

    def _quotients(
        self, feature_values: NDArray[np.float64], attribute_values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        rounding = len(attribute_values) * np.finfo(np.float64).eps * attribute_values.max()
        described = attribute_values > rounding  # else the target is 0 as well, but for rounding
        divisors = np.where(described, attribute_values, 1.0) + self.encoder_weight * feature_values

        return np.where(described, (1 + self.encoder_weight) / divisors, 0.0)  # (d, a)

    def _score(self, X: NDArray[np.float64], S: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.direction == "features-to-attributes":
            return _unit(X @ self.coef_) @ _unit(S).T  # (m, c)

        return _unit(X) @ _unit(S @ self.coef_.T).T  # (m, c)

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_choice("direction", self.direction, DIRECTIONS)
        check_number("encoder_weight", self.encoder_weight, 0, open_low=True)


def _unit(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scales each row to length 1; a zero row stays zero."""
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), TINY)
