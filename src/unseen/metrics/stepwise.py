r"""Accuracies at every step of a stream of tasks: seen, unseen, their harmonic mean, all, by task.

A curve has one entry for each step, with shape :math:`(T + 1,)`: entry 0 is the model before
training. All are fractions in [0, 1], and NaN where nothing is to be measured: no class is seen
before task 1, and where all are seen none is unseen.

References:
    Class Normalization for (Continual)? Generalized Zero-Shot Learning
    (Skorokhodov & Elhoseiny, 2021)
    https://arxiv.org/abs/2006.11328

    Unseen Classes at a Later Time? No Problem (Kuchibhotla et al., 2022)
    https://arxiv.org/abs/2203.16517
"""

__all__ = [
    "MeanOver",
    "accuracy_matrix",
    "area_between",
    "ausucs",
    "harmonic_means",
    "joint_accuracies",
    "seen_accuracies",
    "step_mean",
    "task_guessing",
    "unseen_accuracies",
]

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from unseen.data.arguments import check_choice
from unseen.metrics.gzsl import Weighting, harmonic_mean, seen_unseen_curve
from unseen.metrics.history import History

MeanOver = Literal["trajectory", "final"]
Curve = NDArray[np.float64]


def seen_accuracies(
    history: History, weighting: Weighting = "sample", mean_over: MeanOver = "trajectory"
) -> Curve:
    r"""Returns :math:`S_t`: the accuracy on rows of seen classes, among all candidates.

    Arguments:
        history: The scores along the stream.
        weighting: Whether each class counts the same, or each sample.
        mean_over: Which model is scored at step :math:`t`: ``"trajectory"`` the one after task
            :math:`t`, ``"final"`` the last, with the class sets of step :math:`t`, as the release
            of Kuchibhotla et al. does. ``"final"`` has no step 0.

    Returns:
        The accuracies, with shape :math:`(T + 1,)`.

    Raises:
        ValueError: If ``weighting`` or ``mean_over`` is not one of its choices, here and below.
    """
    return _curve(history, history.seen, weighting, mean_over)


def unseen_accuracies(
    history: History, weighting: Weighting = "sample", mean_over: MeanOver = "trajectory"
) -> Curve:
    r"""Returns :math:`U_t`: the accuracy on rows of unseen classes, among all candidates.

    The arguments and the shape are those of :func:`seen_accuracies`.
    """
    return _curve(history, history.unseen, weighting, mean_over)


def joint_accuracies(
    history: History, weighting: Weighting = "sample", mean_over: MeanOver = "trajectory"
) -> Curve:
    r"""Returns :math:`JA_t`: the accuracy on rows of all candidate classes.

    Where all classes are candidates from the start, that is the whole test set. The arguments and
    the shape are those of :func:`seen_accuracies`.
    """
    return _curve(history, history.candidates, weighting, mean_over)


def harmonic_means(
    history: History, weighting: Weighting = "sample", mean_over: MeanOver = "trajectory"
) -> Curve:
    r"""Returns :math:`H_t = 2 S_t U_t / (S_t + U_t)`, and 0 where both are 0.

    The arguments and the shape are those of :func:`seen_accuracies`. The code of Skorokhodov &
    Elhoseiny adds :math:`10^{-8}` to the denominator instead.
    """
    seen = seen_accuracies(history, weighting, mean_over)
    unseen = unseen_accuracies(history, weighting, mean_over)

    return harmonic_mean(seen, unseen)


def ausucs(
    history: History, weighting: Weighting = "sample", mean_over: MeanOver = "trajectory"
) -> Curve:
    r"""Returns :math:`AUC_t`: the area under the seen-unseen curve among all candidates.

    The arguments and the shape are those of :func:`seen_accuracies`.
    """
    check_choice("mean_over", mean_over, get_args(MeanOver))
    areas = np.full(history.tasks + 1, np.nan)
    for step in range(1, history.tasks + 1):
        model = step if mean_over == "trajectory" else history.tasks
        sides = history.seen[step], history.unseen[step]
        areas[step] = area_between(history.logits[model], history.labels, *sides, weighting)

    return areas


def accuracy_matrix(
    history: History, weighting: Weighting = "sample", restrict: bool = False
) -> NDArray[np.float64]:
    r"""Returns :math:`A_t(k)`: the accuracy on test rows of task :math:`k` after task :math:`t`.

    Arguments:
        history: The scores along the stream.
        weighting: Whether each class of a task counts the same, or each sample.
        restrict: Whether only the classes of the task may be predicted (task-aware accuracy);
            by default all candidates of the step.

    Returns:
        The accuracies, with shape :math:`(T + 1, T)`; NaN where a class of the task is not yet a
        candidate, or the task has no test row.
    """
    predictions = _restricted(history) if restrict else history.predictions
    right, size = _right_by_class(history, predictions == history.labels, weighting)
    members = history.members.astype(float).T  # (K, T)
    missing = ~history.candidates @ history.members.T  # (T + 1, T)

    return _divide(right @ members, np.where(missing, 0.0, size @ members))


def task_guessing(history: History, weighting: Weighting = "sample") -> Curve:
    """Returns the share of rows whose predicted class is of the right task.

    Measured on rows of classes that belong to a task and are candidates.

    Arguments:
        history: The scores along the stream.
        weighting: Whether each class counts the same, or each sample.

    Returns:
        The shares, with shape (T + 1,).
    """
    of_task = history.members.any(axis=0)
    task = np.where(of_task, history.members.argmax(axis=0), -1)  # (K,)
    right, size = _right_by_class(
        history, task[history.predictions] == task[history.labels], weighting
    )
    scored = history.candidates & of_task

    return _divide((right * scored).sum(axis=1), scored @ size)


def step_mean(curve: Curve, first: int = 1, last: int | None = None) -> float:
    """Returns the mean of a curve over some steps, of those where it is defined.

    Arguments:
        curve: The curve, with an entry for each step from 0.
        first: The first step; 0 counts the model before training too.
        last: The last step, by default that of the curve.

    Returns:
        The mean; NaN if it is defined at none of them.

    Example:
        >>> step_mean(np.array([0.9, 0.5, 0.3, np.nan]))
        0.4
    """
    part = curve[first : None if last is None else last + 1]
    defined = part[~np.isnan(part)]

    return float(defined.mean()) if len(defined) else np.nan


def area_between(
    scores: NDArray,
    labels: NDArray[np.int64],
    seen: NDArray[np.bool_],
    unseen: NDArray[np.bool_],
    weighting: Weighting = "sample",
) -> float:
    """Returns the area under the seen-unseen curve of some classes among themselves.

    Arguments:
        scores: The scores, with shape (n, K).
        labels: The true classes, with shape (n,); rows of classes of neither side are left out.
        seen: The classes that take the penalty, with shape (K,).
        unseen: The classes on the other side, with shape (K,).
        weighting: Whether each class counts the same, or each sample.

    Returns:
        The area; NaN if a side has no row.

    Example:
        >>> scores = np.array([[3.0, 1.0, 9.0], [0.2, 0.9, 9.0]])
        >>> sides = np.array([True, False, False]), np.array([False, True, False])
        >>> area_between(scores, np.array([0, 1]), *sides)
        1.0
    """
    check_choice("weighting", weighting, get_args(Weighting))
    if not seen[labels].any() or not unseen[labels].any():
        return np.nan

    columns = np.flatnonzero(seen | unseen)
    rows = np.flatnonzero((seen | unseen)[labels])
    renumbered = np.searchsorted(columns, labels[rows])
    part = scores[np.ix_(rows, columns)]

    return seen_unseen_curve(part, renumbered, seen[columns], weighting).area


def _curve(
    history: History, scored: NDArray[np.bool_], weighting: Weighting, mean_over: MeanOver
) -> Curve:
    """Returns the accuracy on rows of the scored classes (T + 1, K) at each step."""
    check_choice("mean_over", mean_over, get_args(MeanOver))
    final = mean_over == "final"
    predictions = history.final_predictions if final else history.predictions
    right, size = _right_by_class(history, predictions == history.labels, weighting)

    curve = _divide((right * scored).sum(axis=1), scored @ size)
    if final:
        curve[0] = np.nan

    return curve


def _right_by_class(
    history: History, right: NDArray[np.bool_], weighting: Weighting
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns how much of each class is right (T + 1, K), and what would be all of it (K,).

    Counts of rows if each sample counts the same, shares if each class does.
    """
    check_choice("weighting", weighting, get_args(Weighting))
    labels, classes = history.labels, history.classes
    size = np.bincount(labels, minlength=classes).astype(float)
    counts = np.stack([np.bincount(labels, of_step, classes) for of_step in right]).astype(float)
    if weighting == "sample":
        return counts, size

    return counts / np.maximum(size, 1), (size > 0).astype(float)


def _restricted(history: History) -> NDArray[np.int64]:
    """Returns the best class of the task of each row, with shape (T + 1, n); -1 without a task."""
    best = np.full(history.logits.shape[:2], -1)
    for members in history.members:
        columns, rows = np.flatnonzero(members), np.flatnonzero(members[history.labels])
        for of_step, scores in zip(best, history.logits, strict=True):
            of_step[rows] = columns[scores[np.ix_(rows, columns)].argmax(axis=1)]

    return best


def _divide(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
