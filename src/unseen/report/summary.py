"""What the runs of a benchmark say together: means over seeds, by data set and method."""

__all__ = [
    "Band",
    "DataSummary",
    "MethodSummary",
    "Spread",
    "best_means",
    "drop_repeated",
    "grouped",
    "latest",
    "summarize",
    "told_apart",
]

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from unseen.report.measures import ACCURACIES, MEASURES, Measure
from unseen.report.records import Run
from unseen.report.stream_records import StreamRecord

POINTS = 61  # of a mean curve

Item = TypeVar("Item")
AnyRun = TypeVar("AnyRun", Run, StreamRecord)


@dataclass(frozen=True)
class Spread:
    """Holds the mean and the standard deviation of a measure over seeds.

    Arguments:
        mean: The mean of the seeds in which it was measured; NaN where there is none.
        deviation: Their sample standard deviation; NaN with one seed.

    Example:
        >>> Spread.of([1.0, 3.0, 2.0, float("nan")])
        Spread(mean=2.0, deviation=1.0)
    """

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Returns the spread of some values; NaN is left out."""
        measured = [value for value in values if not math.isnan(value)]
        mean = float(np.mean(measured)) if measured else math.nan
        deviation = float(np.std(measured, ddof=1)) if len(measured) > 1 else math.nan

        return cls(mean, deviation)


@dataclass(frozen=True)
class Band:
    """Holds a seen-unseen curve over seeds: S at the same values of U, each of shape (m,).

    Arguments:
        unseen: The values of U, ascending.
        mean: The mean of S.
        low: The least S of any seed.
        high: The greatest.
    """

    unseen: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True)
class MethodSummary:
    """Holds what one method, with one way of choosing, achieves on one data set.

    Arguments:
        runs: Its runs, one per seed, by seed.
        name: What no other result of this way of choosing on the data set is called.
        measures: The measures with the stored penalty, and the costs, by name.
        bare: The accuracies without penalty, by name.
        oracle: The accuracies with the penalty that is best on the test rows, by name.
        per_class: The mean accuracy of each class, by name.
        curve: The seen-unseen curve.
    """

    runs: tuple[Run, ...]
    name: str
    measures: Mapping[str, Spread]
    bare: Mapping[str, Spread]
    oracle: Mapping[str, Spread]
    per_class: Mapping[str, float]
    curve: Band

    @property
    def is_oracle(self) -> bool:
        """Says whether it was chosen on test classes: a bound, not a result."""
        return self.runs[0].selection == "oracle"

    @property
    def is_random(self) -> bool:
        """Says whether seeds can differ: without randomness a deviation means nothing."""
        return self.runs[0].is_random

    @property
    def harmonic_mean(self) -> float:
        """The mean H with the stored penalty: a fraction, NaN where it was not measured."""
        return self.measures["harmonic_mean"].mean


@dataclass(frozen=True)
class DataSummary:
    """Holds what all methods achieve on one data set with one class table.

    Arguments:
        data: The description of the data, as the records have it.
        methods: The methods, the greatest H first.
    """

    data: Mapping[str, Any]
    methods: tuple[MethodSummary, ...]

    @property
    def results(self) -> tuple[MethodSummary, ...]:
        """The methods that did not see the test rows while anything was chosen."""
        return tuple(method for method in self.methods if not method.is_oracle)

    @property
    def best(self) -> dict[str, float]:
        """The best mean of each measure among the results, by name; NaN if none was measured."""
        return best_means([method.measures for method in self.results], MEASURES)


def drop_repeated(runs: Sequence[Run]) -> list[Run]:
    """Returns the runs without those that were made again: a seed counts once, the latest.

    Two runs can be of the same data, method, settings and seed and have different keys, where a
    version of the program searches other settings and chooses the same.
    """
    return latest(runs, lambda run: json.dumps([data_key(run), method_key(run), run.seed]))


def summarize(runs: Sequence[Run]) -> list[DataSummary]:
    """Returns what the runs say, by data set and class table, in the order of the runs.

    Runs are of one method if all but their seed is the same: settings, selection and data. Of
    those with the same seed, too, the latest counts.
    """
    runs = drop_repeated(runs)

    return [
        DataSummary(
            of_data[0].data,
            tuple(
                sorted(
                    summarize_methods(of_data),
                    key=lambda method: (
                        math.isnan(method.harmonic_mean),
                        -method.harmonic_mean,
                        method.name,
                    ),
                )
            ),
        )
        for of_data in grouped(runs, data_key).values()
    ]


def latest(runs: Sequence[AnyRun], identity: Callable[[AnyRun], str]) -> list[AnyRun]:
    """Returns the run of each identity that was finished last, in the order of the runs.

    Of those finished at the same second the last one in the order counts.
    """
    last: dict[str, AnyRun] = {}
    for run in runs:
        name = identity(run)
        if name not in last or run.finished >= last[name].finished:
            last[name] = run
    kept = {run.key for run in last.values()}

    return [run for run in runs if run.key in kept]


def best_means(
    results: Sequence[Mapping[str, Spread]], measures: Iterable[Measure]
) -> dict[str, float]:
    """Returns the best mean of each measure among some results, by name; NaN if there is none."""
    best = {}
    for measure in measures:
        means = [result[measure.name].mean for result in results]
        measured = [mean for mean in means if not math.isnan(mean)]
        pick = max if measure.higher_is_better else min
        best[measure.name] = pick(measured, default=math.nan)

    return best


def grouped(items: Iterable[Item], key: Callable[[Item], str]) -> dict[str, list[Item]]:
    """Returns the items by their key, in their order."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)

    return groups


def data_key(run: Run) -> str:
    """Returns what the runs on one data set with one class table share."""
    names = ("name", "attributes", "sha256")

    return json.dumps([run.data[name] for name in names], sort_keys=True)


def method_key(run: Run) -> str:
    """Returns what the runs of one method share: all but their seed."""
    return json.dumps([run.name, run.selection, run.settings], sort_keys=True)


def summarize_methods(runs: Sequence[Run]) -> list[MethodSummary]:
    """Returns what the runs on one data set say, by method, settings and way of choosing."""
    groups = list(grouped(runs, method_key).values())
    prefixes = [f"{group[0].selection}: " for group in groups]
    names = told_apart(
        [prefix + group[0].name for prefix, group in zip(prefixes, groups, strict=True)],
        [group[0].settings for group in groups],
    )

    return [
        summarize_method(group, name.removeprefix(prefix))
        for group, name, prefix in zip(groups, names, prefixes, strict=True)
    ]


def told_apart(names: Sequence[str], entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns names, of which those that are the same get, in words, what their entries differ in.

    Arguments:
        names: The names.
        entries: What stands behind each, by names of its own.

    Example:
        >>> told_apart(["a", "b", "b"], [{}, {"lr": 0.1, "epochs": 5}, {"lr": 0.2, "epochs": 5}])
        ['a', 'b (lr=0.1)', 'b (lr=0.2)']
    """
    found = list(names)
    for same in grouped(range(len(names)), lambda number: names[number]).values():
        behind = [entries[number] for number in same]
        keys = dict.fromkeys(key for entry in behind for key in entry)
        apart = [key for key in keys if len({json.dumps(entry.get(key)) for entry in behind}) > 1]
        for number, entry in zip(same, behind, strict=True):
            words = ", ".join(f"{key}={entry[key]}" for key in apart if key in entry)
            found[number] += f" ({words})" if words else ""

    return found


def summarize_method(runs: Sequence[Run], name: str) -> MethodSummary:
    """Returns what the runs of one method on one data set say together."""
    ordered = tuple(sorted(runs, key=lambda run: run.seed))
    accuracies = [measure.name for measure in ACCURACIES]

    return MethodSummary(
        ordered,
        name,
        {
            measure.name: Spread.of(run.measures[measure.name] for run in runs)
            for measure in MEASURES
        },
        {name: Spread.of(run.bare[name] for run in runs) for name in accuracies},
        {name: Spread.of(run.oracle[name] for run in runs) for name in accuracies},
        {
            name: Spread.of(run.per_class[name] for run in runs).mean
            for name in ordered[0].per_class
        },
        mean_curve([(run.unseen_curve, run.seen_curve) for run in runs]),
    )


def mean_curve(curves: Sequence[tuple[NDArray, NDArray]]) -> Band:
    """Averages S over the seeds, at each U; beyond its greatest U, a seed counts with S = 0.

    Arguments:
        curves: U and S of each seed, in any order of the penalty.

    Example:
        >>> short = np.array([0.0, 0.5]), np.array([1.0, 1.0])
        >>> long = np.array([0.0, 1.0]), np.array([1.0, 1.0])
        >>> float(mean_curve([short, long]).mean[-1])
        0.5
    """
    unseen = np.linspace(0, max(float(unseen.max()) for unseen, _ in curves), POINTS)
    seen = np.array([seen_at(unseen, *curve) for curve in curves])  # (seeds, POINTS)

    return Band(unseen, seen.mean(axis=0), seen.min(axis=0), seen.max(axis=0))


def seen_at(values: NDArray, unseen: NDArray, seen: NDArray) -> NDArray:
    """Returns S at some values of U (m,), between the points of a curve (p,)."""
    order = np.lexsort((-seen, unseen))  # U ascending, S descending

    return np.interp(values, unseen[order], seen[order], right=0.0)
