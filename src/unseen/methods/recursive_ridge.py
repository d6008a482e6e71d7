r"""Recursive ridge regression: ESZSL that goes on learning, and forgets nothing.

References:
    An embarrassingly simple approach to zero-shot learning (Romera-Paredes & Torr, 2015)
    https://proceedings.mlr.press/v37/romera-paredes15.html

    ACIL: Analytic Class-Incremental Learning with Absolute Memorization and Privacy Protection
    (Zhuang et al., 2022)
    https://arxiv.org/abs/2205.14922
"""

__all__ = ["RecursiveRidge"]

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unseen.methods.class_statistics import ClassStatistics
from unseen.methods.closed_form import Moments, double
from unseen.methods.continual import ContinualClassifier
from unseen.methods.eszsl import ESZSL
from unseen.training.loop import Monitor


class RecursiveRidge(ContinualClassifier, ESZSL):
    r"""Keeps the sums that ESZSL's equation is made of, and solves it anew with each task.

    .. math:: V_t = (X^T X + \alpha I)^{-1} X^T Y S (S^T S + \gamma I)^{-1}

    over all examples :math:`X` of the tasks up to :math:`t` and the descriptions :math:`S` of
    their classes. :math:`X^T X` and :math:`X^T Y` follow from the number, sum and scatter of the
    examples of each class, and these add up over tasks. So the map is that of ``ESZSL`` on
    all examples so far, however they were cut and in whatever order they came: what a stream costs
    other methods, it does not cost this one. It keeps no example.

    Differences from the papers:
        The mean of the features, where it is subtracted, is that of all examples so far: the
        sums give it, and with it the centred :math:`X^T X`.
        The second paper updates the inverse; here the sums are kept and the equation is solved
        anew, because the centre and :math:`Y` change for old examples too.

    Arguments:
        feature_penalty: The ridge :math:`\alpha > 0` of the feature side.
        attribute_penalty: The ridge :math:`\gamma > 0` of the attribute side.
        attribute_normalization: ``"sqrt"``, ``"unit"``, ``"raw"`` or ``"standardize"``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.

    Attributes:
        coef_: The map :math:`V`, with shape :math:`(d, a)`.
        statistics_: The sums over all examples so far.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> X, y = data.subset("train").features, data.subset("train").labels
        >>> model, batch = RecursiveRidge(), ESZSL().fit(X, y, data.class_attributes)
        >>> for task in (y < 6, y >= 6):
        ...     model = model.partial_fit(X[task], y[task], data.class_attributes)
        >>> np.allclose(model.coef_, batch.coef_, rtol=1e-8)
        True
    """

    statistics_: ClassStatistics

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
        width = self.class_attributes_.shape[1]
        self.features_, self.attributes_ = self._preparation(X.shape[1], width)
        added = ClassStatistics.of(X, rows, self.features_)
        self.statistics_ = added if first else self.statistics_.merged(added)
        self.statistics_.prepare(self.features_)

        S = self.class_attributes_[self.statistics_.classes]  # (k, a)
        self.attributes_.fit(double(S))
        self._learn(_moments(self.statistics_.prepared(self.features_)), S)

    def _state(self) -> dict[str, Tensor]:
        return {**super()._state(), **self.statistics_.state()}

    def _restore(self, state: dict[str, Tensor]) -> None:
        super()._restore(state)
        self.statistics_ = ClassStatistics.from_state(state, np.flatnonzero(self.seen_))


def _moments(statistics: ClassStatistics) -> Moments:
    """Returns the moments around zero of prepared examples."""
    means, counts = statistics.means, statistics.counts
    gram = statistics.scatter + (means.T * counts) @ means  # (d, d)

    return Moments(gram, statistics.sums, counts)
