"""What class norm adds to each strategy along a stream: paired differences over class orders."""

__all__ = ["OF_CLASS_NORM", "Gain", "Paired", "find_gains"]

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unseen.report.measures import STREAM_GAINS, Measure
from unseen.report.stream_summary import StreamMethod, StreamSummary
from unseen.report.summary import Spread

OF_CLASS_NORM = ("norm", "init")  # the settings in which the two heads differ


@dataclass(frozen=True)
class Paired:
    """Holds the differences of a measure over the same class orders.

    Arguments:
        spread: Their mean and standard deviation.
        better: In how many orders the difference is for the better.
        orders: In how many both were measured.

    Example:
        >>> Paired.of([0.3, 0.1, -0.1], higher_is_better=True).better
        2
    """

    spread: Spread
    better: int
    orders: int

    @classmethod
    def of(cls, differences: Sequence[float], higher_is_better: bool) -> "Paired":
        """Returns what some differences say; NaN is left out."""
        measured = [value for value in differences if not math.isnan(value)]
        sign = 1 if higher_is_better else -1

        return cls(Spread.of(measured), sum(sign * value > 0 for value in measured), len(measured))


@dataclass(frozen=True)
class Gain:
    """Holds what class norm adds to one strategy.

    Arguments:
        name: The strategy, with what else tells it apart.
        measures: The paired differences, with class norm minus without, by name.
    """

    name: str
    measures: Mapping[str, Paired]


def find_gains(summary: StreamSummary) -> list[Gain]:
    """Returns what class norm adds to each strategy that ran with and without it, paired."""
    heads = [method for method in summary.methods if method.strategy is not None]
    bare = [method for method in heads if method.runs[0].settings.get("norm") is None]
    without = {pair_key(method): method for method in sorted(bare, key=lambda one: one.method)}
    pairs = [
        (method, without[pair_key(method)])
        for method in heads
        if method.class_norm and pair_key(method) in without
    ]

    return [
        Gain(
            one.name.removeprefix(f"{one.method} + "),
            {measure.name: paired(one, other, measure) for measure in STREAM_GAINS},
        )
        for one, other in pairs
    ]


def paired(one: StreamMethod, other: StreamMethod, measure: Measure) -> Paired:
    """Returns the differences over the orders that both had."""
    values, others = (
        {run.seed: run.measures[measure.name] for run in method.runs} for method in (one, other)
    )
    both = sorted(values.keys() & others.keys())

    return Paired.of([values[seed] - others[seed] for seed in both], measure.higher_is_better)


def pair_key(method: StreamMethod) -> str:
    """Returns what a method shares with the same one of the other head."""
    run = method.runs[0]
    shared = {name: value for name, value in run.settings.items() if name not in OF_CLASS_NORM}

    return json.dumps([run.strategy, run.selection, shared], sort_keys=True)
