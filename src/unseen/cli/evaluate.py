"""``unseen evaluate``: how good a saved model is on the test rows of a data set."""

__all__ = ["evaluate"]

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from unseen.cli.console import print_json, results
from unseen.cli.data_notes import show_notes
from unseen.cli.errors import naming_users
from unseen.cli.matching import check_data, compare_sources
from unseen.cli.models import read_model
from unseen.cli.result_table import add_results, has_oracle, percent, result_table

if TYPE_CHECKING:
    from unseen.benchmark.evaluation import Evaluation


def evaluate(
    model: Path,
    data: str,
    /,
    *,
    attributes: str | None = None,
    per_class: bool = False,
    per_sample: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Judge a model on the test rows of a data set.

    T1: unseen classes, chosen among the unseen. U, S: unseen and seen classes, chosen among all.
    H: their harmonic mean. AUSUC: the area under the curve of S over U, whatever the penalty.

    Arguments:
        model: The folder that "unseen train" wrote.
        data: A folder with rows.csv and classes.csv, or with res101.mat and att_splits.mat, an npz
            or safetensors file, or "digits", which is embedded.
        attributes: The class table to take, where there are several.
        per_class: Show the accuracy of each class, too, and what it is most often taken for.
        per_sample: Count each sample the same, instead of each class.
        as_json: Print the results as JSON.
    """
    from unseen.benchmark.evaluation import evaluate as judge
    from unseen.data.load import load

    fitted = read_model(model, data)
    loaded = load(data, attributes)
    check_data(fitted, model, loaded, data)
    compare_sources(fitted, loaded)
    show_notes(loaded)
    with naming_users():
        evaluation = judge(fitted, loaded, "sample" if per_sample else "class")

    if as_json:
        print_json(evaluation.to_json())
        return

    show(evaluation, per_sample)
    if per_class:
        show_classes(evaluation)


def show(evaluation: "Evaluation", per_sample: bool) -> None:
    console = results()
    table = result_table(f"{evaluation.method} on {evaluation.data} ({evaluation.setting})")
    add_results(table, evaluation)
    console.print(table)

    console.print(f"penalty on seen classes: {evaluation.stored.penalty}", soft_wrap=True)
    if has_oracle(evaluation):
        console.print("the oracle is a bound, not a result: it saw the test labels")
    if per_sample:
        console.print("each sample counts the same")


def show_classes(evaluation: "Evaluation") -> None:
    """Prints the classes with the stored penalty, best first, those without test rows last."""
    import numpy as np
    from rich.table import Table

    result, names = evaluation.stored, evaluation.class_names
    accuracies = result.class_accuracies
    penalty = "no penalty" if result.penalty == "none" else "the stored penalty"
    table = Table(
        title=f"per class, with {penalty}", title_justify="left", box=None, pad_edge=False
    )
    table.add_column("class", overflow="fold")
    table.add_column("")
    table.add_column("percent", justify="right")
    table.add_column("most often taken for", overflow="fold")
    table.add_column("percent", justify="right")

    for row in np.argsort(-accuracies, kind="stable"):
        kind = "seen" if evaluation.seen[row] else "unseen"
        other = result.taken_for[row]
        taken = (names[other], percent(result.taken_share[row])) if other >= 0 else ()
        table.add_row(names[row], kind, percent(accuracies[row]), *taken)

    console = results()
    console.print()
    console.print(table)
