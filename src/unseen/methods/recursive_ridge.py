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

from unseen.methods.class_statistics import ClassStatistics, ExactClassifier
from unseen.methods.closed_form import Moments
from unseen.methods.eszsl import ESZSL


class RecursiveRidge(ExactClassifier, ESZSL):
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
        negative_target: The target of the classes that an example is not of: -1, 0, or between.
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

    same_as = "eszsl"

    def _derive(self, prepared: ClassStatistics, S: NDArray[np.float32]) -> None:
        self._learn(_moments(prepared), S)

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
