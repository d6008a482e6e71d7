"""What a report measures: names, units, and which direction is better."""

__all__ = [
    "ACCURACIES",
    "COSTS",
    "COURSES",
    "MEASURES",
    "STREAM_COSTS",
    "STREAM_GAINS",
    "STREAM_RESULTS",
    "Measure",
]

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
        """The direction that is better."""
        return "↑" if self.higher_is_better else "↓"

    def show(self, value: float) -> str:
        """Returns the value as a person reads it."""
        rounded = round(self.factor * value, self.decimals) + 0.0  # -0.0 becomes 0.0

        return f"{rounded:,.{self.decimals}f}"


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

# Along a stream of tasks: what is reported of a whole run ...
STREAM_RESULTS = (
    Measure(
        "mean_ausuc",
        "mAUC",
        "mean over the tasks of the area under the curve of S over U",
        higher_is_better=True,
        factor=100,
    ),
    Measure(
        "mean_harmonic_mean",
        "mH",
        "mean over the tasks of H, the harmonic mean of U and S",
        higher_is_better=True,
        factor=100,
    ),
    Measure(
        "mean_joint_accuracy",
        "mJA",
        "mean over the tasks of the accuracy on all classes, seen or not",
        higher_is_better=True,
        factor=100,
    ),
    Measure(
        "mean_seen_accuracy",
        "mSA",
        "mean over the tasks of S, the accuracy on classes seen so far",
        higher_is_better=True,
        factor=100,
    ),
    Measure(
        "mean_unseen_accuracy",
        "mUA",
        "mean over the tasks of U, the accuracy on classes not seen yet",
        higher_is_better=True,
        factor=100,
    ),
    Measure(
        "mean_forgetting",
        "F",
        "forgetting: how far a task's accuracy fell below its best since it was learned",
        higher_is_better=False,
        factor=100,
    ),
    Measure(
        "mean_forgetting_code",
        "F code",
        "forgetting as the authors' code has it: below its best at any time, also before it was "
        "learned",
        higher_is_better=False,
        factor=100,
    ),
    Measure(
        "backward_transfer",
        "BWT",
        "backward transfer: what later tasks changed in the accuracy of a task",
        higher_is_better=True,
        factor=100,
    ),
    Measure(
        "learning_curve_area",
        "LCA",
        "learning curve area: the mean accuracy on a task before and after its first ten batches",
        higher_is_better=True,
        factor=100,
    ),
)
STREAM_GAINS = STREAM_RESULTS[:6]  # in which a part of the head is judged
STREAM_COSTS = (
    Measure("seconds", "fit s", "seconds of training, all tasks together", higher_is_better=False),
    Measure(
        "kept_mb",
        "kept MB",
        "the most that was kept from task to task, in megabytes",
        higher_is_better=False,
        decimals=2,
    ),
)
# ... and what is measured after each task.
COURSES = (
    Measure("seen", "S", "accuracy on the classes seen so far", True, factor=100),
    Measure("unseen", "U", "accuracy on the classes not seen yet", True, factor=100),
    Measure("harmonic", "H", "harmonic mean of U and S", True, factor=100),
    Measure("joint", "JA", "accuracy on all classes", True, factor=100),
    Measure("auc", "AUC", "area under the curve of S over U", True, factor=100),
)
