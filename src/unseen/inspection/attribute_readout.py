r"""Attribute predictions of any model: its own, or what its scores say of each attribute."""

__all__ = ["AttributeReadout", "PredictsAttributes"]

from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unseen.data.dataset import ZeroShotData
from unseen.data.splits import LEAST_CLASSES, HiddenClassFolds
from unseen.methods.base import ZeroShotClassifier
from unseen.metrics.misclassification import unit_rows

PENALTIES = tuple(10.0**exponent for exponent in range(-5, 2))  # per training row


@runtime_checkable
class PredictsAttributes(Protocol):
    """A method that predicts attributes by itself.

    ``predict_attributes`` returns one row per example that may be compared with a row of the class
    table the method was trained on, up to a positive factor: a method that standardises
    descriptions undoes it.
    """

    def predict_attributes(self, X: NDArray) -> NDArray:
        """Returns the attributes of features (n, d), with shape (n, a)."""
        ...


class AttributeReadout:
    r"""Reads attributes out of the scores of a model: what they say of each attribute, linearly.

    .. math:: \min_{R, b} \; \sum_i \| R \, s(x_i) + b - t_{y_i} \|^2 + \lambda n \|R\|^2

    with :math:`s` the scores for the :math:`k` seen classes, each standardised, and :math:`t` the
    descriptions of length 1. The penalty :math:`\lambda` is the one of least error on classes
    hidden from the regression; the model itself has seen them.

    Arguments:
        model: The fitted model.
        random_state: The seed of the choice of hidden classes.

    Attributes:
        penalty_: The :math:`\lambda` that was chosen.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> from unseen.methods.eszsl import ESZSL
        >>> data = simulate_toy()
        >>> train = data.subset("train")
        >>> model = ESZSL().fit(train.features, train.labels, data.class_attributes)
        >>> AttributeReadout(model).fit(data).predict_attributes(train.features).shape
        (128, 8)
    """

    def __init__(self, model: ZeroShotClassifier, random_state: int = 0) -> None:
        self.model = model
        self.random_state = random_state

    def fit(self, data: ZeroShotData) -> Self:
        """Learns from the training rows of a data set, and the descriptions of their classes.

        Arguments:
            data: The data that the model was trained on.

        Raises:
            ValueError: If there are fewer than four seen classes.
        """
        if data.seen.sum() < LEAST_CLASSES:
            raise ValueError(
                "Attributes are read out of scores with some seen classes hidden, which needs at "
                f"least four seen classes; got {data.seen.sum()}. Add seen classes, or take a "
                "method that predicts attributes by itself, such as rezsl."
            )
        train = data.subset("train", data.compact_type)
        self.seen_attributes_ = data.class_attributes[data.seen]
        target = unit_rows(data.class_attributes)[train.labels]  # (n, a)
        folds = HiddenClassFolds(random_state=self.random_state).split(train.labels)
        hidden = [(fold.train, fold.validation_unseen) for fold in folds]

        ridge = RidgeCV(
            alphas=[penalty * len(train.labels) for penalty in PENALTIES],
            cv=hidden,
            scoring="neg_mean_squared_error",
        )
        self.regression_ = make_pipeline(StandardScaler(), ridge)
        self.regression_.fit(self._scores(train.features), target)
        self.penalty_ = float(ridge.alpha_ / len(train.labels))

        return self

    def predict_attributes(self, X: NDArray) -> NDArray:
        """Returns the attributes of features (n, d), with shape (n, a)."""
        predicted = self.regression_.predict(self._scores(X))

        return predicted.reshape(len(predicted), -1)  # of one attribute, the regression is flat

    def _scores(self, X: NDArray) -> NDArray[np.float64]:
        """Scores features (n, d) for the seen classes, with shape (n, k)."""
        return np.asarray(self.model.decision_function(X, self.seen_attributes_), dtype=np.float64)
