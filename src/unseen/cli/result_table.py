"""Results as people read them: T1, U, S, H and AUSUC in percent, their mean and deviation."""

__all__ = [
    "MEASURES",
    "ORACLE",
    "add_results",
    "has_oracle",
    "mean_and_deviation",
    "percent",
    "result_table",
    "spread",
]

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from unseen.benchmark.evaluation import Evaluation
    from unseen.metrics.gzsl import GZSLResult

MEASURES = {
    "T1": "zsl_accuracy",
    "U": "unseen_accuracy",
    "S": "seen_accuracy",
    "H": "harmonic_mean",
    "AUSUC": "ausuc",
}
ORACLE = "oracle (chosen on test)"


def result_table(title: str) -> Table:
    """Returns an empty table, 60 columns wide at most, but for long titles."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("percent")
    for heading in MEASURES:
        table.add_column(heading, justify="right", no_wrap=True)

    return table


def add_results(table: Table, evaluation: "Evaluation") -> None:
    """Adds a row without penalty, one with the stored one, and the oracle's, a bound, if any."""
    from unseen.decide import HIDDEN

    hidden = evaluation.stored.selection == HIDDEN
    add_row(table, "no penalty", evaluation.no_penalty)
    add_row(table, "hidden-class penalty" if hidden else "stored penalty", evaluation.stored)
    if has_oracle(evaluation):
        add_row(table, ORACLE, evaluation.oracle, style="red")


def has_oracle(evaluation: "Evaluation") -> bool:
    """Says whether there was anything to choose a penalty on: seen and unseen test rows."""
    return not math.isnan(evaluation.oracle.harmonic_mean)


def add_row(table: Table, name: str, result: "GZSLResult", style: str | None = None) -> None:
    cells = [percent(getattr(result, measure)) for measure in MEASURES.values()]
    table.add_row(name, *cells, style=style)


def percent(fraction: float) -> str:
    """Returns a fraction in percent, and a dash where nothing was measured.

    Example:
        >>> percent(0.333), percent(float("nan"))
        ('33.3', '-')
    """
    return "-" if math.isnan(fraction) else f"{100 * fraction:.1f}"


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """Returns mean and sample standard deviation; ``None`` where there are too few values."""
    return {
        "mean": fmean(values) if values else None,
        "std": stdev(values) if len(values) > 1 else None,
    }


def mean_and_deviation(values: Sequence[float]) -> str:
    """Returns mean and deviation of fractions in percent, and a dash where nothing was measured.

    Example:
        >>> mean_and_deviation([0.31, 0.33]), mean_and_deviation([])
        ('32.0±1.4', '-')
    """
    if not values:
        return "-"
    deviation = f"±{percent(stdev(values))}" if len(values) > 1 else ""

    return percent(fmean(values)) + deviation
