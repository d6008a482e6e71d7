r"""Accuracies of generalized zero-shot learning, and the area under the seen-unseen curve.

References:
    Zero-Shot Learning: A Comprehensive Evaluation of the Good, the Bad and the Ugly
    (Xian et al., 2018)
    https://arxiv.org/abs/1707.00600

    An Empirical Study and Analysis of Generalized Zero-Shot Learning (Chao et al., 2016)
    https://arxiv.org/abs/1605.04253
"""

__all__ = [
    "MEASURES",
    "GZSLResult",
    "Kind",
    "SeenUnseenCurve",
    "Weighting",
    "class_accuracies",
    "gzsl_result",
    "harmonic_mean",
    "most_often_taken_for",
    "seen_unseen_curve",
]

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from unseen.data.arguments import check_choice
from unseen.data.wording import describe

Weighting = Literal["class", "sample"]
Kind = Literal["offset", "factor"]

MEASURES = ("zsl_accuracy", "unseen_accuracy", "seen_accuracy", "harmonic_mean", "ausuc")


@dataclass(frozen=True)
class GZSLResult:
    """What a zero-shot classifier achieves: fractions in [0, 1], NaN where nothing was measured.

    Arguments:
        zsl_accuracy: T1: unseen classes, predicted among the unseen ones.
        unseen_accuracy: U: unseen classes, predicted among all.
        seen_accuracy: S: seen classes, predicted among all.
        harmonic_mean: H of S and U.
        ausuc: The area under the seen-unseen curve; no penalty changes it.
        class_accuracies: The accuracy of each class, predicted among all, by row of the class
            table; NaN for a class without test examples.
        taken_for: The wrong class that is most often predicted for each class, by row of the
            class table; -1 where none is.
        taken_share: The share of the examples of each class for which it is.
        penalty: What was taken from the scores of seen classes, in words.
        selection: How penalty and epoch were chosen.
    """

    zsl_accuracy: float
    unseen_accuracy: float
    seen_accuracy: float
    harmonic_mean: float
    ausuc: float
    class_accuracies: NDArray[np.float64] = field(repr=False, compare=False)
    taken_for: NDArray[np.int64] = field(repr=False, compare=False)
    taken_share: NDArray[np.float64] = field(repr=False, compare=False)
    penalty: str = "none"
    selection: str = "none"

    def __str__(self) -> str:
        """Returns the measures in percent, on one line."""
        measures = {
            "T1": self.zsl_accuracy,
            "U": self.unseen_accuracy,
            "S": self.seen_accuracy,
            "H": self.harmonic_mean,
            "AUSUC": self.ausuc,
        }
        numbers = "  ".join(f"{name} {100 * value:.1f}" for name, value in measures.items())

        return f"{numbers}  (percent; seen penalty {self.penalty})"


@dataclass(frozen=True)
class SeenUnseenCurve:
    r"""Seen and unseen accuracy for every penalty, as steps.

    Arguments:
        thresholds: The penalties at which an example turns from seen to unseen, descending, with
            shape :math:`(m,)`.
        seen_accuracy: S on each side of the thresholds, ascending, with shape :math:`(m + 1,)`:
            entry 0 is for penalties above all thresholds.
        unseen_accuracy: U likewise, descending.
    """

    thresholds: NDArray[np.float64]
    seen_accuracy: NDArray[np.float64]
    unseen_accuracy: NDArray[np.float64]

    @property
    def area(self) -> float:
        """The area under seen accuracy as a function of unseen accuracy (AUSUC)."""
        return float(np.trapezoid(self.seen_accuracy[::-1], self.unseen_accuracy[::-1]))

    @property
    def harmonic_means(self) -> NDArray[np.float64]:
        """H on each side of the thresholds, with shape :math:`(m + 1,)`."""
        return harmonic_mean(self.seen_accuracy, self.unseen_accuracy)

    def at(self, penalties: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
        """Returns S and U for some penalties, each with the shape of ``penalties``."""
        steps = np.searchsorted(-self.thresholds, -penalties, side="left")

        return self.seen_accuracy[steps], self.unseen_accuracy[steps]


def harmonic_mean(seen_accuracy: NDArray | float, unseen_accuracy: NDArray | float) -> NDArray:
    r"""Returns :math:`H = 2 S U / (S + U)`, 0 where both are 0, NaN where one is NaN.

    Arguments:
        seen_accuracy: :math:`S`, 0 or more, in any unit, of any shape.
        unseen_accuracy: :math:`U`, in the same unit and shape.

    Returns:
        :math:`H`, in the same unit and shape.

    Example:
        >>> print(f"{harmonic_mean(44.7, 41.6):.2f}")
        43.09
    """
    total = np.add(seen_accuracy, unseen_accuracy)
    product = 2 * np.multiply(seen_accuracy, unseen_accuracy)

    return np.divide(product, total, out=np.zeros_like(total, dtype=float), where=total != 0)


def class_accuracies(
    labels: NDArray[np.int64], predictions: NDArray[np.int64], classes: int
) -> NDArray[np.float64]:
    """Returns the share of each class's examples that are predicted right.

    Arguments:
        labels: The true classes, with shape :math:`(n,)`.
        predictions: The predicted classes, with shape :math:`(n,)`.
        classes: The number :math:`c` of classes.

    Returns:
        The accuracies, with shape :math:`(c,)`; NaN for a class without examples.

    Example:
        >>> class_accuracies(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
        array([0.5, 1. ])
    """
    count = np.bincount(labels, minlength=classes)
    right = np.bincount(labels[labels == predictions], minlength=classes)

    return np.divide(right, count, out=np.full(classes, np.nan), where=count > 0)


def most_often_taken_for(
    labels: NDArray[np.int64], predictions: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns the wrong class that is predicted most often for the examples of each class.

    Arguments:
        labels: The true classes, with shape :math:`(n,)`.
        predictions: The predicted classes, with shape :math:`(n,)`.
        classes: The number :math:`c` of classes.

    Returns:
        The wrong classes, with shape :math:`(c,)`, the first among equals, -1 where there is none;
        and the share of the class's examples for which they are predicted, with shape
        :math:`(c,)`, NaN for a class without examples.

    Example:
        >>> most_often_taken_for(np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1]), 2)
        (array([ 1, -1]), array([0.66666667, 0.        ]))
    """
    count = np.bincount(labels, minlength=classes)
    confused, times = np.unique(
        np.stack([labels, predictions])[:, labels != predictions], axis=1, return_counts=True
    )  # (2, p) pairs, sorted, and (p,)

    most = np.zeros(classes, dtype=np.int64)
    np.maximum.at(most, confused[0], times)
    first = np.flatnonzero(times == most[confused[0]])[::-1]  # among equals the first comes last
    taken_for = np.full(classes, -1)
    taken_for[confused[0, first]] = confused[1, first]

    return taken_for, np.divide(most, count, out=np.full(classes, np.nan), where=count > 0)


def seen_unseen_curve(
    scores: NDArray,
    labels: NDArray[np.int64],
    seen: NDArray[np.bool_],
    weighting: Weighting = "class",
    kind: Kind = "offset",
) -> SeenUnseenCurve:
    r"""Returns seen and unseen accuracy for every penalty on seen classes.

    Example :math:`i` is predicted as a seen class where the penalty is below its threshold
    :math:`t_i = \max_{c \in S} y_{ic} - \max_{c \in U} y_{ic}`, or, for the kind ``"factor"``,
    where one minus the factor is below :math:`1 - \max_{c \in U} y_{ic} / \max_{c \in S} y_{ic}`.
    Examples of equal threshold move together, so that the order of rows carries no meaning.

    Arguments:
        scores: The scores, with shape :math:`(n, c)`.
        labels: The true classes, with shape :math:`(n,)`.
        seen: Which classes are seen, with shape :math:`(c,)`.
        weighting: Whether each class counts the same, or each sample.
        kind: Whether the penalty is subtracted or a factor; thresholds of the kind ``"factor"``
            are one minus the factor.

    Raises:
        ValueError: If shapes do not fit, a label has no column, a score is NaN, an argument is not
            one of its choices, or the kind is ``"factor"`` and a seen class has a score of 0 or
            less.

    Example:
        >>> scores = np.array([[3.0, 1.0, 2.0], [0.2, 0.1, 0.9]])
        >>> seen_unseen_curve(scores, np.array([0, 2]), np.array([True, True, False])).area
        1.0
    """
    labels = np.asarray(labels)
    _check_scores("scores", scores, labels, seen)
    check_choice("weighting", weighting, get_args(Weighting))
    check_choice("kind", kind, get_args(Kind))

    of_seen = seen[labels]
    if seen.all() or not seen.any():  # one side is empty: the area is plain accuracy
        accuracy = _accuracy(labels, scores.argmax(axis=1), weighting)
        sides = ([accuracy, accuracy], [1.0, 0.0]) if seen.all() else ([1.0, 1.0], [accuracy, 0.0])
        return SeenUnseenCurve(np.zeros(1), *map(np.array, sides))

    best_seen, seen_score = _best(scores, seen)
    best_unseen, unseen_score = _best(scores, ~seen)
    thresholds = _thresholds(seen_score, unseen_score, kind)

    weights = np.zeros(len(labels))
    for side in (of_seen, ~of_seen):
        if side.any():
            weights[side] = _weights(labels[side], weighting)
            weights[side] /= weights[side].sum()

    order = np.argsort(-thresholds, kind="stable")
    gain = (weights * (of_seen & (best_seen == labels)))[order]
    loss = (weights * (~of_seen & (best_unseen == labels)))[order]
    ends = np.flatnonzero(np.append(np.diff(thresholds[order]) != 0, True))

    seen_accuracy = np.concatenate([[0.0], gain.cumsum()[ends]])
    unseen_accuracy = loss.sum() - np.concatenate([[0.0], loss.cumsum()[ends]])

    return SeenUnseenCurve(thresholds[order][ends], seen_accuracy, np.maximum(unseen_accuracy, 0.0))


def gzsl_result(
    scores: NDArray,
    labels: NDArray[np.int64],
    seen: NDArray[np.bool_],
    penalized: NDArray | None = None,
    weighting: Weighting = "class",
    penalty: str = "none",
    selection: str = "none",
) -> GZSLResult:
    """Judges the scores of test examples of seen and unseen classes.

    Arguments:
        scores: The scores without penalty, with shape :math:`(n, c)`.
        labels: The true classes, with shape :math:`(n,)`.
        seen: Which classes are seen, with shape :math:`(c,)`.
        penalized: The scores after the seen penalty, with shape :math:`(n, c)`; by default
            ``scores``.
        weighting: Whether each class counts the same, or each sample.
        penalty: The penalty, in words.
        selection: How it was chosen, in words.

    Returns:
        The result: fractions, NaN where there is no row of seen, or of unseen, classes.

    Raises:
        ValueError: If shapes do not fit, a label has no column, a score is NaN, or there is no such
            weighting.

    Example:
        >>> scores = np.array([[3.0, 1.0, 2.0], [0.2, 1.1, 0.9]])
        >>> result = gzsl_result(scores, np.array([0, 2]), np.array([True, True, False]))
        >>> result.seen_accuracy, result.unseen_accuracy, result.zsl_accuracy
        (1.0, 0.0, 1.0)
    """
    labels = np.asarray(labels)
    _check_scores("scores", scores, labels, seen)
    check_choice("weighting", weighting, get_args(Weighting))
    if penalized is not None:
        _check_scores("penalized", penalized, labels, seen)

    of_seen = seen[labels]
    predictions = (scores if penalized is None else penalized).argmax(axis=1)

    unseen_accuracy = _accuracy(labels[~of_seen], predictions[~of_seen], weighting)
    seen_accuracy = _accuracy(labels[of_seen], predictions[of_seen], weighting)
    zsl_accuracy = np.nan
    if not of_seen.all():
        among_unseen, _ = _best(scores[~of_seen], ~seen)
        zsl_accuracy = _accuracy(labels[~of_seen], among_unseen, weighting)
    both = of_seen.any() and not of_seen.all()
    taken_for, taken_share = most_often_taken_for(labels, predictions, len(seen))

    return GZSLResult(
        zsl_accuracy=zsl_accuracy,
        unseen_accuracy=unseen_accuracy,
        seen_accuracy=seen_accuracy,
        harmonic_mean=float(harmonic_mean(seen_accuracy, unseen_accuracy)),
        ausuc=seen_unseen_curve(scores, labels, seen, weighting).area if both else np.nan,
        class_accuracies=class_accuracies(labels, predictions, len(seen)),
        taken_for=taken_for,
        taken_share=taken_share,
        penalty=penalty,
        selection=selection,
    )


def _check_scores(name: str, scores: NDArray, labels: NDArray, seen: NDArray) -> None:
    """Raises a ``ValueError`` unless these are scores (n, c) of labels (n,) and a mask (c,)."""
    for argument, array in ((name, scores), ("labels", labels), ("seen", seen)):
        if not isinstance(array, np.ndarray):
            raise ValueError(f"`{argument}` must be a NumPy array; got a {type(array).__name__}.")
    if not len(labels) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"`labels` must be whole numbers, one or more; got {describe(labels)}.")
    if scores.ndim != 2 or labels.shape != (len(scores),):
        raise ValueError(
            f"`{name}` must have a row for each of {len(labels)} labels and a column per class; "
            f"got {describe(scores)}."
        )
    classes = scores.shape[1]
    if seen.dtype != bool or seen.shape != (classes,):
        raise ValueError(
            f"`seen` must be bool of shape ({classes},), true for the classes trained on; "
            f"got {describe(seen)}."
        )
    if (labels < 0).any() or (labels >= classes).any():
        raise ValueError(
            f"`labels` must be whole numbers from 0 to {classes - 1}, the column of each row's "
            f"class; got {describe(labels)} with values from {labels.min()} to {labels.max()}."
        )
    broken = np.flatnonzero(np.isnan(scores).any(axis=1))
    if len(broken):
        raise ValueError(
            f"`{name}` has NaN in {len(broken)} of {len(scores)} rows, the first is row "
            f"{broken[0]}: look whether the training diverged."
        )


def _accuracy(labels: NDArray, predictions: NDArray, weighting: Weighting) -> float:
    if not len(labels):
        return np.nan

    return float(np.average(labels == predictions, weights=_weights(labels, weighting)))


def _weights(labels: NDArray, weighting: Weighting) -> NDArray[np.float64]:
    """Returns one weight per example: 1, or one over the size of its class."""
    if weighting == "sample":
        return np.ones(len(labels))

    return 1.0 / np.bincount(labels)[labels]


def _best(scores: NDArray, among: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray]:
    """Returns the best class among some, and its score, each with shape (n,)."""
    columns = np.flatnonzero(among)
    part = scores[:, columns]  # (n, m)
    best = part.argmax(axis=1)

    return columns[best], part[np.arange(len(part)), best].astype(np.float64)


def _thresholds(seen_score: NDArray, unseen_score: NDArray, kind: str) -> NDArray[np.float64]:
    if kind == "offset":
        return seen_score - unseen_score
    if (seen_score <= 0).any():
        raise ValueError(
            "A factor on seen scores lowers them only where they are positive; "
            'use SeenPenalty("offset", ...) for scores that can be 0 or less.'
        )

    return 1.0 - unseen_score / seen_score
