"""From scores to labels: the penalty on seen classes, and how it is chosen."""

__all__ = [
    "SeenPenalty",
    "check_penalty",
    "choose_epochs",
    "choose_seen_penalty",
    "oracle_epochs",
    "oracle_seen_penalty",
    "penalty_from_rehearsals",
]

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from unseen.data.arguments import check_choice
from unseen.data.dataset import ZeroShotData
from unseen.metrics.gzsl import (
    Kind,
    SeenUnseenCurve,
    Weighting,
    harmonic_mean,
    seen_unseen_curve,
)
from unseen.rehearsal import Folds, final_test, rehearsals

Progress = Callable[[int, int], None]

CANDIDATES = 500
HIDDEN, ORACLE = "chosen on hidden seen classes", "oracle: chosen on test classes"


@dataclass(frozen=True)
class SeenPenalty:
    r"""Lowers the scores of seen classes, which training favours.

    References:
        An Empirical Study and Analysis of Generalized Zero-Shot Learning (Chao et al., 2016)
        https://arxiv.org/abs/1605.04253

    Arguments:
        kind: ``"offset"`` subtracts the value (calibrated stacking); ``"factor"`` multiplies by
            it (the class-norm paper's 0.95), which lowers positive scores only.
        value: The offset, in units of the scores, or the factor.
        selection: How the value was chosen.

    Raises:
        ValueError: If there is no such kind, or the value is not finite.

    Example:
        >>> penalize = SeenPenalty("offset", 0.2)
        >>> penalize(np.array([[0.9, 0.8]]), np.array([True, False]))
        array([[0.7, 0.8]])
    """

    kind: Kind
    value: float
    selection: str = "set by hand"

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, get_args(Kind))
        if not isinstance(self.value, Real) or not np.isfinite(self.value):
            raise ValueError(f"The value of a seen penalty must be finite; got {self.value!r}.")

    def __str__(self) -> str:
        if self.kind == "factor":
            value = f"x{self.value:.4g}"
        else:  # what is added to scores: a negative offset favours seen classes
            value = f"{-self.value:+.4g}" if self.value else "0"

        return f"{value} ({self.selection})"

    def __call__(self, scores: NDArray, seen: NDArray[np.bool_]) -> NDArray:
        """Penalizes scores.

        Arguments:
            scores: The scores, with shape :math:`(n, c)`; they stay as they are.
            seen: Which classes are seen, with shape :math:`(c,)`.

        Returns:
            The penalized scores, with shape :math:`(n, c)`.

        Raises:
            ValueError: If ``seen`` has not one entry per column.
        """
        if len(seen) != scores.shape[1]:
            raise ValueError(
                f"`seen` must have one entry per column of `scores`: expected {scores.shape[1]}, "
                f"got {len(seen)}."
            )
        if self.kind == "offset":
            return np.where(seen, scores - float(self.value), scores)

        if self.value < 1 and (scores[:, seen] < 0).any():
            warnings.warn(
                "A factor below 1 raises negative scores of seen classes instead of lowering "
                'them; use SeenPenalty("offset", ...) for signed scores.',
                stacklevel=2,
            )
        return np.where(seen, scores * float(self.value), scores)


def check_penalty(penalty: object) -> SeenPenalty | None:
    """Returns what stands in ``seen_penalty_``, where anybody may put something else.

    Raises:
        TypeError: If it is neither a ``SeenPenalty`` nor ``None``.

    Example:
        >>> check_penalty(0.3)
        Traceback (most recent call last):
            ...
        TypeError: `seen_penalty_` must be None or as SeenPenalty("offset", 0.3); got 0.3.
    """
    if penalty is not None and not isinstance(penalty, SeenPenalty):
        raise TypeError(
            f'`seen_penalty_` must be None or as SeenPenalty("offset", 0.3); got {penalty!r}.'
        )

    return penalty


def choose_seen_penalty(
    method: Any,
    data: ZeroShotData,
    folds: Folds = None,
    kind: Kind = "offset",
    progress: Progress | None = None,
) -> SeenPenalty:
    r"""Chooses the penalty on seen classes without a look at a test row or an unseen class.

    The method is trained anew in each fold, where some seen classes play the unseen ones;
    ``penalty_from_rehearsals`` says how their curves decide.

    Arguments:
        method: An estimator, fitted or not; it is cloned and stays as it is.
        data: The data; only its training rows and the descriptions of their classes are used.
        folds: How to hide classes; by default a fifth of the seen ones in each of five folds.
            ``"own"`` takes the data set's own split, ``data.validation``.
        kind: ``"offset"`` or ``"factor"``.
        progress: Called after each fold with the number of folds done and of all.

    Returns:
        The penalty.

    Raises:
        TypeError: If the data are no ``ZeroShotData``, or ``folds`` no way to hide classes.
        ValueError: If there are fewer than four seen classes, no split of the data set's own, or a
            fold without rows of seen classes to judge, as where each class has one training row.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> from unseen.methods.class_norm import ClassNorm
        >>> penalty = choose_seen_penalty(ClassNorm(hidden=32, random_state=0), simulate_toy())
        >>> penalty.selection
        'chosen on hidden seen classes'
    """
    tasks = rehearsals(data, folds)
    curves, bare = [], []
    for task in tasks:
        scores = task.scores(task.fit(clone(method)))
        curves.append(task.curve(scores, kind))
        bare.append(task.bare_harmonic_mean(scores))
        if progress is not None:
            progress(len(curves), len(tasks))

    return penalty_from_rehearsals(curves, bare, kind)


def penalty_from_rehearsals(
    curves: Sequence[SeenUnseenCurve], bare: Sequence[float], kind: Kind = "offset"
) -> SeenPenalty:
    """Chooses the penalty from what the folds show, and none where they do not show a gain.

    A penalty is taken only if the best one, in mean H, gains in every fold (a sign test: five
    folds of noise agree on a gain once in 32 times). Of all penalties whose mean H is then within
    one standard error (of the paired differences) of the best, the one nearest to none is taken.
    Without these rules the penalty overshoots where folds differ much.

    Arguments:
        curves: The seen-unseen curve of each fold.
        bare: H without penalty in each fold. It is not read off the curve: where a seen and an
            unseen class tie exactly, the curve at zero counts the tie for the unseen one.
        kind: ``"offset"`` or ``"factor"``; the curves are of this kind.

    Example:
        >>> scores, seen = np.array([[3.0, 1.0], [0.9, 0.8]]), np.array([True, False])
        >>> curve = seen_unseen_curve(scores, np.array([0, 1]), seen)
        >>> penalty_from_rehearsals([curve], bare=[0.0]).value > 0.1
        True
    """
    value = _nearest_to_none(curves, bare)

    return SeenPenalty(kind, value if kind == "offset" else 1 - value, HIDDEN)


def oracle_seen_penalty(
    scores: NDArray,
    labels: NDArray[np.int64],
    seen: NDArray[np.bool_],
    kind: Kind = "offset",
    weighting: Weighting = "class",
) -> SeenPenalty:
    """Returns the penalty of the best H on test rows: a bound, not a result.

    Arguments:
        scores: The scores of test rows, with shape :math:`(n, c)`.
        labels: Their true classes, with shape :math:`(n,)`.
        seen: Which classes are seen, with shape :math:`(c,)`.
        kind: ``"offset"`` or ``"factor"``.
        weighting: Whether each class counts the same in H, or each sample.

    Example:
        >>> scores = np.array([[3.0, 1.0, 2.0], [0.2, 1.1, 0.9]])
        >>> oracle_seen_penalty(scores, np.array([0, 2]), np.array([True, True, False])).selection
        'oracle: chosen on test classes'
    """
    curve = seen_unseen_curve(scores, labels, seen, weighting, kind)
    best = int(curve.harmonic_means.argmax())
    value = float(_between(curve.thresholds)[best])

    return SeenPenalty(kind, value if kind == "offset" else 1 - value, ORACLE)


def choose_epochs(method: Any, data: ZeroShotData, folds: Folds = None) -> int:
    """Chooses when to stop: the best mean AUSUC over hidden seen classes, of all epochs.

    Arguments:
        method: An estimator with ``epochs`` and a ``schedule`` that does not depend on them.
        data: The data; only its training rows and the descriptions of their classes are used.
        folds: How to hide classes; by default a fifth of the seen ones in each of five folds.
            ``"own"`` takes the data set's own split, ``data.validation``.

    Returns:
        The number of epochs.

    Raises:
        TypeError: If the data are no ``ZeroShotData``, or ``folds`` no way to hide classes.
        ValueError: If the method does not learn in epochs, the schedule is ``"linear"`` (fewer
            epochs would then be another training), or the data are such that
            ``choose_seen_penalty`` refuses them.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> from unseen.methods.class_norm import ClassNorm
        >>> method = ClassNorm(hidden=16, epochs=3, schedule="constant", random_state=0)
        >>> choose_epochs(method, simulate_toy()) in (1, 2, 3)
        True
    """
    areas = [task.areas_by_epoch(method) for task in rehearsals(data, folds)]

    return int(np.mean(areas, axis=0).argmax()) + 1


def oracle_epochs(method: Any, data: ZeroShotData) -> int:
    """Returns the epoch of the best AUSUC on the test rows: a bound, not a result.

    Arguments:
        method: An estimator with ``epochs`` and a ``schedule`` that does not depend on them.
        data: The data, whose test rows and labels are used.

    Raises:
        TypeError: If the data are no ``ZeroShotData``.
        ValueError: If the method does not learn in epochs, or the schedule is ``"linear"``: fewer
            epochs would then be another training.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> from unseen.methods.class_norm import ClassNorm
        >>> method = ClassNorm(hidden=16, epochs=3, schedule="constant", random_state=0)
        >>> oracle_epochs(method, simulate_toy()) in (1, 2, 3)
        True
    """
    return int(np.argmax(final_test(data).areas_by_epoch(method))) + 1


def _between(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns a penalty inside each step of a curve, with shape (m + 1,), descending."""
    edges = np.concatenate([[thresholds[0] + 1.0], thresholds, [thresholds[-1] - 1.0]])

    return (edges[:-1] + edges[1:]) / 2


def _nearest_to_none(curves: Sequence[SeenUnseenCurve], bare: Sequence[float]) -> float:
    """Returns the smallest penalty within one standard error of the best mean H, or 0."""
    thresholds = np.concatenate([curve.thresholds for curve in curves])
    steps = _between(np.unique(np.quantile(thresholds, np.linspace(0, 1, CANDIDATES)))[::-1])
    candidates = np.append(steps[steps != 0], 0.0)
    means = np.array([harmonic_mean(*curve.at(candidates)) for curve in curves])  # (folds, m)
    means[:, -1] = bare

    best = means.mean(axis=0).argmax()
    behind = means[:, [best]] - means
    if (behind[:, -1] <= 0).any():
        return 0.0
    error = behind.std(axis=0, ddof=1) / np.sqrt(len(curves)) if len(curves) > 1 else 0.0
    good = np.flatnonzero(behind.mean(axis=0) <= error)

    return float(candidates[good[np.abs(candidates[good]).argmin()]])
