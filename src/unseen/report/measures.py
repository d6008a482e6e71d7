"""What a report measures: names, units, and which direction is better."""

__all__ = ["ACCURACIES", "COSTS", "MEASURES", "Measure"]

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """Says how to show a measure.

    Arguments:
        name: Its name in a record.
        symbol: What stands above its column.
        meaning: What it is, in a sentence.
        higher_is_better: Which direction is better.
        factor: What its values are multiplied by for display.
        decimals: How many decimals are shown.

    Example:
        >>> ACCURACIES[3].symbol, ACCURACIES[3].arrow, ACCURACIES[3].show(0.3333)
        ('H', '↑', '33.3')
    """

    name: str
    symbol: str
    meaning: str
    higher_is_better: bool
    factor: float = 1.0
    decimals: int = 1

    @property
    def arrow(self) -> str:
        return "↑" if self.higher_is_better else "↓"

    def show(self, value: float) -> str:
        """Returns the value as a person reads it."""
        return f"{self.factor * value:,.{self.decimals}f}"


ACCURACIES = (
    Measure(
        "zsl_accuracy",
        "T1",
        "accuracy on unseen classes, chosen among the unseen ones alone",
        higher_is_better=True,
        factor=100,
    ),
    Measure(
        "unseen_accuracy",
        "U",
        "accuracy on unseen classes, chosen among all",
        higher_is_better=True,
        factor=100,
    ),
    Measure(
        "seen_accuracy",
        "S",
        "accuracy on seen classes, chosen among all",
        higher_is_better=True,
        factor=100,
    ),
    Measure(
        "harmonic_mean",
        "H",
        "harmonic mean of U and S",
        higher_is_better=True,
        factor=100,
    ),
    Measure(
        "ausuc",
        "AUSUC",
        "area under the curve of S over U, which no penalty changes",
        higher_is_better=True,
        factor=100,
    ),
)
COSTS = (
    Measure("fit_seconds", "fit s", "seconds of one training", higher_is_better=False),
    Measure(
        "peak_memory_mb",
        "peak MB",
        "the most memory that the process held, in megabytes",
        higher_is_better=False,
        decimals=0,
    ),
)
MEASURES = (*ACCURACIES, *COSTS)
