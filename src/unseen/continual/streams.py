r"""Streams: a data set cut into tasks, and what is seen, unseen and known at each.

Notation: :math:`C_t` are the classes whose examples come with task :math:`t`, :math:`L_t` those
of tasks 1 to :math:`t`, :math:`N_t` the unseen classes, :math:`E_t = L_t \cup N_t` the classes to
choose from.

References:
    Class Normalization for (Continual)? Generalized Zero-Shot Learning
    (Skorokhodov & Elhoseiny, 2021)
    https://arxiv.org/abs/2006.11328

    Adversarial Training of Variational Auto-encoders for Continual Zero-shot Learning (A-CZSL)
    (Ghosh, 2021)
    https://arxiv.org/abs/2102.03778

    Unseen Classes at a Later Time? No Problem (BD-CGZSL)
    (Kuchibhotla, Malagi, Chandhok & Balasubramanian, 2022)
    https://arxiv.org/abs/2203.16517
"""

__all__ = ["Protocol", "Stream", "Task", "make_stream"]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from unseen.continual.cuts import Classes, Order, class_order, cut_by_split, task_sizes
from unseen.continual.rows import Split, stream_rows
from unseen.data.arguments import check_choice
from unseen.data.dataset import DataError, ZeroShotData
from unseen.metrics.continual import SeenMean
from unseen.metrics.gzsl import Weighting

Protocol = Literal["class_norm", "fixed", "dynamic", "online"]


@dataclass(frozen=True, eq=False)
class Task:
    """One step of a stream.

    Arguments:
        train: The rows to train on, as indices, ascending.
        classes: :math:`C_t`, the classes whose examples enter training with this task.
        members: The classes that belong to this task: those of ``classes``, and in ``dynamic``
            and ``online`` those that it only describes. Each class is of one task.
        seen: :math:`L_t`, whose descriptions training gets, with shape :math:`(K,)`.
        unseen: :math:`N_t`, with shape :math:`(K,)`.
    """

    train: NDArray[np.int64]
    classes: NDArray[np.int64]
    members: NDArray[np.int64]
    seen: NDArray[np.bool_]
    unseen: NDArray[np.bool_]

    @property
    def candidates(self) -> NDArray[np.bool_]:
        """:math:`E_t`, the classes to choose from, with shape :math:`(K,)`."""
        return self.seen | self.unseen


@dataclass(frozen=True, eq=False)
class Stream:
    """Tasks in order, with the rows that are scored after each; checked at construction.

    Arguments:
        tasks: The tasks.
        test: The rows that are scored after every task, as indices, ascending. None is trained on.
        labels: The class of every row of the data, with shape :math:`(n,)`.
        class_names: The :math:`K` names.
        protocol: What counts as unseen; see :func:`make_stream`.
        order: The order of the classes.
        seed: The seed of the order and of the held-out rows.
        split: Where the rows come from.
        held_out: The share of rows that was drawn for the test where the split gives none;
            ``None`` if nothing was drawn.
        weighting: How accuracies are averaged by default: over rows or over classes.
        seen_mean: Over which tasks the seen accuracy is averaged by default.
        left_out: How many tasks of the whole stream were cut off before and after these.

    Raises:
        DataError: If anything contradicts this; every problem is listed at once.
    """

    tasks: tuple[Task, ...]
    test: NDArray[np.int64]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    protocol: str
    order: str
    seed: int
    split: str = "proposed"
    held_out: float | None = None
    weighting: Weighting = "sample"
    seen_mean: SeenMean = "T"
    left_out: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        from unseen.continual.check_streams import check_stream

        if problems := check_stream(self):
            raise DataError(problems)

    def __len__(self) -> int:
        """Returns the number of tasks :math:`T`."""
        return len(self.tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def __repr__(self) -> str:
        """Says what there is in one line; the arrays themselves would fill the screen."""
        train = sum(len(task.train) for task in self)

        return (
            f"Stream({self.protocol!r}: {len(self)} tasks of "
            f"{'+'.join(str(len(task.classes)) for task in self)} classes, "
            f"order {self.order!r}, seed {self.seed}; train {train:,}, test {len(self.test):,})"
        )

    def after(self, first: int) -> "Stream":
        """Returns the stream without its first tasks, on which settings were chosen.

        Classes of the first tasks are then neither seen nor unseen nor candidates, and their
        rows are neither trained on nor scored.

        Arguments:
            first: How many tasks to leave out.

        Raises:
            ValueError: If no task, or every task, would be left out.
        """
        self._check_count("first", first, len(self) - 1)

        return self._part(first, len(self))

    def first(self, number: int) -> "Stream":
        """Returns the first tasks alone, to choose settings on.

        Only their classes are candidates, and only rows of these are scored.

        Arguments:
            number: How many tasks.

        Raises:
            ValueError: If there are not so many.
        """
        self._check_count("number", number, len(self))

        return self._part(0, number)

    def record(self) -> dict[str, Any]:
        """Returns what a result must state to be comparable, ready for JSON."""
        before, behind = self.left_out

        return {
            "protocol": self.protocol,
            "order": self.order,
            "seed": self.seed,
            "split": self.split,
            "held_out": self.held_out,
            "transductive_attributes": False,  # training sees descriptions of seen classes alone
            "classes_per_task": [len(task.classes) for task in self],
            "described_per_task": [len(task.members) for task in self],
            "tasks_left_out": {"before": before, "after": behind},
            "test_rows": len(self.test),
            "weighting": self.weighting,
            "seen_mean": self.seen_mean,
        }

    def _check_count(self, name: str, value: int, most: int) -> None:
        if not isinstance(value, Integral) or not 1 <= value <= most:
            raise ValueError(
                f"`{name}` must be from 1 to {most} in a stream of {len(self)} tasks; "
                f"got {value!r}."
            )

    def _part(self, start: int, stop: int) -> "Stream":
        tasks, (before, behind) = self.tasks[start:stop], self.left_out
        kept = np.zeros(len(self.class_names), dtype=bool)
        kept[np.concatenate([task.members for task in tasks])] = True

        return replace(
            self,
            tasks=tuple(_restrict(task, kept, self.labels) for task in tasks),
            test=self.test[kept[self.labels[self.test]]],
            left_out=(before + start, behind + len(self) - stop),
        )


def make_stream(
    data: ZeroShotData,
    protocol: Protocol = "class_norm",
    tasks: int | Sequence[int] | str | None = None,
    order: Order = "random",
    seed: int = 1,
    split: Split = "proposed",
    held_out: float = 0.2,
    weighting: Weighting | None = None,
    seen_mean: SeenMean = "T",
) -> Stream:
    r"""Cuts a data set into a stream of tasks.

    - ``"class_norm"``: every class belongs to one task, and has training and test rows.
      :math:`N_t` are the classes of later tasks, and all :math:`K` classes are candidates from
      the start. Accuracies are averaged over rows.
    - ``"fixed"``: the same with the cuts of A-CZSL and averages over classes.
    - ``"dynamic"``: task :math:`t` brings some seen classes of the Proposed Split, with their
      training rows, and some of its unseen classes, as descriptions only. Candidates are the
      classes of tasks 1 to :math:`t`. Averages over classes.
    - ``"online"``: as ``"dynamic"``, but the last seen class of each task is at first only
      described, and counts as unseen; its training rows come with the next task. With the last
      task nothing is held back.

    Arguments:
        data: The data set.
        protocol: What counts as unseen.
        tasks: The number of tasks, their sizes (``"class_norm"`` and ``"fixed"`` only), or the
            name of a published cut: CUB, SUN, AWA or APY. By default the published cut, if the
            data have its name and number of classes, else five tasks. Cuts are even, smaller
            tasks first; unseen classes of the Proposed Split are cut with larger shares first.
        order: ``"random"``, ``"natural"``, or, where the protocol ignores the Proposed Split,
            ``"proposed-split"``: its unseen classes last, so that none that the feature extractor
            may have learned is called unseen.
        seed: The seed of the order (1 to 5 in the class-norm paper) and of the held-out rows.
        split: Where ``"class_norm"`` and ``"fixed"`` have their rows from; see
            :func:`~unseen.continual.rows.stream_rows`.
        held_out: The share of the rows of a class that is held out where the split gives none.
        weighting: How accuracies are averaged, if not as the protocol does.
        seen_mean: Whether the seen accuracy is averaged over tasks 1 to :math:`T` or, as the
            unseen one has to be, to :math:`T - 1`.

    Returns:
        The stream.

    Raises:
        ValueError: If an argument is not one of its choices, or the classes cannot be cut so.
        DataError: If a class has no training row or no test row.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> stream = make_stream(simulate_toy(), tasks=3)
        >>> [(task.seen.sum().item(), task.unseen.sum().item()) for task in stream]
        [(4, 8), (8, 4), (12, 0)]
    """
    _check_choices(protocol, order, split, weighting, seen_mean)
    _check_numbers(seed, held_out)
    by_split = protocol in ("dynamic", "online")
    if by_split:
        _check_proposed(protocol, order, split)
    classes = class_order(order, seed, data.seen)

    if by_split:
        members, trained = cut_by_split(tasks, protocol, data.source.name, classes, data.seen)
        known = _so_far(members, len(classes))
        train = np.sort(data.train)
        test = np.sort(data.test)
    else:
        sizes = task_sizes(tasks, protocol, data.source.name, len(classes))
        members = trained = np.split(classes, np.cumsum(sizes)[:-1])
        known = np.ones((len(members), len(classes)), dtype=bool)
        train, test = stream_rows(data, split, held_out, seed)

    seen = _so_far(trained, len(classes))
    rows = _rows_by_task(train, data.labels, trained, len(classes))
    steps = zip(rows, trained, members, seen, known & ~seen, strict=True)

    return Stream(
        tasks=tuple(Task(*step) for step in steps),
        test=test,
        labels=data.labels,
        class_names=tuple(data.class_names),
        protocol=protocol,
        order=order,
        seed=int(seed),
        split=split,
        held_out=None if by_split or split != "proposed" else float(held_out),
        weighting=weighting or ("sample" if protocol == "class_norm" else "class"),
        seen_mean=seen_mean,
    )


# Bookkeeping


def _so_far(classes: Classes, number: int) -> NDArray[np.bool_]:
    """Returns which classes occur in tasks 1 to t, with shape (T, K)."""
    new = np.zeros((len(classes), number), dtype=bool)
    for row, of_task in zip(new, classes, strict=True):
        row[of_task] = True

    return np.logical_or.accumulate(new)


def _rows_by_task(
    rows: NDArray[np.int64], labels: NDArray[np.int64], trained: Classes, number: int
) -> list[NDArray[np.int64]]:
    task_of = np.zeros(number, dtype=np.int64)
    task_of[np.concatenate(trained)] = np.repeat(np.arange(len(trained)), list(map(len, trained)))

    task = task_of[labels[rows]]
    counts = np.bincount(task, minlength=len(trained))

    return np.split(rows[np.argsort(task, kind="stable")], np.cumsum(counts)[:-1])


def _restrict(task: Task, kept: NDArray[np.bool_], labels: NDArray[np.int64]) -> Task:
    return Task(
        train=task.train[kept[labels[task.train]]],
        classes=task.classes[kept[task.classes]],
        members=task.members,
        seen=task.seen & kept,
        unseen=task.unseen & kept,
    )


# Arguments


def _check_choices(
    protocol: str, order: str, split: str, weighting: str | None, seen_mean: str
) -> None:
    given = {
        "protocol": (protocol, get_args(Protocol)),
        "order": (order, get_args(Order)),
        "split": (split, get_args(Split)),
        "weighting": (weighting, (None, *get_args(Weighting))),
        "seen_mean": (seen_mean, get_args(SeenMean)),
    }
    for name, (value, choices) in given.items():
        check_choice(name, value, choices)


def _check_numbers(seed: int, held_out: float) -> None:
    if not isinstance(seed, Integral) or not 0 <= seed < 2**32:
        raise ValueError(f"`seed` must be a whole number from 0 to 2**32 - 1; got {seed!r}.")
    if not 0 < held_out < 1:
        raise ValueError(f"`held_out` must be a share between 0 and 1; got {held_out!r}.")


def _check_proposed(protocol: str, order: str, split: str) -> None:
    if order == "proposed-split":
        raise ValueError(
            f"{protocol!r} takes seen and unseen classes from the Proposed Split in any order; "
            'order="proposed-split" is for "class_norm" and "fixed".'
        )
    if split != "proposed":
        raise ValueError(
            f"{protocol!r} takes its rows from the Proposed Split; split={split!r} is for "
            '"class_norm" and "fixed".'
        )
