"""``unseen evaluate``: how good a saved model is on the test rows of a data set."""

__all__ = ["evaluate"]

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from unseen.cli.console import note, print_json, results
from unseen.cli.data_notes import show_notes
from unseen.cli.errors import UserError, naming_users
from unseen.cli.models import read_model
from unseen.cli.result_table import add_results, has_oracle, percent, result_table

if TYPE_CHECKING:
    from unseen.benchmark.evaluation import Evaluation
    from unseen.data.dataset import ZeroShotData
    from unseen.methods.base import ZeroShotClassifier


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
        data: A folder or file of data, or "digits".
        attributes: The class table to take, where there are several.
        per_class: Show the accuracy of each class, too, and what it is most often taken for.
        per_sample: Count each sample the same, instead of each class.
        as_json: Print the results as JSON.
    """
    from unseen.benchmark.evaluation import evaluate as judge
    from unseen.data.load import load

    fitted = read_model(model, data)
    loaded = load(data, attributes)
    trained, given = fitted.source_, loaded.source
    check_columns("feature", trained.feature_names, given.feature_names, data)
    check_width(fitted, model, loaded.features.shape[1], data)
    check_descriptions(fitted, loaded, data)
    check_columns("attribute", trained.attribute_names, given.attribute_names, data)
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


def check_width(model: Any, folder: Path, width: int, where: object) -> None:
    """Raises if features are not as wide as those the model learned from."""
    if width != model.n_features_in_:
        raise UserError(
            f"{where} has {width} features, but {folder} was trained on {model.n_features_in_}; "
            "take features that were made in the same way."
        )


def check_columns(kind: str, trained: Sequence[str], given: Sequence[str], where: object) -> None:
    """Raises if columns have not the names and the order of those the model learned from.

    Arguments:
        kind: What the columns are, ``"feature"`` or ``"attribute"``.
        trained: The names of the columns in training; arrays have none, and nothing is compared.
        given: The names of the columns now, likewise.
        where: The table.
    """
    if not trained or not given or list(trained) == list(given):
        return

    from unseen.data.wording import listed

    new, missing = (
        [repr(name) for name in names if name not in others]
        for names, others in ((given, trained), (trained, given))
    )
    if new or missing:
        parts = [
            f"{listed(names)} {'is' if len(names) == 1 else 'are'} {what}"
            for names, what in ((new, "new"), (missing, "missing"))
            if names
        ]
        raise UserError(
            f"The {kind} columns of {where} are not those of the training: {'; '.join(parts)}. "
            "Give the same columns in the same order; rename those that only have another name."
        )

    first = next(i for i, name in enumerate(given) if name != trained[i])
    raise UserError(
        f"{where} has the {kind} columns of the training in another order: {given[first]!r} stands "
        f"in the place of {trained[first]!r}. Columns are taken by position: put them in order."
    )


def check_descriptions(model: "ZeroShotClassifier", data: "ZeroShotData", where: str) -> None:
    """Raises if descriptions are not as wide as those the model learned; names those that are."""
    width, given = model.class_attributes_.shape[1], data.class_attributes.shape[1]
    if width == given:
        return

    from unseen.data.load import attribute_tables

    fitting = [name for name, table in attribute_tables(where).items() if table.shape[1] == width]
    hint = (
        f"pass --attributes NAME ({', '.join(fitting)})"
        if fitting
        else "take the class table of the training"
    )
    raise UserError(
        f"The model was trained on descriptions of {width:,} numbers, and this table of {where} "
        f"has {given:,}: {hint}."
    )


def compare_sources(model: "ZeroShotClassifier", data: "ZeroShotData") -> None:
    """Notes where the files are not those of the training."""
    trained, given = (set(source.sha256.values()) for source in (model.source_, data.source))
    if trained and given != trained:
        note(
            f"the files of {data.source.path or data.source.name} are not those the model was "
            f"trained on ({model.source_.path or model.source_.name}): their SHA-256 differs. "
            "Expected if you added classes or rows, converted the files or took another class "
            "table."
        )


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
