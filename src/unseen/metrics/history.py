"""What a run over a stream of tasks leaves behind: the scores of each of its models."""

__all__ = ["History"]

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unseen.data.wording import describe, listed


@dataclass(frozen=True, eq=False)
class History:
    r"""The scores of the models along a stream of :math:`T` tasks, and what they are held against.

    Step 0 is the model before training, step :math:`t` the model after task :math:`t`. Scores are
    read one step at a time, so that a memory-mapped file will do.

    Arguments:
        logits: The scores :math:`Y^{(t)}` of all test rows for all classes, with shape
            :math:`(T + 1, n, K)`. Those of classes that are no candidates count as
            :math:`-\infty`, whatever they are.
        labels: The class of each test row, with shape :math:`(n,)`.
        task_classes: The classes :math:`C_t` whose examples came with each task. A class that is
            only ever described belongs to no task.
        seen: The classes :math:`L_t` with training examples up to each step, with shape
            :math:`(T + 1, K)`; none at step 0.
        unseen: Those that count as unseen, :math:`N_t`, with the same shape.
        candidates: Those that may be predicted, :math:`E_t = L_t \cup N_t`, with the same shape.
        batch_accuracy: The accuracy (a fraction) on the test rows of each task after its first
            batches, with shape :math:`(T, b)`; column 0 is before the first, NaN where a task had
            no such batch.

    Raises:
        ValueError: If an array has the wrong type or shape, a score of a candidate is not
            finite, tasks share a class, or the masks do not fit the tasks.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    task_classes: tuple[NDArray[np.int64], ...]
    seen: NDArray[np.bool_]
    unseen: NDArray[np.bool_]
    candidates: NDArray[np.bool_]
    batch_accuracy: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        _check_logits(self)
        _check_labels(self)
        _check_tasks(self)
        _check_masks(self)
        _check_finite(self)
        _check_batch_accuracy(self)

    @property
    def tasks(self) -> int:
        """The number :math:`T` of tasks."""
        return len(self.task_classes)

    @property
    def classes(self) -> int:
        """The number :math:`K` of classes."""
        return self.logits.shape[2]

    @cached_property
    def members(self) -> NDArray[np.bool_]:
        """Which classes came with which task, with shape (T, K)."""
        members = np.zeros((self.tasks, self.classes), dtype=bool)
        for row, classes in zip(members, self.task_classes, strict=True):
            row[classes] = True

        return members

    @cached_property
    def predictions(self) -> NDArray[np.int64]:
        """The best candidate class of each row at each step, with shape (T + 1, n)."""
        return np.stack([self.predict(step, step) for step in range(self.tasks + 1)])

    @cached_property
    def final_predictions(self) -> NDArray[np.int64]:
        """The same of the last model alone, among the candidates of each step."""
        return np.stack([self.predict(self.tasks, step) for step in range(self.tasks + 1)])

    def predict(self, model: int, step: int) -> NDArray[np.int64]:
        """Returns the best class of each row, with shape (n,).

        Arguments:
            model: The step whose model scores.
            step: The step whose candidates are asked for.
        """
        scores = np.where(self.candidates[step], self.logits[model], -np.inf)

        return scores.argmax(axis=1)


def _check_logits(history: History) -> None:
    logits, steps = history.logits, history.tasks + 1
    if not history.tasks:
        raise ValueError("`task_classes` must name the classes of at least one task; it is empty.")
    sound = isinstance(logits, np.ndarray) and logits.ndim == 3 and logits.dtype.kind == "f"
    if not sound or logits.shape[0] != steps or not logits.size:
        raise ValueError(
            f"`logits` must be floats of shape ({steps}, n, K): one table before task 1 and one "
            f"after each of the {history.tasks} tasks; got {describe(logits)}."
        )


def _check_labels(history: History) -> None:
    labels, (_, rows, classes) = history.labels, history.logits.shape
    sound = isinstance(labels, np.ndarray) and labels.dtype.kind == "i"
    if not sound or labels.shape != (rows,):
        raise ValueError(
            f"`labels` must be whole numbers of shape ({rows},), one for each row of `logits`; "
            f"got {describe(labels)}."
        )
    if labels.min() < 0 or labels.max() >= classes:
        row = np.flatnonzero((labels < 0) | (labels >= classes))[0]
        raise ValueError(
            f"`labels` must be from 0 to {classes - 1}, as `logits` have {classes} classes; "
            f"row {row} has {labels[row]}."
        )


def _check_tasks(history: History) -> None:
    for task, classes in enumerate(history.task_classes, start=1):
        sound = isinstance(classes, np.ndarray) and classes.dtype.kind == "i" and classes.ndim == 1
        if not sound or not len(classes):
            raise ValueError(
                f"The classes of task {task} must be a list of whole numbers, and at least one; "
                f"got {describe(classes)}."
            )
        if classes.min() < 0 or classes.max() >= history.classes:
            raise ValueError(
                f"The classes of task {task} must be from 0 to {history.classes - 1}; they are "
                f"{listed(classes)}."
            )

    names, counts = np.unique(np.concatenate(history.task_classes), return_counts=True)
    if (counts > 1).any():
        raise ValueError(
            f"Tasks must share no class, or forgetting would be counted twice; see class "
            f"{listed(names[counts > 1])}."
        )


def _check_masks(history: History) -> None:
    shape = (history.tasks + 1, history.classes)
    for name in ("seen", "unseen", "candidates"):
        mask = getattr(history, name)
        if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != shape:
            raise ValueError(
                f"`{name}` must be bool of shape {shape}, a row before task 1 and one after each "
                f"task; got {describe(mask)}."
            )

    trained = np.zeros(shape, dtype=bool)
    trained[1:] = np.logical_or.accumulate(history.members)
    wrong = {
        "`seen` must be the classes of the tasks so far, none at step 0": history.seen != trained,
        "`unseen` must have no seen class": history.seen & history.unseen,
        "`candidates` must be the seen and the unseen classes": (
            history.candidates != (history.seen | history.unseen)
        ),
    }
    for sentence, where in wrong.items():
        if where.any():
            step, first = np.argwhere(where)[0]
            raise ValueError(f"{sentence}; at step {step} see class {first}.")


def _check_finite(history: History) -> None:
    for step, (scores, candidates) in enumerate(
        zip(history.logits, history.candidates, strict=True)
    ):
        bad = ~np.isfinite(scores) & candidates
        if bad.any():
            row, label = np.argwhere(bad)[0]
            raise ValueError(
                f"`logits` must be finite for every candidate class; at step {step} the score of "
                f"row {row} for class {label} is {scores[row, label]}. Did training diverge? Try "
                "a smaller learning rate."
            )


def _check_batch_accuracy(history: History) -> None:
    records = history.batch_accuracy
    if records is None:
        return
    sound = isinstance(records, np.ndarray) and records.dtype.kind == "f" and records.ndim == 2
    if not sound or len(records) != history.tasks:
        raise ValueError(
            f"`batch_accuracy` must be floats of shape ({history.tasks}, b), a row for each task; "
            f"got {describe(records)}."
        )
    if ((records < 0) | (records > 1)).any():
        raise ValueError(
            "`batch_accuracy` must be fractions from 0 to 1; they reach from "
            f"{np.nanmin(records)} to {np.nanmax(records)}."
        )
