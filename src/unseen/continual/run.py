"""One model along one stream: trained task by task, scored after each, resumed after a kill."""

__all__ = ["StreamRun", "run_stream"]

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from unseen.continual.keeper import Keeper
from unseen.continual.streams import Stream, Task
from unseen.data.dataset import DataError, ZeroShotData
from unseen.methods.continual import ContinualClassifier
from unseen.metrics.history import History
from unseen.training.loop import EpochReport, Monitor

CURVE_BATCHES = 10  # of a task, whose accuracies make the learning curve area


@dataclass
class StreamRun:
    """What a run along a stream leaves.

    Arguments:
        model: The model after the last task.
        history: The scores after each task, from which every measure follows.
        seconds: The time of training of each task, in seconds, without scoring; of a task that was
            killed, with its epochs before.
        steps: The number of optimiser steps of each task; 0 for a method that takes none.
        memory_bytes: What was kept after each task, by what it is.
    """

    model: ContinualClassifier
    history: History
    seconds: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    memory_bytes: list[dict[str, int]] = field(default_factory=list)


def run_stream(
    model: ContinualClassifier,
    stream: Stream,
    data: ZeroShotData,
    *,
    folder: str | Path | None = None,
    curve_batches: int | None = CURVE_BATCHES,
    callback: Callable[[int], None] | None = None,
) -> StreamRun:
    """Trains a model along a stream, and keeps its scores of the test rows after each task.

    A task gets the descriptions of the classes seen so far, and the others as NaN: a method cannot
    learn from what it is not given. Scoring gets the whole table.

    Arguments:
        model: The estimator; a copy of it is trained.
        stream: The stream.
        data: The data that the stream was made of.
        folder: Where to keep what a killed run needs to go on, to the same result; ``None`` is
            nowhere.
        curve_batches: How many first batches of each task to score the task's test rows after,
            for the learning curve area; ``None`` is none.
        callback: Called with the number of each task that is learned.

    Returns:
        The model, the history of its scores, and what training cost.

    Raises:
        DataError: If the folder is of another run, damaged, or cannot be written.
        ModelError: If there is a folder, and the model could not be read back from it.
        ValueError: If there is a folder, and the model's ``random_state`` is ``None``.

    Example:
        >>> from unseen.continual.learner import ContinualLearner
        >>> from unseen.continual.streams import make_stream
        >>> from unseen.data.simulate import simulate_toy
        >>> from unseen.metrics.continual import summary
        >>> data = simulate_toy()
        >>> run = run_stream(ContinualLearner(random_state=0), make_stream(data, tasks=3), data)
        >>> len(run.history.logits), 0 <= summary(run.history).mean_joint_accuracy <= 1
        (4, True)
    """
    identity = ""
    if folder is not None:
        _check_resumable(model)
        folder, identity = Path(folder), _identity(model, stream, data, curve_batches)
    keeper = Keeper(folder, identity)
    runner = _Runner(clone(model), stream, data, keeper, curve_batches)
    for number in range(1, len(stream) + 1):
        if number > runner.learned:
            runner.learn(number)
        if callback is not None:
            callback(number)

    return runner.result()


class _Runner:
    """Holds the model and what has been seen of it so far."""

    def __init__(
        self,
        model: ContinualClassifier,
        stream: Stream,
        data: ZeroShotData,
        keeper: Keeper,
        curve_batches: int | None,
    ) -> None:
        self.stream, self.data, self.keeper = stream, data, keeper
        self.curve_batches = curve_batches
        self.features, self.labels = data.rows(stream.test), data.labels[stream.test]
        self.model, self.learned = keeper.resume(model), len(keeper.notes)
        self.watching = 0.0  # seconds

    def learn(self, number: int) -> None:
        """Trains on a task, scores the test rows, and keeps both."""
        task = self.stream.tasks[number - 1]
        curve = self.keeper.array(f"curve-{number}")
        curve = np.full(1 + (self.curve_batches or 0), np.nan) if curve is None else curve
        own = np.isin(self.labels, task.classes)

        def look(done: int) -> None:
            start = time.perf_counter()
            if number == 1 and done == 0:
                self.keeper.keep("logits-0", self._scores())
            if self.curve_batches is not None and done < len(curve) and own.any():
                curve[done] = self._accuracy(own, task)
                self.keeper.keep(f"curve-{number}", curve)
            self.watching += time.perf_counter() - start

        table = np.where(task.seen[:, None], self.data.class_attributes, np.float32(np.nan))
        self.watching, start = 0.0, time.perf_counter()
        before = self.keeper.array(f"seconds-{number}")

        def seconds() -> float:
            now = time.perf_counter() - start - self.watching
            return now if before is None else now + float(before)

        def note(_: EpochReport) -> None:
            self.keeper.keep(f"seconds-{number}", np.array(seconds()))

        self.model.partial_fit(
            self.data.rows(task.train),
            self.data.labels[task.train],
            table,
            class_names=self.data.class_names,
            monitor=Monitor(
                callback=note,
                checkpoint=self.keeper.checkpoint(number),
                data_hash=self.keeper.identity,
                before_step=look,
            ),
        )
        spent, steps = seconds(), getattr(self.model, "steps_", 0)
        if steps:
            look(steps)

        if number == 1 and self.keeper.array("logits-0") is None:  # it learns in no steps
            self.keeper.keep("logits-0", np.zeros_like(self._scores()))
        self.keeper.keep(f"logits-{number}", self._scores())
        kept = self.model.memory_bytes()
        self.keeper.done(self.model, {"seconds": spent, "steps": steps, "bytes": kept})
        self.learned = number

    def result(self) -> StreamRun:
        """Returns the run as a whole."""
        tasks = range(1, len(self.stream) + 1)
        curves = [self.keeper.array(f"curve-{number}") for number in tasks]
        recorded = [curve for curve in curves if curve is not None]
        logits = [self.keeper.array(f"logits-{number}") for number in (0, *tasks)]
        if any(scores is None for scores in logits):
            raise DataError(
                ["A file of scores is gone; delete the folder."], str(self.keeper.folder)
            )
        none = np.zeros((1, len(self.stream.class_names)), dtype=bool)
        first, notes = self.stream.tasks[0], self.keeper.notes
        start = first.candidates if notes[0]["steps"] else none[0]  # untrained, what has no steps
        history = History(
            logits=np.stack([scores for scores in logits if scores is not None]),
            labels=self.labels,
            task_classes=tuple(task.classes for task in self.stream),
            seen=np.concatenate([none, [task.seen for task in self.stream]]),
            unseen=np.concatenate([[start], [task.unseen for task in self.stream]]),
            candidates=np.concatenate([[start], [task.candidates for task in self.stream]]),
            batch_accuracy=np.stack(recorded) if len(recorded) == len(curves) else None,
        )

        return StreamRun(
            self.model,
            history,
            [note["seconds"] for note in notes],
            [note["steps"] for note in notes],
            [note["bytes"] for note in notes],
        )

    def _scores(self, rows: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        features = self.features if rows is None else self.features[rows]
        scores = self.model.decision_function(features, self.data.class_attributes)

        return scores.astype(np.float32, copy=False)

    def _accuracy(self, rows: NDArray[np.bool_], task: Task) -> float:
        """Returns the share of some test rows whose class is found among the candidates.

        It is the mean over the rows or over their classes, as the stream weights.
        """
        scores, labels = np.where(task.candidates, self._scores(rows), -np.inf), self.labels[rows]
        right = scores.argmax(axis=1) == labels
        if self.stream.weighting == "sample":
            return float(right.mean())
        _, place, counts = np.unique(labels, return_inverse=True, return_counts=True)

        return float((np.bincount(place, weights=right) / counts).mean())


def _check_resumable(model: ContinualClassifier) -> None:
    """Raises an error if a killed run of a model could not go on from what a folder keeps."""
    if getattr(model, "random_state", 0) is None:
        raise ValueError(
            "A run with a folder needs a seed, or it could not go on after a kill: set the "
            "model's `random_state`, or give no folder."
        )
    model.check_savable()


def _identity(
    model: ContinualClassifier, stream: Stream, data: ZeroShotData, curve_batches: int | None
) -> str:
    """Returns a hash of what a run depends on."""
    what = {
        "settings": model._settings(),
        "stream": stream.record(),
        "tasks": [hashlib.sha256(task.train.tobytes()).hexdigest() for task in stream],
        "curve_batches": curve_batches,
        "data": [data.source.name, sorted(data.source.sha256.values()), _content(data)],
    }

    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()


def _content(data: ZeroShotData) -> str:
    """Returns a hash of what a file may hold several of, and of all that came from no file."""
    digest = hashlib.sha256()
    arrays: list[NDArray | None] = [data.labels, data.class_attributes]
    if not data.source.sha256:
        arrays += [data.features, data.feature_scale]
    for array in arrays:
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)

    return digest.hexdigest()
