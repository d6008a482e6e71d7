r"""Everything that is reported of a run over a stream of tasks, from its scores alone.

References:
    Class Normalization for (Continual)? Generalized Zero-Shot Learning
    (Skorokhodov & Elhoseiny, 2021)
    https://arxiv.org/abs/2006.11328
"""

__all__ = ["ContinualResult", "SeenMean", "summary"]

from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from unseen.data.arguments import check_choice
from unseen.metrics.forgetting import (
    average_accuracy,
    backward_transfer,
    forgetting,
    intransigence,
    learning_curve_area,
    next_task_accuracies,
    pairwise_ausuc,
    transfer_matrix,
)
from unseen.metrics.gzsl import Weighting
from unseen.metrics.history import History
from unseen.metrics.stepwise import (
    MeanOver,
    accuracy_matrix,
    ausucs,
    harmonic_means,
    joint_accuracies,
    seen_accuracies,
    step_mean,
    task_guessing,
    unseen_accuracies,
)

SeenMean = Literal["T", "T-1"]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ContinualResult:
    r"""What a run over :math:`T` tasks achieves: fractions, NaN where nothing was measured.

    Larger is better, but for forgetting and intransigence.

    Arguments:
        mean_seen_accuracy: mSA, the mean of :math:`S_t`.
        mean_unseen_accuracy: mUA, the mean of :math:`U_t`.
        mean_harmonic_mean: mH, the mean of :math:`H_t`; not the harmonic mean of mSA and mUA.
        mean_ausuc: mAUC, the mean of :math:`AUC_t`.
        mean_joint_accuracy: mJA, the mean of :math:`JA_t`.
        mean_forgetting: The mean of :math:`F_2, \ldots, F_T`, with the maximum over the steps since
            a task was learnt.
        final_forgetting: :math:`F_T` of it.
        mean_forgetting_code: The same mean with the maximum of the authors' code, over all steps.
        final_forgetting_code: :math:`F_T` of that.
        backward_transfer: BWT.
        average_accuracy: The mean over the tasks of the accuracy after the last.
        task_aware_accuracy: The same, where only classes of the right task may be predicted.
        next_task_accuracy: The mean accuracy on each task just before its examples come.
        task_guessing: The share of rows whose predicted class is of the right task, at the end.
        mean_pairwise_ausuc: The mean AUSUC of the classes of each two tasks alone.
        learning_curve_area: LCA.
        mean_intransigence: The mean over the tasks of how much worse they were learnt than
            jointly.
        seen: :math:`S_t` at steps 0 (before training) to :math:`T`, with shape
            :math:`(T + 1,)`, like the next five.
        unseen: :math:`U_t`.
        harmonic: :math:`H_t`.
        auc: :math:`AUC_t`.
        joint: :math:`JA_t`.
        guessing: Task guessing at each step.
        forgetting: :math:`F_2, \ldots, F_T`, causal, with shape :math:`(T - 1,)`.
        forgetting_code: The same as in the authors' code.
        intransigence: That of each task, with shape :math:`(T,)`.
        accuracy: The accuracies :math:`A_t(k)`, with shape :math:`(T + 1, T)`.
        task_aware: The same among the classes of the task.
        transfer: The transfer matrix, with shape :math:`(T, T)`.
        pairwise: The pairwise AUSUC, with shape :math:`(T, T)`.
        settings: How all that was measured, in words.
    """

    mean_seen_accuracy: float
    mean_unseen_accuracy: float
    mean_harmonic_mean: float
    mean_ausuc: float
    mean_joint_accuracy: float
    mean_forgetting: float
    final_forgetting: float
    mean_forgetting_code: float
    final_forgetting_code: float
    backward_transfer: float
    average_accuracy: float
    task_aware_accuracy: float
    next_task_accuracy: float
    task_guessing: float
    mean_pairwise_ausuc: float
    learning_curve_area: float
    mean_intransigence: float
    seen: Array = field(repr=False)
    unseen: Array = field(repr=False)
    harmonic: Array = field(repr=False)
    auc: Array = field(repr=False)
    joint: Array = field(repr=False)
    guessing: Array = field(repr=False)
    forgetting: Array = field(repr=False)
    forgetting_code: Array = field(repr=False)
    intransigence: Array = field(repr=False)
    accuracy: Array = field(repr=False)
    task_aware: Array = field(repr=False)
    transfer: Array = field(repr=False)
    pairwise: Array = field(repr=False)
    settings: dict[str, Any]

    def __str__(self) -> str:
        """Returns the main measures in percent, on one line."""
        measures = {
            "mSA": self.mean_seen_accuracy,
            "mUA": self.mean_unseen_accuracy,
            "mH": self.mean_harmonic_mean,
            "mAUC": self.mean_ausuc,
            "mJA": self.mean_joint_accuracy,
            "forgetting": self.mean_forgetting,
        }
        numbers = "  ".join(f"{name} {100 * value:.1f}" for name, value in measures.items())

        return f"{numbers}  (percent)"

    def to_json(self) -> dict[str, Any]:
        """Returns all of it as JSON knows it: fractions, ``None`` where nothing was measured.

        Scalars, curves and matrices (lists of rows) stand under their names.
        """
        return {part.name: _plain(getattr(self, part.name)) for part in fields(self)}


def summary(
    history: History,
    weighting: Weighting = "sample",
    mean_over: MeanOver = "trajectory",
    seen_mean: SeenMean = "T",
    count_untrained: bool = False,
    joint: History | None = None,
    beta: int = 10,
) -> ContinualResult:
    r"""Measures a run over a stream of tasks.

    Arguments:
        history: The scores along the stream.
        weighting: Whether each sample counts the same (``"sample"``), or each class.
        mean_over: Whether step :math:`t` of the curves scores the model after task :math:`t`
            (``"trajectory"``) or the last (``"final"``); the accuracy matrix and what follows
            from it always have the model of each step.
        seen_mean: Whether mSA is over steps 1 to :math:`T`, or to :math:`T - 1` as mUA has to be.
        count_untrained: Whether mUA is over steps 0 to :math:`T - 1`, with the model before
            training, as in the released trainer of Skorokhodov & Elhoseiny.
        joint: The history of joint training over the same stream, for intransigence.
        beta: The last batch that counts in LCA, which is NaN without ``batch_accuracy``, or if it
            has fewer than :math:`\beta + 1` records of a task.

    Returns:
        The result.

    Raises:
        ValueError: If an argument is not one of its choices, the untrained model is to be counted
            where only the last is scored, or ``joint`` has another number of tasks.

    Example:
        >>> import numpy as np
        >>> masks = np.array([[False, False], [True, False], [True, True]])
        >>> history = History(
        ...     logits=np.array([[[0, 1], [0, 1]], [[1, 0], [0, 1]], [[0, 1], [0, 1]]], float),
        ...     labels=np.array([0, 1]),
        ...     task_classes=(np.array([0]), np.array([1])),
        ...     seen=masks,
        ...     unseen=~masks,
        ...     candidates=np.ones((3, 2), dtype=bool),
        ... )
        >>> print(summary(history))
        mSA 75.0  mUA 100.0  mH 100.0  mAUC 100.0  mJA 75.0  forgetting 100.0  (percent)
    """
    _check_means(seen_mean, mean_over, count_untrained)
    last = history.tasks if seen_mean == "T" else history.tasks - 1
    seen = seen_accuracies(history, weighting, mean_over)
    unseen = unseen_accuracies(history, weighting, mean_over)
    harmonic = harmonic_means(history, weighting, mean_over)
    auc = ausucs(history, weighting, mean_over)
    all_candidates = joint_accuracies(history, weighting, mean_over)

    accuracy = accuracy_matrix(history, weighting)
    task_aware = accuracy_matrix(history, weighting, restrict=True)
    causal, code = forgetting(accuracy), forgetting(accuracy, "code")
    guessing = task_guessing(history, weighting)
    pairwise = pairwise_ausuc(history, weighting)
    worse = np.full(history.tasks, np.nan)
    if joint is not None:
        worse = intransigence(accuracy, accuracy_matrix(joint, weighting))

    return ContinualResult(
        mean_seen_accuracy=step_mean(seen, last=last),
        mean_unseen_accuracy=_mean_unseen(unseen, count_untrained),
        mean_harmonic_mean=step_mean(harmonic),
        mean_ausuc=step_mean(auc),
        mean_joint_accuracy=step_mean(all_candidates),
        mean_forgetting=step_mean(causal, first=0),
        final_forgetting=_last(causal),
        mean_forgetting_code=step_mean(code, first=0),
        final_forgetting_code=_last(code),
        backward_transfer=backward_transfer(accuracy),
        average_accuracy=average_accuracy(accuracy),
        task_aware_accuracy=average_accuracy(task_aware),
        next_task_accuracy=step_mean(next_task_accuracies(accuracy), first=0),
        task_guessing=_last(guessing),
        mean_pairwise_ausuc=step_mean(pairwise.ravel(), first=0),
        learning_curve_area=_learning_curve_area(history, beta),
        mean_intransigence=step_mean(worse, first=0),
        seen=seen,
        unseen=unseen,
        harmonic=harmonic,
        auc=auc,
        joint=all_candidates,
        guessing=guessing,
        forgetting=causal,
        forgetting_code=code,
        intransigence=worse,
        accuracy=accuracy,
        task_aware=task_aware,
        transfer=transfer_matrix(accuracy),
        pairwise=pairwise,
        settings={
            "weighting": weighting,
            "mean_over": mean_over,
            "seen_mean": seen_mean,
            "count_untrained": count_untrained,
            "beta": beta,
        },
    )


def _mean_unseen(unseen: Array, count_untrained: bool) -> float:
    """Returns mUA; the last model does not count where the untrained one does."""
    if count_untrained:
        return step_mean(unseen, first=0, last=len(unseen) - 2)

    return step_mean(unseen)


def _learning_curve_area(history: History, beta: int) -> float:
    """Returns LCA, or NaN where too little was recorded."""
    records = history.batch_accuracy
    if records is None or records.shape[1] <= beta or np.isnan(records[:, : beta + 1]).any():
        return np.nan

    return learning_curve_area(records, beta)


def _last(curve: Array) -> float:
    return float(curve[-1]) if len(curve) else np.nan


def _plain(value: Any) -> Any:
    """Returns a value as JSON knows it."""
    if isinstance(value, np.ndarray):
        return [_plain(entry) for entry in value.tolist()]
    if isinstance(value, list):
        return [_plain(entry) for entry in value]

    return None if isinstance(value, float) and np.isnan(value) else value


def _check_means(seen_mean: str, mean_over: str, count_untrained: bool) -> None:
    check_choice("seen_mean", seen_mean, get_args(SeenMean))
    if count_untrained and mean_over == "final":
        raise ValueError(
            'mean_over="final" scores the last model alone, so that there is no untrained one to '
            'count; use mean_over="trajectory", or leave out `count_untrained`.'
        )
