"""``unseen generate``: features of described classes, also of classes nobody has seen."""

__all__ = ["generate"]

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from unseen.cli.console import note
from unseen.cli.errors import UserError, naming_users
from unseen.cli.matching import check_columns
from unseen.cli.outputs import check_apart
from unseen.cli.settings import Whole, check_seed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unseen.data.arrays import ArrayStream
    from unseen.methods.generative import GenerativeZeroShotClassifier

SUFFIXES = (".safetensors", ".npz")
FLOAT_BYTES = 4


def generate(
    model: Path,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    classes: Path | None = None,
    rows: Annotated[Whole, Parameter(alias="-n")] = 100,
    seed: Whole = 0,
) -> None:
    """Make features of classes from their descriptions, with a method that can.

    OUTPUT holds features (in the units of the training features, class after class), labels,
    class_names and class_attributes, under the names of other data files, and no split.

    Arguments:
        model: The folder that "unseen train" wrote.
        output: The file to write, .safetensors or .npz; one that is there is replaced.
        classes: A table of the classes: a column "name", then one column per attribute, in the
            order of training. By default, those of the model that had no examples.
        rows: How many rows to make of each class.
        seed: The seed of what is random in them.
    """
    import numpy as np

    from unseen.data.arrays import ArrayStream
    from unseen.models import load_model

    check_seed(seed)
    if output.suffix.lower() not in SUFFIXES:
        raise UserError(
            f"Generated features are written as {' or '.join(SUFFIXES)}: give `--output` one of "
            f"these suffixes, not {output.suffix!r}."
        )
    check_apart(output, model, classes)
    fitted = load_model(model)
    check_generative(fitted, model)
    names, table = described(fitted, model, classes)
    width = fitted.n_features_in_
    check_rows(rows, len(names), width, output)
    with naming_users("fewer `--rows`"):
        parts = fitted.generate_chunks(table, rows, random_state=seed)
        made = ArrayStream(np.dtype("<f4"), (rows * len(names), width), parts)
        write(output, made, names, table)
    note(f"{rows * len(names):,} rows of {len(names)} class(es) written to {output}")


def check_rows(rows: int, classes: int, width: int, output: Path) -> None:
    """Raises if there is nothing to make of each class, or no room on the disk for it."""
    if rows < 1:
        raise UserError(f"`--rows` must be a whole number from 1; got {rows}.")
    if not output.parent.is_dir():
        return  # which writing tells of
    needed, free = rows * classes * width * FLOAT_BYTES, shutil.disk_usage(output.parent).free
    if needed > free:
        raise UserError(
            f"`--rows {rows}` of {classes} class(es) need {needed / 1e9:,.0f} GB, and "
            f"{output.parent} has {free / 1e9:,.1f} GB left: make fewer."
        )


def check_generative(model: object, folder: Path) -> None:
    """Raises if a model cannot generate, and names the methods that can."""
    from unseen.methods import METHODS
    from unseen.methods.generative import GenerativeZeroShotClassifier

    if isinstance(model, GenerativeZeroShotClassifier):
        return

    able = [
        name for name, kind in METHODS.items() if issubclass(kind, GenerativeZeroShotClassifier)
    ]
    raise UserError(
        f"{folder} holds a model of {type(model).__name__}, which makes no features; train a "
        f"method that does: {', '.join(able)}."
    )


def described(
    model: "GenerativeZeroShotClassifier", folder: Path, classes: Path | None
) -> "tuple[tuple[str, ...], NDArray[np.float32]]":
    """Returns names and descriptions of the classes to make, the latter with shape (c, a)."""
    from unseen.data.tables import read_class_table

    if classes is not None:
        read = read_class_table(classes)
        check_columns("attribute", model.source_.attribute_names, read.attribute_names, classes)

        return read.names, read.attributes

    unseen = ~model.seen_
    if not unseen.any():
        raise UserError(
            f"Every class of {folder} had examples; describe others with `--classes`, a table "
            "with a column `name`, then one column per attribute."
        )
    names = [name for name, new in zip(model.class_names_, unseen, strict=True) if new]

    return tuple(names), model.class_attributes_[unseen]


def write(
    output: Path, features: "ArrayStream", names: tuple[str, ...], table: "NDArray[np.float32]"
) -> None:
    """Writes what is made, part by part, under the names that data files use."""
    import json

    import numpy as np

    from unseen.data.arrays import ArrayStream, write_npz, write_safetensors

    labels = np.repeat(np.arange(len(names)), features.shape[0] // len(names))
    arrays = {
        "features": features,
        "labels": ArrayStream.of(labels),
        "class_attributes": ArrayStream.of(table),
    }
    if output.suffix.lower() == ".npz":
        write_npz(output, arrays | {"class_names": ArrayStream.of(np.array(names))})
    else:
        write_safetensors(output, arrays, {"class_names": json.dumps(names, ensure_ascii=False)})
