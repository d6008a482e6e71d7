"""Every check of a stream: one sentence for each thing that is wrong."""

__all__ = ["check_stream"]

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unseen.continual.streams import Stream, Task
from unseen.data.check_arrays import is_index
from unseen.data.check_splits import check_range, check_repeats
from unseen.data.wording import counted, describe, listed, listed_rows, name_class

INDICES = ("train", "classes", "members")
MASKS = ("seen", "unseen")


def check_stream(stream: Stream) -> list[str]:
    """Returns everything that is wrong with a stream, one sentence each.

    If an array has the wrong type, shape or range, only that is said.

    Arguments:
        stream: The stream; its arrays may be of any type and shape.

    Returns:
        The problems; empty if the stream is sound.

    Example:
        >>> from unseen.continual.streams import make_stream
        >>> from unseen.data.simulate import simulate_toy
        >>> check_stream(make_stream(simulate_toy(), tasks=3))
        []
    """
    if not stream.tasks:
        return ["A stream needs at least one task."]

    return (
        _check_indices(stream)
        or _check_masks(stream)
        or [
            *_check_rows(stream),
            *_check_classes(stream),
            *_check_training(stream),
            *_check_seen(stream),
            *_check_candidates(stream),
            *_check_test(stream),
        ]
    )


# Arrays


def _check_indices(stream: Stream) -> list[str]:
    indices = [("`test`", stream.test, len(stream.labels))]
    for place, task in _numbered(stream):
        for part in INDICES:
            most = len(stream.labels) if part == "train" else len(stream.class_names)
            indices.append((f"`{part}` of {place}", getattr(task, part), most))

    problems = [
        f"{part} must be a one-dimensional int64 array, got {describe(index)}."
        for part, index, _ in indices
        if not is_index(index)
    ]
    if problems:
        return problems

    return [
        problem for part, index, most in indices for problem in check_range([(part, index)], most)
    ]


def _check_masks(stream: Stream) -> list[str]:
    classes = len(stream.class_names)

    return [
        f"`{part}` of {place} must be bool of shape ({classes},), got {describe(mask)}."
        for place, task in _numbered(stream)
        for part in MASKS
        for mask in [getattr(task, part)]
        if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != (classes,)
    ]


# Rows and classes


def _check_rows(stream: Stream) -> list[str]:
    """No row is trained on twice, and no test row is trained on."""
    train = np.concatenate([task.train for task in stream])
    shared = np.intersect1d(train, stream.test)
    problems = check_repeats([("Training", train), ("`test`", stream.test)])
    if len(shared):
        problems.append(
            f"{counted(len(shared), 'test row')} ({listed_rows(shared)}) are trained on: scores "
            "would be measured on rows that were learned."
        )

    return problems


def _check_classes(stream: Stream) -> list[str]:
    """Every class enters training once, and belongs to one task."""
    problems = []
    for part in ("classes", "members"):
        values = np.concatenate([getattr(task, part) for task in stream])
        names, counts = np.unique(values, return_counts=True)
        if (counts > 1).any():
            problems.append(
                f"`{part}` name {_names(stream, names[counts > 1])} more than once: tasks are "
                "disjoint."
            )

    return problems


def _check_training(stream: Stream) -> list[str]:
    """The training rows of a task are of its classes, and each of them has some."""
    problems = []
    for place, task in _numbered(stream):
        with_rows = np.unique(stream.labels[task.train])
        foreign = np.setdiff1d(with_rows, task.classes)
        without = np.setdiff1d(task.classes, with_rows)
        if len(foreign):
            problems.append(
                f"`train` of {place} has rows of {_names(stream, foreign)}, which are not among "
                "its `classes`."
            )
        if len(without):
            problems.append(f"`train` of {place} has no row of {_names(stream, without)}.")
        if not len(task.classes):
            problems.append(f"{place.capitalize()} has no classes to train on.")

    return problems


def _check_seen(stream: Stream) -> list[str]:
    """Seen are the classes trained on so far, and nothing is seen and unseen at once."""
    problems = []
    trained = np.zeros(len(stream.class_names), dtype=bool)
    for place, task in _numbered(stream):
        trained[task.classes] = True
        if (task.seen != trained).any():
            problems.append(
                f"`seen` of {place} is not what was trained on so far: it differs in "
                f"{_names(stream, np.flatnonzero(task.seen != trained))}."
            )
        both = np.flatnonzero(task.seen & task.unseen)
        if len(both):
            problems.append(f"In {place} {_names(stream, both)} count as seen and as unseen.")

    return problems


def _check_candidates(stream: Stream) -> list[str]:
    """The classes that belong to a task so far are seen or unseen."""
    problems = []
    arrived = np.zeros(len(stream.class_names), dtype=bool)
    for place, task in _numbered(stream):
        arrived[task.members] = True
        missing = np.flatnonzero(arrived & ~task.candidates)
        if len(missing):
            problems.append(
                f"`members` up to {place} are not all among its seen and unseen classes: see "
                f"{_names(stream, missing)}."
            )

    return problems


def _check_test(stream: Stream) -> list[str]:
    """Exactly the classes that are ever candidates are tested."""
    tested = np.zeros(len(stream.class_names), dtype=bool)
    tested[stream.labels[stream.test]] = True
    candidates = np.logical_or.reduce([task.candidates for task in stream])
    problems = []
    if (candidates & ~tested).any():
        classes = np.flatnonzero(candidates & ~tested)
        problems.append(f"There is no test row of {_names(stream, classes)}.")
    if (tested & ~candidates).any():
        classes = np.flatnonzero(tested & ~candidates)
        problems.append(f"`test` has rows of {_names(stream, classes)}, never a candidate.")

    return problems


# Wording


def _numbered(stream: Stream) -> Iterator[tuple[str, Task]]:
    for number, task in enumerate(stream, start=1):
        yield f"task {number}", task


def _names(stream: Stream, classes: NDArray[np.int64]) -> str:
    return listed(name_class(row, stream.class_names) for row in classes.tolist())
