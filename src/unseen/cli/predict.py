"""``unseen predict``: the classes of new features, also of classes it was never trained on."""

__all__ = ["predict"]

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from unseen.cli.console import note, results
from unseen.cli.errors import UserError, naming_users
from unseen.cli.matching import check_columns, check_width
from unseen.cli.models import read_model
from unseen.cli.outputs import check_apart
from unseen.cli.settings import Whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unseen.methods.base import ZeroShotClassifier

HEADER = ("row", "class", "seen", "probability")
CHUNK_ROWS = 4096  # examples scored at a time
SHOWN_ROWS = 10
CSV_SUFFIXES = (".csv", "")  # without one, as /dev/stdout

Prediction = tuple[int, str, str, float]


def predict(
    model: Path,
    features: Path,
    /,
    *,
    classes: Path | None = None,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    top: Whole = 1,
) -> None:
    """Predict the class of each row of features.

    The results have the columns row (from 0), class, seen ("seen" or "unseen" in training) and
    probability. They go to OUTPUT, or to a pipe; a terminal shows the first of them.

    Arguments:
        model: The folder that "unseen train" wrote.
        features: An npy, npz, safetensors, CSV or parquet file, or a folder with rows.csv.
        classes: A table of further classes to choose from: a column "name", then one column per
            attribute, in the order of training.
        output: The CSV file to write.
        top: How many classes to give for each row, best first.
    """
    from unseen.data.folder_data import note_left_out
    from unseen.data.tables import read_feature_columns

    if output is not None and output.suffix.lower() not in CSV_SUFFIXES:
        raise UserError(
            f"The predictions are written as CSV: give `--output` the suffix .csv, not "
            f"{output.suffix!r}."
        )
    if output is not None:
        check_apart(output, model, features, classes)
    fitted = read_model(model, features)
    added = 0 if classes is None else add_classes(fitted, classes)
    if not 1 <= top <= len(fitted.class_names_):
        raise UserError(f"`--top` must be 1 to {len(fitted.class_names_)} (classes); got {top}.")
    table = read_feature_columns(features, fitted.source_.feature_names)
    rows = table.values
    for text in note_left_out(features.resolve(), table.left_out):
        note(text)
    check_columns("feature", fitted.source_.feature_names, table.names, features)
    check_width(fitted, model, rows.shape[1], features)
    note_same(fitted, added, rows[:1])

    lines = predictions(fitted, rows, top)
    if output is not None:
        write(lines, output)
        note(f"{len(rows):,} rows written to {output}")
    elif sys.stdout.isatty():
        show(lines, len(rows), top)
    else:
        sys.stdout.writelines(to_csv(lines))


def add_classes(model: "ZeroShotClassifier", path: Path) -> int:
    """Adds the classes of a file and returns how many were new.

    One that the model knows by name must be described the same.
    """
    import numpy as np

    from unseen.data.tables import read_class_table

    read = read_class_table(path, numbers=model.source_.attribute_names)
    names, table = read.names, read.attributes
    check_columns("attribute", model.source_.attribute_names, read.attribute_names, path)
    width = model.class_attributes_.shape[1]
    if table.shape[1] != width:
        raise UserError(
            f"{path} has {table.shape[1]} attributes, but the model was trained on {width}; give "
            "the same ones, in the same order."
        )

    known = dict(zip(model.class_names_, model.class_attributes_, strict=True))
    changed = [
        name
        for name, row in zip(names, table, strict=True)
        if name in known and not np.array_equal(row, known[name])
    ]
    if changed:
        raise UserError(
            f"{path} describes {len(changed)} class(es) of the model in another way: "
            f"{', '.join(map(repr, changed[:5]))}. Give a new class a new name."
        )

    new = [i for i, name in enumerate(names) if name not in known]
    if new:
        with naming_users():
            model.add_classes([names[i] for i in new], table[new])

    return len(new)


def note_same(model: "ZeroShotClassifier", added: int, features: "NDArray") -> None:
    """Notes which of the classes added last have the description of another one, and which wins.

    Arguments:
        model: The model with the added classes.
        added: The number of classes added.
        features: An example, with shape :math:`(1, d)`. A method that also keeps something of each
            class of its training, such as its mean, scores it otherwise for one and the other.
    """
    import numpy as np

    from unseen.data.descriptions import same_descriptions

    names, penalty = model.class_names_, model.seen_penalty_
    groups = same_descriptions(model.class_attributes_)
    if not any(row >= len(names) - added for group in groups for row in group):
        return

    (scores,) = model.decision_function(np.array(features))  # PyTorch wants it writable
    equal = np.ones((1, len(names)))  # one score for all: what is left is what the penalty does
    (after,) = equal if penalty is None else penalty(equal, model.seen_)
    reason = "" if penalty is None else ", after the stored penalty"
    for first, *others in groups:
        winner = max((first, *others), key=lambda row: after[row])  # the first among equals
        all_of_them = "both" if len(others) == 1 else f"all {len(others) + 1} of them"
        outcome = (
            f"they cannot be told apart, and {names[winner]!r} is predicted for "
            f"{all_of_them}{reason}"
        )
        if not np.allclose(scores[others], scores[first], rtol=1e-4):
            outcome = "only what the method learned from examples of classes tells them apart"
        for row in others:
            if row >= len(names) - added:
                note(
                    f"the new class {names[row]!r} has the same description as {names[first]!r}: "
                    f"{outcome}."
                )


def predictions(model: "ZeroShotClassifier", features: "NDArray", top: int) -> Iterator[Prediction]:
    """Yields the best classes of each row, best first.

    Arguments:
        model: The fitted model.
        features: The features, with shape :math:`(n, d)`.
        top: The number of classes of each row.
    """
    import numpy as np

    for start in range(0, len(features), CHUNK_ROWS):
        chunk = np.array(features[start : start + CHUNK_ROWS])  # PyTorch wants it writable
        with naming_users():
            probabilities = model.predict_proba(chunk)  # (m, c)
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]  # (m, top)
        for i, columns in enumerate(best):
            for column in columns:
                seen = "seen" if model.seen_[column] else "unseen"
                name = model.class_names_[column]
                yield start + i, name, seen, float(probabilities[i, column])


def to_csv(lines: Iterator[Prediction]) -> Iterator[str]:
    """Yields the lines of a CSV table."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")

    def line(cells: tuple) -> str:
        out.seek(0)
        out.truncate()
        writer.writerow(cells)
        return out.getvalue()

    yield line(HEADER)
    for row, name, seen, probability in lines:
        yield line((row, name, seen, f"{probability:.6g}"))


def write(lines: Iterator[Prediction], output: Path) -> None:
    from unseen.data.atomic import writing

    with writing(output) as file:
        file.writelines(text.encode() for text in to_csv(lines))


def show(lines: Iterator[Prediction], rows: int, top: int) -> None:
    from itertools import islice

    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in HEADER:
        table.add_column(heading, overflow="fold")
    for row, name, seen, probability in islice(lines, SHOWN_ROWS * top):
        table.add_row(str(row), name, seen, f"{probability:.3f}")

    results().print(table)
    if rows > SHOWN_ROWS:
        note(f"{rows - SHOWN_ROWS:,} more rows; -o predictions.csv writes all.")
