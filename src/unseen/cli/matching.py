"""Whether data are as the model learned them: the width and the names of columns, the files."""

__all__ = ["check_columns", "check_data", "check_width", "compare_sources"]

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unseen.cli.console import note
from unseen.cli.errors import UserError

if TYPE_CHECKING:
    from unseen.data.dataset import ZeroShotData
    from unseen.methods.base import ZeroShotClassifier


def check_data(model: "ZeroShotClassifier", folder: Path, data: "ZeroShotData", where: str) -> None:
    """Raises if the columns of features or descriptions are not those the model learned from.

    Arguments:
        model: The fitted model.
        folder: Its folder, for the error.
        data: The data.
        where: What the user named as the data.

    Raises:
        UserError: Says which columns, and what to do.
    """
    trained, given = model.source_, data.source
    check_columns("feature", trained.feature_names, given.feature_names, where)
    check_width(model, folder, data.features.shape[1], where)
    check_descriptions(model, data, where)
    check_columns("attribute", trained.attribute_names, given.attribute_names, where)


def check_width(model: "ZeroShotClassifier", folder: Path, width: int, where: object) -> None:
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
