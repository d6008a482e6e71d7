r"""What training on one task does to the others: forgetting, transfer, speed of learning.

All but :func:`pairwise_ausuc` and :func:`learning_curve_area` read one matrix, with shape
:math:`(T + 1, T)`: :math:`A_t(k)` is the accuracy on task :math:`k` after task :math:`t`, and row 0
the model before training (:func:`~unseen.metrics.stepwise.accuracy_matrix`). NaN entries, of tasks
without test rows or not yet described, are left out of means.

References:
    Riemannian Walk for Incremental Learning: Understanding Forgetting and Intransigence
    (Chaudhry et al., 2018)
    https://arxiv.org/abs/1801.10112

    Gradient Episodic Memory for Continual Learning (Lopez-Paz & Ranzato, 2017)
    https://arxiv.org/abs/1706.08840

    Efficient Lifelong Learning with A-GEM (Chaudhry et al., 2019)
    https://arxiv.org/abs/1812.00420
"""

__all__ = [
    "ForgettingDefinition",
    "average_accuracy",
    "backward_transfer",
    "forgetting",
    "intransigence",
    "learning_curve_area",
    "next_task_accuracies",
    "pairwise_ausuc",
    "transfer_matrix",
]

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from unseen.data.arguments import check_choice
from unseen.metrics.gzsl import Weighting
from unseen.metrics.history import History
from unseen.metrics.stepwise import area_between, step_mean

ForgettingDefinition = Literal["causal", "code"]
Matrix = NDArray[np.float64]


def forgetting(accuracies: Matrix, definition: ForgettingDefinition = "causal") -> Matrix:
    r"""Returns how much was forgotten after each task from the second on.

    .. math:: F_i = \frac{1}{i - 1} \sum_{k < i} \Big( \max_{j} A_j(k) - A_i(k) \Big)

    with :math:`k \le j < i` (``"causal"``), or :math:`1 \le j < i` as in the authors' code
    (``"code"``), where a good guess before a task was learnt counts as something to forget:
    it is never less.

    Arguments:
        accuracies: The matrix :math:`A`, with shape :math:`(T + 1, T)`.
        definition: Which steps the maximum is over.

    Returns:
        :math:`F_2` to :math:`F_T`, in [-1, 1], with shape :math:`(T - 1,)`; negative where older
        tasks got better.

    Raises:
        ValueError: If the matrix has another shape, or the definition is not known.

    Example:
        >>> A = np.array([[0.0, 0.0], [0.5, 0.2], [0.4, 0.6]])
        >>> forgetting(A).round(3)
        array([0.1])
    """
    _check_matrix(accuracies)
    check_choice("definition", definition, get_args(ForgettingDefinition))

    trained = accuracies[1:]  # (T, T)
    earlier = np.tri(len(trained), k=-1, dtype=bool)  # k < i
    counted = trained if definition == "code" else np.where(earlier.T, np.nan, trained)
    best = np.fmax.accumulate(counted)[:-1]  # (T - 1, T), over the steps before i
    lost = np.where(earlier[1:], best - trained[1:], np.nan)

    return np.array([step_mean(row, first=0) for row in lost])


def backward_transfer(accuracies: Matrix) -> float:
    r"""Returns :math:`BWT = \frac{1}{T - 1} \sum_{k < T} (A_T(k) - A_k(k))`; NaN for one task.

    Arguments:
        accuracies: The matrix :math:`A`, with shape :math:`(T + 1, T)`.

    Returns:
        The transfer, in [-1, 1].

    Raises:
        ValueError: If the matrix has another shape.

    Example:
        >>> print(f"{backward_transfer(np.array([[0.0, 0.0], [0.5, 0.2], [0.4, 0.6]])):.2f}")
        -0.10
    """
    _check_matrix(accuracies)

    return step_mean((accuracies[-1] - np.diagonal(accuracies[1:]))[:-1], first=0)


def average_accuracy(accuracies: Matrix) -> float:
    r"""Returns the mean over the tasks of the accuracy after the last, :math:`A_T(k)`.

    Arguments:
        accuracies: The matrix :math:`A`, with shape :math:`(T + 1, T)`.

    Returns:
        The mean, in [0, 1].

    Raises:
        ValueError: If the matrix has another shape.

    Example:
        >>> average_accuracy(np.array([[0.0, 0.0], [0.5, 0.2], [0.4, 0.6]]))
        0.5
    """
    _check_matrix(accuracies)

    return step_mean(accuracies[-1], first=0)


def intransigence(accuracies: Matrix, joint_accuracies: Matrix) -> Matrix:
    r"""Returns :math:`A^{joint}_k(k) - A_k(k)`: how much worse each task was learnt than jointly.

    Arguments:
        accuracies: The matrix :math:`A`, with shape :math:`(T + 1, T)`.
        joint_accuracies: That of a run over the same stream which had the data of all tasks so
            far at every step.

    Returns:
        The differences, with shape :math:`(T,)`; negative where joint training was worse.

    Raises:
        ValueError: If a matrix has another shape, or the runs have another number of tasks.

    Example:
        >>> A = np.array([[0.0, 0.0], [0.5, 0.2], [0.4, 0.5]])
        >>> intransigence(A, np.array([[0.0, 0.0], [0.5, 0.2], [0.5, 0.75]]))
        array([0.  , 0.25])
    """
    _check_matrix(accuracies)
    _check_matrix(joint_accuracies)
    if accuracies.shape != joint_accuracies.shape:
        raise ValueError(
            "Intransigence compares two runs over one stream: this run has "
            f"{accuracies.shape[1]} tasks, the joint one {joint_accuracies.shape[1]}."
        )

    return np.diagonal(joint_accuracies[1:]) - np.diagonal(accuracies[1:])


def transfer_matrix(accuracies: Matrix) -> Matrix:
    r"""Returns :math:`R(t, k) = A_t(k) - A_{t-1}(k)`: what task :math:`t` did to each task.

    The diagonal is what was gained by learning; below it (:math:`k < t`) stands transfer to
    earlier tasks, above it transfer to tasks to come.

    Arguments:
        accuracies: The matrix :math:`A`, with shape :math:`(T + 1, T)`.

    Returns:
        The differences, in [-1, 1], with shape :math:`(T, T)`.

    Raises:
        ValueError: If the matrix has another shape.

    Example:
        >>> transfer_matrix(np.array([[0.0, 0.25], [0.5, 0.25], [0.25, 0.75]]))
        array([[ 0.5 ,  0.  ],
               [-0.25,  0.5 ]])
    """
    _check_matrix(accuracies)

    return np.diff(accuracies, axis=0)


def next_task_accuracies(accuracies: Matrix) -> Matrix:
    r"""Returns :math:`A_t(t + 1)` for :math:`t = 0, \ldots, T - 1`, with shape :math:`(T,)`.

    How well each task is known just before its examples come, from descriptions alone.

    Arguments:
        accuracies: The matrix :math:`A`, with shape :math:`(T + 1, T)`.

    Raises:
        ValueError: If the matrix has another shape.

    Example:
        >>> next_task_accuracies(np.array([[0.0, 0.25], [0.5, 0.2], [0.4, 0.75]]))
        array([0. , 0.2])
    """
    _check_matrix(accuracies)

    return np.diagonal(accuracies[:-1]).copy()


def learning_curve_area(batch_accuracy: Matrix, beta: int = 10) -> float:
    r"""Returns the area under the learning curve of the first batches (LCA).

    .. math:: LCA_\beta = \frac{1}{\beta + 1} \sum_{b=0}^{\beta} Z_b

    where :math:`Z_b` is the mean over tasks of the accuracy after the :math:`b`-th batch.

    Arguments:
        batch_accuracy: The accuracy on each task's test rows after its :math:`b`-th batch, with
            shape :math:`(T, b)`; column 0 is before the first.
        beta: The last batch :math:`\beta` that counts.

    Returns:
        The area, a fraction.

    Raises:
        ValueError: If :math:`\beta` is below 0, or a task has fewer than :math:`\beta + 1` records.

    Example:
        >>> print(f"{learning_curve_area(np.array([[0.1, 0.2, 0.3], [0, 0.4, 0.5]]), beta=2):.2f}")
        0.25
    """
    if beta < 0:
        raise ValueError(f"`beta` must be 0 or more; got {beta}.")
    records = batch_accuracy[:, : beta + 1]
    short = np.flatnonzero(np.isnan(records).any(axis=1))
    if len(short) or records.shape[1] <= beta:
        task = short[0] if len(short) else 0
        number = (~np.isnan(records[task])).sum()
        raise ValueError(
            f"LCA of beta {beta} needs {beta + 1} records for every task; task {task + 1} has "
            f"{number}. Use smaller batches, or a smaller beta."
        )

    return float(records.mean())


def pairwise_ausuc(history: History, weighting: Weighting = "sample") -> Matrix:
    r"""Returns how well each two tasks are told apart: the AUSUC of their classes alone.

    Entry :math:`(i, j)` is of the model after task :math:`i`, on rows and classes of
    :math:`C_i \cup C_j`, the former as seen.

    References:
        Class Normalization for (Continual)? Generalized Zero-Shot Learning
        (Skorokhodov & Elhoseiny, 2021), released code
        https://arxiv.org/abs/2006.11328

    Differences from the paper's code:
        It scores the model before task :math:`i`, and leaves the order of classes to a set.

    Arguments:
        history: The scores along the stream.
        weighting: Whether each class counts the same, or each sample.

    Returns:
        The areas, with shape :math:`(T, T)`; NaN on the diagonal, and where a class is not yet a
        candidate.

    Raises:
        ValueError: If there is no such weighting.
    """
    areas = np.full((history.tasks, history.tasks), np.nan)
    for i, first in enumerate(history.members):
        scores, candidates = history.logits[i + 1], history.candidates[i + 1]
        for j, second in enumerate(history.members):
            if i != j and candidates[second].all():
                areas[i, j] = area_between(scores, history.labels, first, second, weighting)

    return areas


def _check_matrix(accuracies: Matrix) -> None:
    shape = np.shape(accuracies)
    if len(shape) != 2 or shape[0] != shape[1] + 1 or not shape[1]:
        raise ValueError(
            "The accuracies must have shape (T + 1, T), a row before task 1 and one after each "
            f"task; got {shape}."
        )
