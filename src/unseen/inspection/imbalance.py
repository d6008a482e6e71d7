r"""The imbalance of a model's attribute predictions on test rows of seen and unseen classes.

References:
    Rebalanced Zero-Shot Learning (Ye et al., 2023)
    https://arxiv.org/abs/2210.07031
"""

__all__ = ["Baseline", "ImbalanceReport", "LossWeights", "inspect_imbalance"]

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from unseen.data.dataset import ZeroShotData
from unseen.data.descriptions import row_keys
from unseen.data.wording import listed
from unseen.inspection.attribute_readout import AttributeReadout, PredictsAttributes
from unseen.methods.base import ZeroShotClassifier
from unseen.methods.saving import shown_name
from unseen.metrics.gzsl import GZSLResult, SeenUnseenCurve, gzsl_result, seen_unseen_curve
from unseen.metrics.imbalance import (
    Error,
    Imbalance,
    count_error_correlation,
    error_matrix,
    error_spread,
    label_error_correlation,
    measure_imbalance,
)
from unseen.metrics.misclassification import unit_rows
from unseen.training.weight_history import EpochWeights

OWN, READOUT = "predicted by the method", "read out of its scores for seen classes"


@runtime_checkable
class WeightsErrors(Protocol):
    """A fitted method whose loss may be ReMSE: ``network_.remse``, or ``None`` for another loss."""

    seen_: NDArray[np.bool_]
    class_attributes_: NDArray[np.float32]
    network_: Any
    weight_history_: list[EpochWeights]
    mean_normalize: bool


@dataclass(frozen=True)
class Baseline:
    """What a prediction reaches that is the mean description of the seen classes for every row.

    Arguments:
        mean: The mean error.
        class_correlation: Of label value and error over the attributes, the mean over the classes;
            NaN where it is not defined, as all are equal.
    """

    mean: float
    class_correlation: float


@dataclass(frozen=True, eq=False)
class LossWeights:
    """The weights that ReMSE gave to errors when the training ended, and on the way.

    Arguments:
        classes: The seen classes, as rows of the class table, with shape :math:`(k,)`; those of one
            description stand in the order of the table.
        matrix: The weight of each class and attribute, with shape :math:`(k, a)`; NaN for classes
            that the tracker does not know: those that were not in the last batch, or, with the
            tracker ``"cross_batch"``, in none.
        history: Mean and greatest weight after each epoch, as far as they were kept.
        mean_normalized: Whether the loss divides the weights by their mean; here they are not.
    """

    classes: NDArray[np.int64]
    matrix: NDArray[np.float32]
    history: tuple[EpochWeights, ...]
    mean_normalized: bool

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which of the classes have weights, with shape (k,)."""
        return ~np.isnan(self.matrix[:, 0])

    @property
    def mean(self) -> float:
        """The mean weight: without ``mean_normalized``, about what multiplies the loss's weight."""
        return float(self.matrix[self.known].mean())

    @property
    def greatest(self) -> float:
        """The greatest weight."""
        return float(self.matrix[self.known].max())


@dataclass(frozen=True, eq=False)
class ImbalanceReport:
    """What was found of one model on one data set.

    Arguments:
        method: The name of the method.
        data: The name of the data set.
        prediction: Where the attribute predictions come from, in words.
        groups: The imbalance on test rows of ``"seen"`` and of ``"unseen"`` classes, and of
            ``"all"``; data without unseen classes have no ``"unseen"``.
        baselines: What the mean description reaches on the same rows.
        class_names: The names of all classes.
        attribute_names: The names of the attributes.
        class_attributes: The class table, with shape :math:`(c, a)`.
        seen: Which classes are seen, with shape :math:`(c,)`.
        count_correlation: Of the mean error of a seen class and its number of training rows; NaN
            where it is not defined, as all are equal.
        curve: Seen over unseen accuracy for every penalty; ``None`` without unseen classes.
        bare: The accuracies without a penalty.
        stored: The accuracies with the penalty that is stored in the model.
        weights: The weights of the loss, for a model that was trained with ReMSE.
    """

    method: str
    data: str
    prediction: str
    groups: dict[str, Imbalance]
    baselines: dict[str, Baseline]
    class_names: tuple[str, ...]
    attribute_names: tuple[str, ...]
    class_attributes: NDArray[np.float32]
    seen: NDArray[np.bool_]
    count_correlation: float
    curve: SeenUnseenCurve | None
    bare: GZSLResult
    stored: GZSLResult
    weights: LossWeights | None = None

    @property
    def whole(self) -> Imbalance:
        """The imbalance on all test rows."""
        return self.groups["all"]


def inspect_imbalance(
    model: ZeroShotClassifier,
    data: ZeroShotData,
    attribute_names: Sequence[str] | None = None,
    error: Error = "mse",
    random_state: int = 0,
) -> ImbalanceReport:
    """Measures how unequally the attribute errors of a model fall, on the test rows of a data set.

    A method that predicts attributes says them itself; those of any other are read out of its
    scores (``AttributeReadout``). What is found here has seen the test rows: choose nothing by it.

    Arguments:
        model: The fitted model.
        data: The data that it was trained on.
        attribute_names: The names of the attributes; by default those of the columns, where the
            data or the model know them from a table, and else their numbers, from 0.
        error: ``"mse"``, ``"rmse"`` or ``"mae"``, of predictions and descriptions of length 1.
        random_state: The seed of the read-out.

    Raises:
        ValueError: If the model saw other classes than ``data`` calls seen, names do not fit, there
            is one attribute alone, or there are fewer than four seen classes for a read-out.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> from unseen.methods.eszsl import ESZSL
        >>> data = simulate_toy()
        >>> train = data.subset("train")
        >>> model = ESZSL().fit(train.features, train.labels, data.class_attributes)
        >>> inspect_imbalance(model, data).groups["unseen"].matrix.shape
        (4, 8)
    """
    names = _names(attribute_names, model, data)
    _check_attributes(data)
    _check_seen(model, data)
    rows = data.test
    table, labels = data.class_attributes, data.labels[rows]
    features = data.rows(rows, data.compact_type)
    own = isinstance(model, PredictsAttributes)
    predictor: Any = model if own else AttributeReadout(model, random_state).fit(data)
    predicted = predictor.predict_attributes(features)
    scores = model.decision_function(features, table)
    penalty = model.seen_penalty_
    penalized = scores if penalty is None else penalty(scores, data.seen)
    chosen = penalized.argmax(axis=1)

    of_seen = data.seen[labels]
    sides = {"seen": of_seen, "unseen": ~of_seen, "all": np.ones_like(of_seen)}
    sides = {name: side for name, side in sides.items() if side.any()}
    groups = {
        name: measure_imbalance(predicted[side], labels[side], chosen[side], table, error)
        for name, side in sides.items()
    }

    return ImbalanceReport(
        method=shown_name(model),
        data=data.source.name,
        prediction=OWN if own else READOUT,
        groups=groups,
        baselines={
            name: _baseline(labels[side], table, data.seen, error) for name, side in sides.items()
        },
        class_names=data.class_names,
        attribute_names=names,
        class_attributes=table,
        seen=data.seen,
        count_correlation=_count_correlation(groups["seen"], data),
        curve=None if of_seen.all() else seen_unseen_curve(scores, labels, data.seen),
        bare=gzsl_result(scores, labels, data.seen),
        stored=gzsl_result(scores, labels, data.seen, penalized, penalty=str(penalty or "none")),
        weights=_weights(model, data),
    )


def _names(
    names: Sequence[str] | None, model: ZeroShotClassifier, data: ZeroShotData
) -> tuple[str, ...]:
    attributes = data.class_attributes.shape[1]
    if names is None:
        known = (source.attribute_names for source in (data.source, model.source_))
        numbers = tuple(f"attribute {number}" for number in range(attributes))
        return next((columns for columns in known if len(columns) == attributes), numbers)
    if len(names) != attributes:
        raise ValueError(
            f"`attribute_names` must have a name for each of {attributes} attributes; "
            f"got {len(names)}."
        )
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ValueError(f"Attribute names must be unique; more than once: {listed(twice)}.")

    return tuple(names)


def _check_attributes(data: ZeroShotData) -> None:
    if data.class_attributes.shape[1] == 1:
        raise ValueError(
            "The imbalance compares attributes, in descriptions of length 1: it needs two at "
            "least, and these data have one."
        )


def _check_seen(model: ZeroShotClassifier, data: ZeroShotData) -> None:
    wrong = np.flatnonzero(model.seen_in(data.class_attributes) != data.seen)
    if len(wrong):
        raise ValueError(
            f"The model and the data do not agree on which classes are seen: {len(wrong)} of "
            f"{len(data.seen)} differ, the first is {data.class_names[wrong[0]]!r}. Inspect the "
            "model on the data, and with the class table, that it was trained on."
        )


def _baseline(
    labels: NDArray[np.int64], table: NDArray, seen: NDArray[np.bool_], error: Error
) -> Baseline:
    mean = unit_rows(table[seen]).mean(axis=0)
    matrix = error_matrix(np.broadcast_to(mean, (len(labels), len(mean))), labels, table, error)

    return Baseline(
        error_spread(matrix).mean,
        label_error_correlation(matrix, table[np.unique(labels)], undefined=np.nan),
    )


def _count_correlation(seen: Imbalance, data: ZeroShotData) -> float:
    counts = np.bincount(data.labels[data.train], minlength=len(data.seen))

    return count_error_correlation(seen.matrix, counts[seen.classes], undefined=np.nan)


def _weights(model: ZeroShotClassifier, data: ZeroShotData) -> LossWeights | None:
    """Returns the weights of the model's loss, if it has any, with its classes in the data."""
    if not isinstance(model, WeightsErrors) or model.network_.remse is None:
        return None
    remse = model.network_.remse
    matrix, known = remse.weights().cpu().numpy(), remse.filled.cpu().numpy()
    matrix[~known] = np.nan

    rows = np.flatnonzero(model.seen_)
    if not np.array_equal(data.class_attributes, model.class_attributes_):  # moved, or fewer
        rows = _places(model.class_attributes_[rows], data)

    return LossWeights(
        classes=rows[rows >= 0],
        matrix=matrix[rows >= 0],
        history=tuple(model.weight_history_),
        mean_normalized=model.mean_normalize,
    )


def _places(described: NDArray[np.float32], data: ZeroShotData) -> NDArray[np.int64]:
    """Returns the row of each description (k, a) among the seen classes of data, or -1.

    Equal descriptions take the rows that have them in turn.
    """
    rows = np.flatnonzero(data.seen)
    places: dict[bytes, deque[int]] = {}
    for row, key in zip(rows.tolist(), row_keys(data.class_attributes[rows]), strict=True):
        places.setdefault(key, deque()).append(row)
    left = (places.get(key) for key in row_keys(described))

    return np.array([rows.popleft() if rows else -1 for rows in left], dtype=np.int64)
