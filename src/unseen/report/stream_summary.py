"""What the runs along streams say together: means over class orders, by stream and method."""

__all__ = [
    "INTRANSIGENCE",
    "JOINT",
    "Course",
    "StreamMethod",
    "StreamSummary",
    "compare_joint",
    "drop_repeated_streams",
    "summarize_streams",
]

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.metrics.stepwise import step_mean
from unseen.report.measures import COURSES, STREAM_COSTS, STREAM_RESULTS, Measure
from unseen.report.stream_records import StreamRecord
from unseen.report.summary import Spread, best_means, grouped, latest, told_apart

JOINT = "joint"
INTRANSIGENCE = Measure(
    "mean_intransigence",
    "I",
    "intransigence: how much worse a task was learned than by joint training of the same head over "
    "the same order, where that ran",
    higher_is_better=False,
    factor=100,
)


@dataclass(frozen=True)
class Course:
    """Holds a measure after each task over class orders, each of shape (T,); NaN where none.

    Arguments:
        mean: The mean.
        low: The least of any order.
        high: The greatest.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of(cls, courses: Sequence[NDArray[np.float64]]) -> "Course":
        """Returns the course over some orders; one in which nothing was measured is left out.

        Example:
            >>> course = Course.of([np.array([0.0, np.nan]), np.array([1.0, np.nan])])
            >>> course.mean.tolist(), course.high.tolist()
            ([0.5, nan], [1.0, nan])
        """
        masked = np.ma.masked_invalid(np.array(courses))  # (seeds, T)

        return cls(
            *(np.ma.filled(part, np.nan) for part in (masked.mean(0), masked.min(0), masked.max(0)))
        )


@dataclass(frozen=True, eq=False)
class StreamMethod:
    """Holds what one head with one strategy, or one exact method, achieves along a stream.

    Arguments:
        runs: Its runs, one per class order, by seed.
        name: What no other method of the stream is called.
    """

    runs: tuple[StreamRecord, ...]
    name: str

    @property
    def method(self) -> str:
        """The head, or the exact method."""
        return self.runs[0].method

    @property
    def strategy(self) -> str | None:
        """The strategy; ``None`` for an exact method."""
        return self.runs[0].strategy

    @property
    def class_norm(self) -> bool:
        """Says whether its head has class norm, by its settings: a name promises nothing."""
        return self.runs[0].settings.get("norm") == "class"

    @property
    def keeps_all(self) -> bool:
        """Says whether it trains on all past rows: what a stream could give, not a contender."""
        return self.strategy == JOINT

    @cached_property
    def measures(self) -> dict[str, Spread]:
        """The measures and the costs, by name."""
        return {
            one.name: Spread.of(run.measures[one.name] for run in self.runs)
            for one in (*STREAM_RESULTS, INTRANSIGENCE, *STREAM_COSTS)
        }

    @cached_property
    def courses(self) -> dict[str, Course]:
        """The measures after each task, by name."""
        return {
            one.name: Course.of([run.courses[one.name] for run in self.runs]) for one in COURSES
        }

    @cached_property
    def accuracy(self) -> NDArray[np.float64]:
        """The mean accuracy on each task after each, with shape (T, T)."""
        return Course.of([run.accuracy for run in self.runs]).mean

    @cached_property
    def memory(self) -> dict[str, float]:
        """The mean bytes of each part after the task at which most was kept."""
        names = sorted({name for run in self.runs for name in run.memory.parts})

        return {name: float(np.mean([at_peak(run, name) for run in self.runs])) for name in names}


def at_peak(run: StreamRecord, part: str) -> int:
    """Returns the bytes of a part after the task at which most was kept."""
    total = run.memory.total

    return run.memory.parts.get(part, (0,) * len(total))[total.index(run.memory.peak)]


@dataclass(frozen=True)
class StreamSummary:
    """Holds what all methods achieve along one kind of stream over one data set.

    Arguments:
        data: The description of the data, as the records have it.
        stream: That of the stream, but for its seed.
        methods: The methods, the greatest mAUC first.
    """

    data: Mapping[str, Any]
    stream: Mapping[str, Any]
    methods: tuple[StreamMethod, ...]

    @property
    def tasks(self) -> int:
        """The number :math:`T` of tasks."""
        return len(self.stream["classes_per_task"])

    @property
    def contenders(self) -> tuple[StreamMethod, ...]:
        """The methods that do not keep all rows."""
        return tuple(method for method in self.methods if not method.keeps_all)

    @cached_property
    def best(self) -> dict[str, float]:
        """The best mean of each measure among the contenders; NaN if none was measured."""
        return best_means(
            [method.measures for method in self.contenders],
            (*STREAM_RESULTS, INTRANSIGENCE, *STREAM_COSTS),
        )

    def is_best(self, method: StreamMethod, measure: Measure) -> bool:
        """Says whether a result is the best of its column."""
        return (
            not method.keeps_all
            and len(self.contenders) > 1
            and method.measures[measure.name].mean == self.best[measure.name]
        )


def drop_repeated_streams(runs: Sequence[StreamRecord]) -> list[StreamRecord]:
    """Returns the runs without those that were made again: an order counts once, the latest."""
    return latest(runs, lambda run: json.dumps([stream_key(run), method_key(run), run.seed]))


def summarize_streams(runs: Sequence[StreamRecord]) -> list[StreamSummary]:
    """Returns what the runs say, by data set and kind of stream, in the order of the runs.

    Runs are of one method if all but their seed and their chosen learning rate is the same. Streams
    are of one kind if all but their seed is the same: results of others cannot be compared.
    """
    of_streams = grouped(drop_repeated_streams(runs), stream_key).values()

    return [
        StreamSummary(
            of_stream[0].data, of_stream[0].stream, name_methods(compare_joint(of_stream))
        )
        for of_stream in of_streams
    ]


def name_methods(runs: Sequence[StreamRecord]) -> tuple[StreamMethod, ...]:
    """Returns the methods of a stream; those of one label get what they differ in as well."""
    groups = list(grouped(runs, method_key).values())
    names = told_apart(
        [group[0].label for group in groups],
        [{"chosen on": group[0].selection, **group[0].settings} for group in groups],
    )
    methods = [
        StreamMethod(tuple(sorted(group, key=lambda run: run.seed)), name)
        for group, name in zip(groups, names, strict=True)
    ]

    def place(method: StreamMethod) -> tuple[bool, float, str]:
        mean = method.measures["mean_ausuc"].mean
        return math.isnan(mean), -mean, method.name

    return tuple(sorted(methods, key=place))


def compare_joint(runs: Sequence[StreamRecord]) -> list[StreamRecord]:
    """Returns runs along one kind of stream with their intransigence, which needs joint training.

    It is NaN for joint training itself, and for a run beside which the joint one of the same head,
    selection, learning rate and seed is missing, or stands more than once.
    """
    joint = grouped([run for run in runs if run.strategy == JOINT], head_key)

    def of(run: StreamRecord) -> float:
        beside = joint.get(head_key(run), [])
        if run.strategy == JOINT or len(beside) != 1:
            return math.nan

        return step_mean(np.diagonal(beside[0].accuracy - run.accuracy), first=0)

    return [replace(run, measures={**run.measures, INTRANSIGENCE.name: of(run)}) for run in runs]


def stream_key(run: StreamRecord) -> str:
    """Returns what the runs along one kind of stream share: data, and all but the seed."""
    data = [run.data[name] for name in ("name", "attributes", "sha256")]

    return json.dumps([data, run.stream], sort_keys=True)


def method_key(run: StreamRecord) -> str:
    """Returns what the runs of one method share: all but seed and chosen learning rate."""
    return json.dumps([run.label, run.selection, run.settings], sort_keys=True)


def head_key(run: StreamRecord) -> str:
    """Returns what a run shares with joint training of the same head over the same order."""
    own = f"{run.strategy}."
    shared = {name: value for name, value in run.settings.items() if not name.startswith(own)}

    return json.dumps([run.method, run.selection, run.rate, run.seed, shared], sort_keys=True)
