"""``unseen demo``: the whole way on the embedded data, in seconds."""

__all__ = ["demo"]

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from unseen.cli.console import note, progress, results
from unseen.cli.errors import naming_users
from unseen.cli.outputs import check_folder
from unseen.cli.result_table import ORACLE, add_results, result_table
from unseen.cli.settings import Whole, check_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.progress import Progress

    from unseen.benchmark.evaluation import Evaluation
    from unseen.data.dataset import ZeroShotData
    from unseen.methods.base import ZeroShotClassifier
    from unseen.report.plots import LabelledCurve

SHOWN = ("class-norm", "mlp")
PLOT = "demo-curve.png"


def demo(*, output: Annotated[Path, Parameter(alias="-o")] = Path(), seed: Whole = 0) -> None:
    """Learn from seven handwritten digits, then read three others by their print alone.

    Trains Class Normalization and a plain MLP on the embedded data, chooses the penalty on seen
    classes, judges both, and draws demo-curve.png.

    Arguments:
        output: The folder of the plot.
        seed: The seed of initial weights and batches.
    """
    from unseen.benchmark.evaluation import judge_scores
    from unseen.data.digits import load_digits
    from unseen.methods import METHODS
    from unseen.report.plots import plot_seen_unseen_curves

    check_seed(seed)
    check_folder(output)
    output.mkdir(parents=True, exist_ok=True)
    data, start = load_digits(), time.perf_counter()
    table, curves = result_table(f"digits: {len(data.train):,} rows of 7 digits, 3 unseen"), []

    with progress() as bar:
        for name in SHOWN:
            model = train(METHODS[name], data, seed, bar, name)
            scores = model.decision_function(data.rows(data.test), data.class_attributes)
            evaluation = judge_scores(model, data, scores)
            table.add_row(name, style="bold")
            add_results(table, evaluation)
            curves.append(to_curve(name, scores, data, evaluation))
    plot_seen_unseen_curves(
        curves, output / PLOT, "Handwritten digits: 7 seen, 3 known by print alone"
    )

    results().print(table)
    note(f"{time.perf_counter() - start:.0f} seconds; the seen-unseen curve is {output / PLOT}")
    note("one choice of digits says little: accuracy over all choices spreads by 12 points")


def train(
    method: "type[ZeroShotClassifier]", data: "ZeroShotData", seed: int, bar: "Progress", name: str
) -> "ZeroShotClassifier":
    """Returns a trained method with a penalty chosen on hidden seen classes."""
    from unseen.decide import choose_seen_penalty

    task = bar.add_task(name, total=None, detail="training")
    train = data.subset("train")

    def show_fold(done: int, folds: int) -> None:
        bar.update(task, total=folds, completed=done, detail="choosing the penalty")

    with naming_users():
        model = method().set_params(random_state=seed)
        model.fit(train.features, train.labels, data.class_attributes, class_names=data.class_names)
        model.seen_penalty_ = choose_seen_penalty(model, data, progress=show_fold)

    return model


def to_curve(
    name: str, scores: "NDArray", data: "ZeroShotData", evaluation: "Evaluation"
) -> "LabelledCurve":
    """Returns the curve of the scores (n, c) of the test rows, with its three results to mark."""
    from unseen.metrics.gzsl import seen_unseen_curve
    from unseen.report.plots import LabelledCurve

    marked = {
        "no penalty": evaluation.no_penalty,
        "penalty from hidden classes": evaluation.stored,
        ORACLE: evaluation.oracle,
    }

    curve = seen_unseen_curve(scores, data.labels[data.test], data.seen)

    return LabelledCurve(name, curve, marked)
